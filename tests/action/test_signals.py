"""A cancelled run: its signal reaches the program, which ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.action.stage import users_files
from tests.action.test_lint import ACTION

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_last_step_is_the_program_itself(tmp_path: Path, number: signal.Signals):
    *_, last = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    script, outputs = tmp_path / "step.sh", tmp_path / "outputs"
    script.write_text(last["run"])
    for name, content in users_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    program = tmp_path / "dpo-ops"
    program.write_text(f'#!/bin/bash\nexec {sys.executable} -m dpo_ops "$@"\n')
    program.chmod(0o755)
    settings = {n: v for n, v in os.environ.items() if not n.startswith(("GITHUB_", "FIREWORKS_"))}
    # As GitHub's runner starts the script of a step whose shell is bash.
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=tmp_path,
        env={
            **settings,
            "DPO_OPS": str(program),
            "DPO_OPS_COMMAND": "apply",
            "DPO_OPS_PATHS": "specs/pipeline",
            "DPO_OPS_VALUES": "specs/values/staging.yaml",
            "DPO_OPS_APPROVE": "specs",
            "DPO_OPS_EMULATOR": "true",
            "DPO_OPS_EMULATOR_SPEED": "10",
            "DPO_OPS_EMULATOR_ENGINE": "stand-in",
            "GITHUB_OUTPUT": str(outputs),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            until(process, "DPOJob/einstein-tune: starting")
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            # A script that is not the program itself would leave the program behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err
    assert "Stopping: nothing new is begun." in err
    assert "in-progress" in outputs.read_text()
    assert "\ntrue\n" in outputs.read_text().partition("in-progress")[2][:60]


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read what it says until a line holds `text`."""
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return
    raise AssertionError("".join(seen))
