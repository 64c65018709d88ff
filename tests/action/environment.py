"""The action's environment for the tests: what its installer would make, without the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.action.acting import ROOT, searched

INSTALL = ROOT / ".github/actions/dpo-ops/install.sh"


# What the action installs, and what it is installed by.
TOOL_FILES = ("dpo_ops", ".github", "pyproject.toml")


def files_of(place: str) -> dict[str, str | bytes]:
    """The files of this repository below a place, without what running it leaves there."""
    whole = ROOT / place
    found = [f for f in (whole.rglob("*") if whole.is_dir() else [whole]) if f.is_file()]
    shipped = [f for f in found if f.parent.name != "__pycache__"]
    return {f.relative_to(ROOT).as_posix(): f.read_bytes() for f in shipped}


def place(cache: Path, extras: str = "") -> Path:
    """Where the installer puts the environment."""
    done = subprocess.run(
        ["bash", str(INSTALL), "place"],
        env={"PATH": searched(), "RUNNER_TOOL_CACHE": str(cache), "DPO_OPS_EXTRAS": extras},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.splitlines()[0].removeprefix("path="))


def made(shared: Path) -> None:
    """Make it of the packages that the tests run with, and a copy of the tool that is ours alone.

    Several processes may do so at once. The environment is where act has its tool cache.
    """
    tool = shared / f"tool.{os.getpid()}"
    for place_ in TOOL_FILES:
        for name, content in files_of(place_).items():
            path = tool / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            path.chmod((ROOT / name).stat().st_mode)
    renamed(tool, shared / "tool")
    there = place(shared / "act/tool_cache")
    new = there.with_name(f"{there.name}.{os.getpid()}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(new)], check=True)
    (site,) = new.glob("lib/*/site-packages")
    paths = {str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "tests.pth").write_text("\n".join(sorted(paths)) + "\n")
    program = new / "bin/dpo-ops"
    program.write_text(
        f"#!{there}/bin/python\nimport sys\nfrom dpo_ops.__main__ import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    (new / ".complete").touch()
    renamed(new, there)


def renamed(new: Path, there: Path) -> None:
    """Give it its name, unless another process was faster."""
    try:
        new.rename(there)
    except OSError:
        shutil.rmtree(new)
        assert there.is_dir()
