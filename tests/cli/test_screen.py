"""The one way out, the progress and the signals, each on its own."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from typing import Any

import pytest

from dpo_ops.cli.app import asked_format
from dpo_ops.cli.live import live_view
from dpo_ops.cli.progress import Lines, megabytes, progress
from dpo_ops.cli.screen import Format, Screen
from dpo_ops.cli.stopping import Stop
from dpo_ops.executor.events import (
    Answered,
    Began,
    Ended,
    Event,
    Outcome,
    StepBegan,
    StepEnded,
    Unseen,
    Uploading,
    Waiting,
)
from dpo_ops.planner import Action, Plan, Step, Verb
from dpo_ops.reporters import Style, json_text
from dpo_ops.resource import Address

JOB = Address("DPOJob", "tune")
DATA = Address("Dataset", "prefs")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(**environ: str) -> tuple[Screen, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Screen(out, err, io.StringIO(), environ), out, err


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines() -> tuple[Lines, Clock, list[str]]:
    said: list[str] = []
    clock = Clock()
    return Lines(said.append, Style(), clock), clock, said


def test_data_and_the_rest_part_ways():
    made, out, err = screen()
    made.data("data\n")
    made.say("word\n")
    assert (out.getvalue(), err.getvalue()) == ("data\n", "word\n")


def test_every_way_out_masks():
    made, out, err = screen(FIREWORKS_API_KEY="fw-secret")
    made.data("a fw-secret")
    made.say("b fw-secret")
    made.annotate("c fw-secret")
    made.ask("d fw-secret")
    assert "fw" not in out.getvalue() + err.getvalue()


def test_text_cannot_steer_the_runner_of_github():
    made, out, err = screen(GITHUB_ACTIONS="true")
    made.data("x\n  ::add-mask::y\n a ##[group]z\n")
    made.annotate("::error::mine\n")
    assert "::add-mask" not in out.getvalue()
    assert "##[" not in out.getvalue()
    assert err.getvalue() == "::error::mine\n"


def test_json_stays_json_for_the_runner_of_github():
    made, out, _ = screen(GITHUB_ACTIONS="true")
    made.format = Format.JSON
    said = {"x": "##[group] ::error::"}
    made.data(json_text(said))
    assert "##[" not in out.getvalue()
    assert json.loads(out.getvalue()) == said


def test_streams_that_the_shell_closed_are_no_crash():
    made = Screen(None, None, None, {})
    made.data("x")
    made.say("x")
    assert made.ask("?") == ""
    assert not made.interactive
    assert not made.live


@pytest.mark.parametrize(
    ("environ", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], colour: bool):
    made = Screen(Terminal(), io.StringIO(), Terminal(), environ)
    assert made.data_style().colour is colour
    assert made.style().colour is False
    assert made.style().width == 80
    assert not made.interactive


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["plan", "--format", "json"], Format.JSON),
        (["--format=github"], Format.GITHUB),
        (["plan", "--format"], Format.TEXT),
        (["plan", "json"], Format.TEXT),
        ([], Format.TEXT),
    ],
)
def test_the_format_is_known_before_the_line_is_understood(args: list[str], expected: Format):
    assert asked_format(args) is expected


def test_each_step_is_a_line():
    show, _, said = lines()
    for event in (
        Began(Plan("a", "s", ())),
        StepBegan(DATA, Step(Verb.CREATE, "datasets/x")),
        StepEnded(DATA, Step(Verb.CREATE, "datasets/x"), "created x"),
        StepEnded(DATA, Step(Verb.DELETE, "datasets/y")),
        Answered(JOB, "m", "p", "a"),
        Ended(DATA, Outcome.DONE, Action.CREATE, "x", "ready"),
        Ended(JOB, Outcome.FAILED, Action.CREATE, "y", "failed: \x1b[31mbad data"),
    ):
        show(event)
    assert said == [
        "Dataset/prefs: creating datasets/x\n",
        "Dataset/prefs: created x\n",
        "Dataset/prefs: deleted datasets/y\n",
        "DPOJob/tune: failed: bad data\n",
    ]


def test_a_wait_is_a_line_a_minute_and_one_for_each_new_state():
    show, clock, said = lines()
    for second in range(0, 181, 10):
        clock.now = 1000.0 + second
        state = "VALIDATING" if second < 30 else "RUNNING"
        show(Waiting(JOB, state, "", float(second)))
    assert said == [
        "DPOJob/tune: VALIDATING\n",
        "DPOJob/tune: RUNNING, waited 30s\n",
        "DPOJob/tune: RUNNING, waited 1m 30s\n",
        "DPOJob/tune: RUNNING, waited 2m 30s\n",
    ]


def test_a_state_is_told_in_plain_words_where_there_are_any():
    show, _, said = lines()
    show(Waiting(JOB, "JOB_STATE_RUNNING", "training", 0.0))
    show(Waiting(JOB, "READY", "does not answer yet: starting up", 0.0))
    assert said == ["DPOJob/tune: training\n", "DPOJob/tune: does not answer yet: starting up\n"]


def test_failures_are_short_while_it_goes_on():
    show, _, said = lines()
    failure = "GET /v1/x: the service failed (500) · storage is down · run again in a few minutes"
    show(Unseen(failure, 0.0))
    show(Ended(DATA, Outcome.FAILED, Action.CREATE, "x", failure))
    show(Ended(JOB, Outcome.RUNNING, Action.CREATE, "y", "goes on without us (training)"))
    short = "GET /v1/x: the service failed (500) · storage is down"
    assert " ".join("".join(said).split()) == (
        f"the account can't be seen, 0s so far: {short} Dataset/prefs: failed: {short}"
        " DPOJob/tune: still running: goes on without us (training)"
    )
    assert max(map(len, said)) <= 81


def test_an_upload_and_a_blind_wait_are_a_line_a_minute_too():
    show, clock, said = lines()
    for second in range(0, 121, 5):
        clock.now = 1000.0 + second
        show(Uploading(DATA, second * 10_000_000, 1_200_000_000))
        show(Unseen("no answer", float(second)))
    assert said == [
        "Dataset/prefs: uploaded 0 B of 1.2 GB\n",
        "the account can't be seen, 0s so far: no answer\n",
        "Dataset/prefs: uploaded 600 MB of 1.2 GB\n",
        "the account can't be seen, 1m 00s so far: no answer\n",
        "the account can't be seen, 2m 00s so far: no answer\n",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (812_345, "812 kB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_are_short(size: int, text: str):
    assert megabytes(size) == text


def test_without_a_terminal_progress_is_lines():
    made, _, err = screen()
    with progress(made, Clock()) as view:
        view(StepBegan(DATA, Step(Verb.UPLOAD, "datasets/x")))
        view.say("word")
    assert err.getvalue() == "Dataset/prefs: uploading datasets/x\nword\n"


@pytest.mark.parametrize("columns", [40, 80])
def test_the_live_view_shows_what_is_under_way(columns: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "10")
    err = Terminal()
    made = Screen(io.StringIO(), err, Terminal(), {"FIREWORKS_API_KEY": "fw-secret"})
    clock = Clock()
    with live_view(made, clock) as view:
        for event in under_way():
            view(event)
        clock.now += 75
        view.say("Stopping")
        text = shown(view)
    assert "Dataset/prefs  uploading   1m 15s" in text
    assert all(len(line) <= columns for line in text.splitlines())
    assert "fw-secret" not in err.getvalue() + text
    assert "DPOJob/tune: failed" in err.getvalue()
    assert "Stopping" in err.getvalue()


def test_the_live_view_is_never_higher_than_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINES", "10")
    made = Screen(io.StringIO(), Terminal(), Terminal(), {})
    with live_view(made, Clock()) as view:
        for n in range(50):
            view(StepBegan(Address("Dataset", f"d{n}"), Step(Verb.WAIT, f"datasets/d{n}")))
        text = shown(view)
    assert len(text.splitlines()) <= 10
    assert "and 44 more" in text


def under_way() -> list[Event]:
    return [
        StepBegan(DATA, Step(Verb.UPLOAD, "datasets/x")),
        Uploading(DATA, 5_000_000, 10_000_000),
        StepBegan(JOB, Step(Verb.WAIT, "dpoJobs/a-very-long-name-that-does-not-fit")),
        Waiting(JOB, "JOB_STATE_RUNNING", "fw-secret", 9.0),
        Unseen("fw-secret refused, with a long reason that does not fit on one line at all", 3.0),
        StepEnded(JOB, Step(Verb.WAIT, "dpoJobs/x")),
        Ended(JOB, Outcome.FAILED, Action.CREATE, "x", "fw-secret"),
    ]


def shown(view: Any) -> str:
    with view._console.capture() as captured:
        view._console.print(view.picture())
    return re.sub(r"\r|\x1b\[[0-9;?]*[A-Za-z]", "", str(captured.get()))


def test_a_signal_is_heard_once_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    said: list[str] = []
    with Stop(said.append, live=False) as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        assert stop()
    assert said == ["Stopping: nothing new is begun. Once more leaves at once."]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
