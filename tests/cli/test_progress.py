"""A training on one's own compute while it goes on: lines in a log, a bar on a terminal."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import pytest

from dpo_ops.cli.live import live_view
from dpo_ops.cli.progress import Forecast, Lines
from dpo_ops.cli.screen import Screen
from dpo_ops.executor.events import Ended, Outcome, StepBegan, StepEnded, Training
from dpo_ops.planner import Action, Step, Verb
from dpo_ops.reporters import Style
from dpo_ops.resource import Address
from dpo_ops.trainers import Measured

JOB = Address("DPOJob", "einstein-tune")
OTHER = Address("DPOJob", "b")
STEP = Step(Verb.TRAIN, "models/einstein-tune-0123456789")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(number: int, of: int = 100, address: Address = JOB, **said: float) -> Training:
    figures = {"loss": 0.69 / number, "margin": 0.01 * number, "accuracy": 0.5, **said}
    return Training(address, Measured(number, of, **figures))


def test_a_log_gets_a_line_a_tenth_and_no_flood():
    said: list[str] = []
    clock = Clock()
    show = Lines(said.append, Style(), clock)
    show(StepBegan(JOB, STEP))
    for number in range(1, 1001):
        clock.now += 0.5
        show(step(number, 1000))
    show(StepEnded(JOB, STEP))
    assert said[0] == "DPOJob/einstein-tune: training models/einstein-tune-0123456789\n"
    assert said[-1] == "DPOJob/einstein-tune: trained models/einstein-tune-0123456789\n"
    steps = [line for line in said if ": step" in line]
    # Eleven tenths, the end among them; each lasts less than a minute.
    assert [int(line.split()[2].replace(",", "")) for line in steps] == [
        1,
        *range(100, 1001, 100),
    ]
    assert all(len(line) <= 81 for line in said)
    assert steps[1] == ("DPOJob/einstein-tune: step 100 of 1,000, loss 0.0069, about 7m 30s left\n")
    assert steps[-1].endswith("step 1,000 of 1,000, loss 0.00069, margin 10, accuracy 0.5\n")
    assert "left" not in steps[-1]


def test_a_slow_training_says_something_every_minute():
    said: list[str] = []
    clock = Clock()
    show = Lines(said.append, Style(), clock)
    for number in range(1, 31):
        show(step(number, 10_000))
        clock.now += 10
    assert len(said) == 5


def test_steps_that_nobody_counts_are_told_too():
    said: list[str] = []
    show = Lines(said.append, Style(), Clock())
    show(Training(JOB, Measured(7, 0, loss=0.5)))
    show(Training(JOB, Measured(8, 0, loss=0.4)))
    assert said == ["DPOJob/einstein-tune: step 7, loss 0.5\n"]


def test_two_trainings_have_their_own_lines():
    said: list[str] = []
    show = Lines(said.append, Style(), Clock())
    for number in (1, 2):
        show(step(number))
        show(step(number, address=OTHER))
    assert [line.partition(":")[0] for line in said] == ["DPOJob/einstein-tune", "DPOJob/b"]


def test_a_forecast_follows_the_pace_since_it_was_taken_up():
    forecast = Forecast()
    assert forecast.left_s(step(50), 0.0) is None
    assert forecast.left_s(step(60), 20.0) == pytest.approx(80.0)
    assert forecast.left_s(step(10), 30.0) is None  # It began anew.
    assert forecast.left_s(step(20), 40.0) == pytest.approx(80.0)
    assert forecast.left_s(step(30, of=0), 50.0) is None


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_how_far_it_is(columns: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    clock = Clock()
    with live_view(Screen(io.StringIO(), Terminal(), Terminal(), {}), clock) as view:
        view(StepBegan(JOB, STEP))
        view(StepBegan(OTHER, Step(Verb.WAIT, "dpoJobs/b")))
        view(step(10))
        clock.now += 30
        view(step(25))
        lines = shown(view).splitlines()
    assert max(map(len, lines)) <= columns
    if columns == 80:
        assert lines[0].startswith("DPOJob/einstein-tune  training       30s  ━━━━")
        assert lines[1] == (
            "  step 25 of 100, loss 0.0276, margin 0.25, accuracy 0.5, about 2m 30s left"
        )
        assert lines[2].split() == ["DPOJob/b", "waiting", "30s"]
    else:
        assert lines[1] == "  step 25 of 100"


def test_a_training_that_is_over_leaves_the_screen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    with live_view(Screen(io.StringIO(), Terminal(), Terminal(), {}), Clock()) as view:
        view(step(1))  # Nothing has begun.
        assert shown(view) == ""
        view(StepBegan(JOB, STEP))
        view(step(1))
        view(StepBegan(JOB, Step(Verb.UPLOAD, "models/x")))
        assert "step 1 of 100" not in shown(view)
        view(Ended(JOB, Outcome.DONE, Action.CREATE, "x"))
        assert shown(view) == ""


def test_many_trainings_are_never_higher_than_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("COLUMNS", "80")
    with live_view(Screen(io.StringIO(), Terminal(), Terminal(), {}), Clock()) as view:
        for number in range(9):
            address = Address("DPOJob", f"d{number}")
            view(StepBegan(address, STEP))
            view(step(1, address=address))
        text = shown(view)
    assert len(text.splitlines()) <= 10
    assert "and 6 more" in text


def shown(view: Any) -> str:
    with view._console.capture() as captured:
        view._console.print(view.picture(), end="")
    return re.sub(r"\r|\x1b\[[0-9;?]*[A-Za-z]", "", str(captured.get()))


def test_a_long_reason_is_wrapped_as_everything_else():
    said: list[str] = []
    reason = " ".join(["the platform gave a reason that nobody asked for"] * 5)
    Lines(said.append, Style(), Clock())(
        Ended(JOB, Outcome.FAILED, Action.CREATE, "a-1", f"{reason} · why"),
    )
    text = "".join(said)
    assert max(map(len, text.splitlines())) <= 80
    assert " ".join(text.split()) == f"{JOB}: failed: {reason} · why"
