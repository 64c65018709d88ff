"""The loop of `reconcile --every` on a clock that only moves when it sleeps."""

from __future__ import annotations

import io
import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.cli.logbook import Logbook, without_waits
from dpo_ops.cli.options import EngineChoice, Target
from dpo_ops.cli.rounds import SOONEST_S, Pace, keep_up
from dpo_ops.cli.screen import Format, Screen
from dpo_ops.cli.vitals import Gauges, Pulse
from dpo_ops.errors import DpoOpsError, Finding, SettingsError, SpecError, Unreachable
from dpo_ops.executor.events import Ended, Outcome, Report, StepBegan, StepEnded, Waiting
from dpo_ops.planner import Step, Verb
from dpo_ops.reporters.rounds import Round, Verdict, news_of, round_document
from dpo_ops.reporters.schemas import SCHEMAS
from tests.rehearsal import VirtualClock
from tests.reporters import cases

if TYPE_CHECKING:
    from collections.abc import Callable

DOWN = Unreachable("can't reach the API", request="GET datasets", why="connection refused")
START = 1_790_000_000.0


class Times(VirtualClock):
    """A virtual clock with a date."""

    def date(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)


class Dice(random.Random):
    """Draws the most that it is asked for."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def ending(outcome: Outcome) -> Report:
    """Return the report of a plan whose three changes all ended like this."""
    return cases.report(cases.fresh(), outcome, outcome, outcome)


IN_SYNC, DONE, RUNNING, FAILED = map(
    ending, (Outcome.IN_SYNC, Outcome.DONE, Outcome.RUNNING, Outcome.FAILED)
)


def rounds(*results: Report | Exception, every_s: float = 300.0) -> list[Round]:
    """Run the loop over these results, and stop it after the last."""
    times, left, heard = Times(START), list(results), list[Round]()

    def one() -> Report:
        times.sleep(1.0)
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    keep_up(one, heard.append, pace=Pace(every_s, Dice()), times=times, stop=lambda: not left)
    assert times.now() - START < sum(r.took_s + r.pause_s for r in heard)  # The last has no pause.
    return heard


def pauses(*results: Report | Exception, every_s: float = 300.0) -> list[float]:
    return [round_.pause_s for round_ in rounds(*results, every_s=every_s)]


def test_what_is_in_place_done_or_failed_has_time() -> None:
    assert pauses(IN_SYNC, DONE, FAILED, FAILED) == [300.0] * 4


def test_what_runs_is_looked_at_soon_and_then_ever_less_often() -> None:
    assert pauses(*[RUNNING] * 8) == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


def test_something_new_is_looked_at_soon_again() -> None:
    made = RUNNING.ended[0]
    moved = replace(RUNNING, ended=(replace(made, outcome=Outcome.DONE), *RUNNING.ended[1:]))
    assert pauses(RUNNING, RUNNING, RUNNING, moved, moved) == [5.0, 10.0, 20.0, 5.0, 10.0]


def test_errors_are_tried_again_with_ever_longer_pauses_whatever_they_say() -> None:
    errors = [Unreachable(f"can't reach the API, {n}") for n in range(8)]
    assert pauses(*errors, IN_SYNC, DOWN) == [
        *(5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0),
        300.0,
        5.0,
    ]


def test_an_outage_of_days_overflows_nothing() -> None:
    assert set(pauses(*[DOWN] * 2000)[10:]) == {300.0}


@given(st.floats(1, 1e6), st.integers(0, 2**32), st.lists(st.sampled_from([RUNNING, DOWN, DONE])))
def test_no_pause_is_longer_than_asked_nor_much_shorter_than_meant(
    every_s: float, seed: int, results: list[Report | DpoOpsError]
) -> None:
    pace = Pace(every_s, random.Random(seed))  # noqa: S311  -- jitter, not a secret
    for result in results:
        assert 0.9 * min(SOONEST_S, every_s) <= pace.after(result) <= every_s


def test_the_loop_survives_what_it_did_not_expect() -> None:
    made = broken, defect, fine = rounds(SpecError([]), ZeroDivisionError("by zero"), DONE)
    assert [r.verdict for r in made] == [Verdict.ERROR, Verdict.ERROR, Verdict.DONE]
    assert broken.report is None
    assert defect.error
    assert "ZeroDivisionError: by zero" in str(defect.error)
    assert [r.number for r in made] == [1, 2, 3]
    assert fine.took_s == 1.0


def test_wrong_settings_end_it_only_at_the_start() -> None:
    with pytest.raises(SettingsError):
        rounds(SettingsError("no key"))
    assert rounds(DONE, SettingsError("no key"), DONE)[1].verdict is Verdict.ERROR


def test_it_stops_between_two_looks_of_a_pause() -> None:
    times, heard = Times(START), list[Round]()

    def one() -> Report:
        return IN_SYNC

    keep_up(
        one,
        heard.append,
        pace=Pace(300.0, Dice()),
        times=times,
        stop=lambda: times.now() >= START + 100,
    )
    assert len(heard) == 1
    assert times.now() - START <= 100.5


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (IN_SYNC, Verdict.IN_SYNC),
        (DONE, Verdict.DONE),
        (RUNNING, Verdict.RUNNING),
        (ending(Outcome.NOT_STARTED), Verdict.RUNNING),
        (FAILED, Verdict.FAILED),
        (ending(Outcome.BLOCKED), Verdict.FAILED),
        (ending(Outcome.SKIPPED), Verdict.FAILED),
        (DOWN, Verdict.ERROR),
    ],
    ids=str,
)
def test_every_round_is_a_document_that_holds_to_its_schema(
    result: Report | DpoOpsError, verdict: Verdict
) -> None:
    round_ = took(result)
    assert round_.verdict is verdict
    document = json.loads(json.dumps(round_document(round_)))
    jsonschema.Draft202012Validator(SCHEMAS["round"]).validate(document)
    assert document["outcome"] == verdict
    assert (document["report"] is None) == (verdict in (Verdict.IN_SYNC, Verdict.ERROR))


def test_waits_and_request_ids_are_no_news() -> None:
    later = tuple(replace(end, waited=end.waited + 60) for end in RUNNING.ended)
    assert news_of(RUNNING) == news_of(replace(RUNNING, ended=later))
    assert news_of(RUNNING) != news_of(DONE)
    once, again = (Unreachable("gone", request_id=id_) for id_ in ("one", "two"))
    assert news_of(once) == news_of(again) != news_of(DOWN)
    here, there = (SpecError([Finding(w, "wrong")]) for w in ("a.yaml", "b.yaml"))
    assert news_of(here) != news_of(there)


class TestPulse:
    def test_it_lives_while_rounds_end_or_something_happens_in_one(self) -> None:
        times = Times(0)
        pulse = Pulse(300.0, times.now)
        assert pulse.stopped() == ""
        times.sleep(899)
        assert pulse.stopped() == ""
        times.sleep(1)
        assert pulse.stopped() == "nothing has happened for 15m 00s; the limit is 900s"
        pulse.beat()
        assert pulse.stopped() == ""
        times.sleep(900)
        assert pulse.stopped()
        pulse.took(took(DOWN))
        assert pulse.stopped() == ""

    def test_a_short_interval_does_not_make_an_outage_a_death(self) -> None:
        times = Times(0)
        pulse = Pulse(1.0, times.now)
        times.sleep(299)
        assert pulse.stopped() == ""
        times.sleep(1)
        assert pulse.stopped()

    @pytest.mark.parametrize(("result", "ready"), [(DOWN, False), (FAILED, False), (RUNNING, True)])
    def test_it_is_ready_once_a_round_went_well(self, result: Report, ready: bool) -> None:
        pulse = Pulse(300.0, Times(0).now)
        assert pulse.not_ready() == "no round has gone well yet"
        pulse.took(took(result))
        assert (pulse.not_ready() == "") == ready
        pulse.took(took(DONE))
        pulse.took(took(DOWN))
        assert pulse.not_ready() == ""


class TestGauges:
    def test_all_figures_are_there_before_the_first_round(self) -> None:
        pytest.importorskip("prometheus_client")
        figures = page(Gauges())
        for verdict in Verdict:
            assert figures[f'dpo_ops_rounds_total{{outcome="{verdict}"}}'] == 0
        assert figures["dpo_ops_last_success_timestamp_seconds"] == 0

    def test_they_count_rounds_and_show_the_last(self) -> None:
        pytest.importorskip("prometheus_client")
        gauges = Gauges()
        for result in (RUNNING, DONE, DOWN):
            gauges.took(took(result))
        figures = page(gauges)
        assert figures['dpo_ops_rounds_total{outcome="running"}'] == 1
        assert figures['dpo_ops_rounds_total{outcome="error"}'] == 1
        assert figures["dpo_ops_round_seconds_count"] == 3
        assert figures["dpo_ops_round_seconds_sum"] == 6.0
        assert figures["dpo_ops_last_round_timestamp_seconds"] == START
        summary = DONE.plan.summary
        assert {a: figures[f'dpo_ops_changes{{action="{a}"}}'] for a in summary} == summary
        assert figures["dpo_ops_blocked"] == 0
        number = sum(n for name, n in figures.items() if name.startswith("dpo_ops_resources{"))
        assert number == len(DONE.ended)

    def test_each_has_a_registry_of_its_own(self) -> None:
        prometheus = pytest.importorskip("prometheus_client")
        one, other = Gauges(), Gauges()
        one.took(took(DONE))
        assert page(other)['dpo_ops_rounds_total{outcome="done"}'] == 0
        assert b"dpo_ops" not in prometheus.generate_latest()

    def test_without_the_extra_it_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        with pytest.raises(SettingsError, match="--listen needs prometheus_client") as caught:
            Gauges()
        assert "pip install 'dpo-ops[server]'" in caught.value.fix


class TestLogbook:
    def test_what_is_new_is_said_in_full_and_then_a_line_an_hour(self) -> None:
        said = log(*[(IN_SYNC, 300.0)] * 25)
        assert said.err.count("\n") == 3  # At the start, after one hour, after two.
        assert said.err.splitlines()[0].endswith("Z round 1: in sync, 3 resources; next in 5m 00s")
        assert said.out == ""

    def test_what_was_done_is_reported_each_time(self) -> None:
        assert log((DONE, 1.0), (DONE, 1.0)).out.count("Applied: 3 done.") == 2

    def test_the_same_failure_is_reported_once_and_remembered_hourly(self) -> None:
        said = log(*[(FAILED, 600.0)] * 8)
        assert said.out.count("3 failed.") == 1
        assert said.err.count("3 failed; next in") == 2

    def test_the_same_error_is_told_once_and_another_at_once(self) -> None:
        other = Unreachable("can't reach the API", why="timed out")
        said = log((DOWN, 1.0), (DOWN, 1.0), (other, 1.0), (DOWN, 1.0))
        assert said.err.count("error: can't reach the API") == 3
        assert said.err.count("connection refused") == 2

    def test_in_json_each_round_is_a_line(self) -> None:
        said = log((IN_SYNC, 1.0), (DOWN, 1.0), (DOWN, 1.0), (DONE, 1.0), format_=Format.JSON)
        documents = [json.loads(line) for line in said.out.splitlines()]
        assert [d["outcome"] for d in documents] == ["in-sync", "error", "error", "done"]
        assert said.err.count("error: can't reach the API") == 1

    def test_a_plan_is_shown_when_it_changes(self) -> None:
        book, said = logbook(Times(0).now)
        plan = cases.fresh()
        for proposed in (plan, plan, replace(plan, stack="other"), plan):
            book.plan(proposed)
        assert said().err.count("Plan: ") == 3

    def test_progress_is_silent_about_waiting(self) -> None:
        heard: list[object] = []
        view = without_waits(heard.append)
        end = DONE.ended[0]
        wait, create = Step(Verb.WAIT, "dpoJobs/a"), Step(Verb.CREATE, "dpoJobs/a")
        for event in (
            StepBegan(end.address, wait),
            Waiting(end.address, "JOB_STATE_RUNNING", "training", 1.0),
            Ended(end.address, Outcome.RUNNING, end.action, end.id),
        ):
            view(event)
        assert heard == []
        news = [StepBegan(end.address, create), StepEnded(end.address, wait, "ready")]
        for event in news:
            view(event)
        assert heard == news


def took(result: Report | DpoOpsError) -> Round:
    return Round(1, datetime.fromtimestamp(START, UTC), 2.0, 300.0, result)


def page(gauges: Gauges) -> dict[str, float]:
    """Return the samples of a page by their names with labels."""
    lines = [line for line in gauges.page().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class Said:
    def __init__(self, out: str, err: str) -> None:
        self.out, self.err = out, err


def logbook(
    now: Callable[[], float], format_: Format = Format.TEXT
) -> tuple[Logbook, Callable[[], Said]]:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(out, err, io.StringIO(), {})
    screen.format = format_
    target = Target(
        None, emulator=True, data=Path("nowhere"), speed=1, engine=EngineChoice("auto", "")
    )
    return Logbook(screen, target, now), lambda: Said(out.getvalue(), err.getvalue())


def log(*results: tuple[Report | DpoOpsError, float], format_: Format = Format.TEXT) -> Said:
    """Log rounds that ended like this, each so many seconds after the one before."""
    times = Times(START)
    book, said = logbook(times.now, format_)
    for number, (result, later_s) in enumerate(results, 1):
        times.sleep(later_s)
        book(Round(number, times.date(), 1.0, later_s, result))
    return said()
