"""A folder with specs, a clean environment, and the tool run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from dpo_ops.cli.app import app
from dpo_ops.cli.starter import FILES
from dpo_ops.reporters.schemas import SCHEMAS

ROOT = Path(__file__).parents[2]
FAST = ("--emulator", "--emulator-speed", "20000")


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    def document(self, name: str) -> Any:
        """Return standard output as the one JSON document it must be."""
        found = json.loads(self.out)
        jsonschema.Draft202012Validator(SCHEMAS[name]).validate(found)
        return found


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that is a repository, with nothing set that the tool reads."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in list(os.environ):
        if name.startswith(("FIREWORKS_", "GITHUB_", "DPO_OPS_")) or name == "NO_COLOR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("DPO_OPS_EMULATOR_ENGINE", "stand-in")
    return tmp_path


@pytest.fixture
def specs(folder: Path) -> Path:
    """Return the folder of specs that `init` writes."""
    made = folder / "specs"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.fixture
def run() -> Run:
    """Run the tool in this process."""

    def call(*args: str, **options: Any) -> Ran:
        result = CliRunner().invoke(app, args, **options)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call


def command(*args: str) -> list[str]:
    """Return the tool as a process of its own."""
    return [sys.executable, "-m", "dpo_ops", *args]


def environment(**more: str) -> dict[str, str]:
    """Return the environment for such a process."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def spawned(*args: str, **more: str) -> Ran:
    """Run the tool as a process of its own."""
    done = subprocess.run(
        command(*args), capture_output=True, env=environment(**more), check=False, timeout=60
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
