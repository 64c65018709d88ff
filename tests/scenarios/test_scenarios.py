"""Golden command sessions: one behaviour, one file; the format is told in `text.py`."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.stage import HERE, Stage
from tests.scenarios.text import WHATEVER, Block, Step, parse, render

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    expected = path.read_text(encoding="utf-8")
    with Stage(tmp_path, monkeypatch) as stage:
        actual = render([play(stage, step) for step in parse(expected)])
    if actual == expected:
        return
    if pytestconfig.getoption("--update"):
        path.write_text(actual, encoding="utf-8")
        return
    lines = unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", "", "")
    pytest.fail("\n".join((*lines, "--update writes it down")), pytrace=False)


def play(stage: Stage, step: Step) -> Step:
    """Do one step and return it with what really happened."""
    head = step.block.head
    if head.startswith("@ "):
        stage.do(head.removeprefix("@ "))
    elif step.block.section:
        stage.write(step.block.section, f"{step.block.body}\n" if step.block.body else "")
    elif step.is_command:
        return _run(stage, step)
    return step


def _run(stage: Stage, step: Step) -> Step:
    ran = stage.run(step.block.head.removeprefix("$ "))
    shown = {"stdout": ran.stdout, "stderr": ran.stderr}
    if "requests" in step.expected:
        shown["requests"] = ran.requests or "(none)"
    for name, expected in step.expected.items():
        if expected == WHATEVER:
            shown[name] = WHATEVER
    return Step(
        Block(step.block.head, f"exit {ran.code}"), {n: text for n, text in shown.items() if text}
    )
