"""What the README prints is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dpo_ops.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"(?<!-->\n)```sh\n(.*?)```", README, re.DOTALL)
SESSIONS = [block.strip().splitlines() for block in BLOCKS if block.startswith("dpo-ops")]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIREWORKS_")}
    environment["DPO_OPS_EMULATOR_ENGINE"] = "stand-in"
    return subprocess.run(
        [sys.executable, "-m", "dpo_ops", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("examples", "specs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.mark.parametrize("session", SESSIONS, ids=lambda lines: lines[0])
def test_every_session_runs_as_printed(session: list[str], clone: Path) -> None:
    for line in session:
        name, *arguments = shlex.split(line)
        assert name == "dpo-ops"
        done = run(arguments, clone)
        wanted = (0, 2) if arguments[0] == "plan" else (0,)
        assert done.returncode in wanted, (line, done.stdout, done.stderr)


def test_the_printed_spec_is_the_example() -> None:
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
    printed = list(yaml.safe_load_all(block))
    example = list(yaml.safe_load_all((ROOT / "examples/einstein/einstein.yaml").read_text()))
    example[1]["spec"].pop("trainer")
    assert printed == example


def test_the_printed_job_for_own_compute_has_a_base_that_serves_its_adapter(clone: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    printed = yaml.safe_load(next(block for block in blocks if "trainer: trl" in block))
    path = clone / "examples/einstein/einstein.yaml"
    dataset, job, deployment = yaml.safe_load_all(path.read_text())
    path.write_text(yaml.dump_all([dataset, {**job, "spec": printed["spec"]}, deployment]))
    done = run(["plan", "examples/einstein", "--emulator"], clone)
    assert done.returncode == 2, (done.stdout, done.stderr)


def test_every_command_is_in_the_readme() -> None:
    assert not [name for name in COMMANDS if f"`dpo-ops {name}" not in README]


def test_ci_finds_the_two_commands() -> None:
    between = README.partition("<!-- commands -->")[2].partition("<!-- /commands -->")[0]
    commands = [line for line in between.splitlines() if line.startswith("pip install")]
    assert len(commands) == 2
    assert "pytest" in commands[1]
