"""How the action installs the tool: once, whole, and with a clear word where it can't."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.action.acting import ROOT, searched
from tests.action.environment import INSTALL, place

# What builds the package; there is no index to fetch it from.
BUILDS = ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers")


def install(command: str, path: str, cache: Path, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", str(INSTALL), command],
        env={"PATH": path, "HOME": str(cache), "RUNNER_TOOL_CACHE": str(cache), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
def test_it_is_made_once_and_whole_by_two_jobs_at_a_time(tmp_path: Path):
    builds, site = tmp_path / "builds", Path(sysconfig.get_path("purelib"))
    builds.mkdir()
    for name in BUILDS:
        (builds / name).symlink_to(site / name)
    offline = {
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one the other way round
        "PYTHONPATH": str(builds),
        "PIP_LOG": str(tmp_path / "pip.log"),
    }
    there = place(tmp_path)
    there.mkdir(parents=True)
    (there / "half-made").touch()
    jobs = [install("install", searched(), tmp_path, **offline) for _ in range(2)]
    ended = [(*job.communicate(timeout=300), job.returncode) for job in jobs]
    assert ended == [(f"dpo-ops={there}/bin/dpo-ops\n", "", 0)] * 2
    assert (tmp_path / "pip.log").read_text().count("Successfully installed dpo-ops") == 1
    assert not (there / "half-made").exists()
    program = [str(there / "bin/dpo-ops"), "--version"]
    shown = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("dpo-ops ")


def test_the_versions_of_all_that_comes_along_are_pinned():
    """What a commit of the action installs is the same tomorrow."""
    text = INSTALL.with_name("constraints.txt").read_text()
    pinned = [line for line in text.splitlines() if not line.startswith("#")]
    pins = {name: Version(version) for name, _, version in (p.partition("==") for p in pinned)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo, needed = [Requirement(r) for r in project["dependencies"]], dict[str, set[str]]()
    while todo:
        one = todo.pop()
        name = canonicalize_name(one.name)
        assert pins[name] in one.specifier, one
        extras = needed.setdefault(name, set())
        if metadata.version(name) != str(pins[name]):
            # A newer one is installed here, and may need others than the pinned one does.
            continue
        if not extras or one.extras - extras:
            extras |= {"", *one.extras}
            own = map(Requirement, metadata.requires(name) or ())
            todo += [
                r
                for r in own
                if not r.marker or any(r.marker.evaluate({"extra": e}) for e in extras)
            ]


def test_the_place_follows_the_extras_and_the_cache(tmp_path: Path):
    here, there = tmp_path / "a", tmp_path / "b"
    assert place(here) == place(here)
    assert len({place(here).name, place(there).name, place(here, "tokens").name}) == 3


@pytest.mark.parametrize("extras", ["tokens]; x", "tokens, png", "../evil", "TOKENS", ",", "a\nb"])
def test_extras_are_names_and_nothing_else(tmp_path: Path, extras: str):
    job = install("place", searched(), tmp_path, DPO_OPS_EXTRAS=extras)
    out, err = job.communicate(timeout=60)
    assert (job.returncode, out) == (1, "")
    assert err.startswith("::error title=dpo-ops is not installed::The input extras takes names")


def only(folder: Path, python: str) -> str:
    """A PATH with one Python, which is this script, and what the installer needs besides."""
    folder.mkdir()
    for name in ("bash", "dirname", "mkdir", "rm"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    (folder / "python3").write_text(f"#!{folder}/bash\n{python}\n")
    (folder / "python3").chmod(0o755)
    return str(folder)


def test_it_says_that_python_is_too_old(tmp_path: Path):
    job = install("install", only(tmp_path / "bin", "exit 1"), tmp_path)
    out, err = job.communicate(timeout=60)
    assert (job.returncode, out) == (1, "")
    assert err == (
        "::error title=dpo-ops is not installed::It needs Python 3.11 or later, and there is none "
        "in PATH. Put actions/setup-python before it.\n"
    )


def test_it_says_that_venv_is_missing(tmp_path: Path):
    python = f'[[ $* == *ensurepip* ]] && exit 1; exec {sys.executable} "$@"'
    path = only(tmp_path / "bin", python)
    job = install("install", path, tmp_path)
    out, err = job.communicate(timeout=60)
    assert (job.returncode, out) == (1, "")
    assert err.startswith(f"::error title=dpo-ops is not installed::{path}/python3 has no venv.")
    assert "apt-get install python3-venv" in err
