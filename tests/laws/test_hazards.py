"""Laws 3, 4, 5 and 12: whatever dies, gets lost or runs twice, a paid job runs once."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.executor import Waits
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.laws.hazards import Hazard, Killed, When
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from dpo_ops.executor import Report
    from dpo_ops.resource import State


def pipeline(folder: Path, *, epochs: int = 1, most: int = 1) -> State:
    data = dataset(folder, "prefs", "".join(ROW % n for n in range(3)))
    job = wanted.job(data, epochs=epochs)
    return state(data, job, wanted.deployment(job, minReplicaCount=0, maxReplicaCount=most))


def own(folder: Path) -> State:
    """The same, trained on one's own compute."""
    data = replace(dataset(folder, "prefs", "".join(ROW % n for n in range(3))), stays=True)
    job = wanted.own_job(data)
    return state(data, job, wanted.deployment(job, minReplicaCount=0, maxReplicaCount=1))


@dataclass
class Story:
    """What the account went through before, and what is wanted of it now."""

    before: Callable[[Rehearsal, Path], Any]
    wanted: Callable[[Path], State]
    writes: int
    jobs: int


def nothing(rehearsal: Rehearsal, folder: Path) -> None:
    """An empty account."""


def first(rehearsal: Rehearsal, folder: Path) -> None:
    assert rehearsal.apply(pipeline(folder)).exit_code == 0


def second(rehearsal: Rehearsal, folder: Path) -> None:
    first(rehearsal, folder)
    assert rehearsal.apply(pipeline(folder, epochs=2)).exit_code == 0


def cancelled(rehearsal: Rehearsal, folder: Path) -> None:
    override = {"job": "*-a1", "at": "JOB_STATE_RUNNING", "state": "JOB_STATE_FAILED"}
    rehearsal.admin("POST", "settings", {"jobOverrides": [override]})
    assert rehearsal.apply(pipeline(folder)).exit_code == 1


STORIES = {
    "first": Story(nothing, pipeline, writes=5, jobs=1),
    "update": Story(first, partial(pipeline, most=3), writes=2, jobs=1),
    "replace": Story(first, partial(pipeline, epochs=2), writes=4, jobs=2),
    "revert": Story(second, pipeline, writes=3, jobs=2),
    "revert-changed": Story(second, partial(pipeline, most=2), writes=4, jobs=2),
    "retry": Story(cancelled, pipeline, writes=3, jobs=2),
    "own": Story(nothing, own, writes=6, jobs=0),
}
WRITES = [
    pytest.param(story, when, nth, id=f"{name}-{when}-{nth}")
    for name, story in STORIES.items()
    for nth in range(1, story.writes + 1)
    for when in ("before", "after")
]


@dataclass
class Account:
    """A rehearsal whose later clients meet with a hazard."""

    rehearsal: Rehearsal
    seen: list[Hazard] = field(default_factory=list)

    def under(self, desired: State, **said: Any) -> Report | None:
        """Apply over a connection on which something happens; None when it killed the run."""

        def wrap(inner: httpx.BaseTransport) -> httpx.BaseTransport:
            self.seen.append(Hazard(inner, **said))
            return self.seen[-1]

        self.rehearsal.wrap = wrap
        self.rehearsal.client = self.rehearsal.connect()
        report = None
        with contextlib.suppress(Killed):
            report = self.rehearsal.apply(desired)
        self.rehearsal.wrap = lambda inner: inner
        self.rehearsal.client = self.rehearsal.connect()
        return report

    def converges(self, desired: State, jobs: int) -> None:
        report = self.rehearsal.apply(desired)
        assert report.exit_code == 0, [str(end) for end in report.ended]
        assert len(self.rehearsal.jobs()) == jobs
        assert len(self.rehearsal.apprentice.orders) <= 1
        assert len(self.rehearsal.client.list("models")) == max(jobs - self._failed(), 1)
        again = self.rehearsal.plan(desired)
        assert again.in_sync, [(str(c.address), c.reason) for c in again.changes if c.steps]
        live = self.rehearsal.client.list("deployments")
        assert len(live) == 1

    def _failed(self) -> int:
        return sum(job["state"] == "JOB_STATE_FAILED" for job in self.rehearsal.jobs())


@pytest.mark.parametrize("name", STORIES)
def test_each_story_has_as_many_writes_as_are_struck(name: str, tmp_path: Path) -> None:
    story = STORIES[name]
    with Rehearsal() as rehearsal:
        story.before(rehearsal, tmp_path)
        account = Account(rehearsal)
        report = account.under(story.wanted(tmp_path))
        assert report
        assert report.exit_code == 0, report.ended
        assert account.seen[0].writes == story.writes


@pytest.mark.parametrize(("story", "when", "nth"), WRITES)
def test_law_3_killed_at_any_write_the_next_run_converges(
    story: Story, when: When, nth: int, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        story.before(rehearsal, tmp_path)
        account, desired = Account(rehearsal), story.wanted(tmp_path)
        assert account.under(desired, nth=nth, when=when) is None
        account.converges(desired, story.jobs)


@pytest.mark.parametrize(("story", "when", "nth"), WRITES)
def test_law_4_a_lost_reply_to_any_write_is_got_over_at_once(
    story: Story, when: When, nth: int, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        story.before(rehearsal, tmp_path)
        account, desired = Account(rehearsal), story.wanted(tmp_path)
        report = account.under(desired, nth=nth, when=when, kill=False)
        assert report
        assert report.exit_code == 0, [str(end) for end in report.ended]
        account.converges(desired, story.jobs)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_law_5_two_appliers_at_once_end_with_one_job(story: Story, tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        story.before(rehearsal, tmp_path)
        desired = story.wanted(tmp_path)
        plans = [rehearsal.plan(desired), rehearsal.plan(desired)]
        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(rehearsal.run, plans))
        assert any(report.exit_code == 0 for report in reports), [r.ended for r in reports]
        Account(rehearsal).converges(desired, story.jobs)


@pytest.mark.parametrize("path", ["*/dpoJobs", "*/models", "*/deployments", "*/datasets"])
def test_law_12_twenty_five_failed_status_reads_start_nothing_anew(
    path: str, tmp_path: Path
) -> None:
    desired = pipeline(tmp_path)
    with Rehearsal() as rehearsal:
        made = rehearsal.plan(desired)
        rehearsal.fault(method="GET", path=path, status=503, times=25)
        assert rehearsal.run(made).exit_code == 0
        assert len(rehearsal.jobs()) == 1


@pytest.mark.parametrize("drop", ["connect", "read"])
def test_law_12_an_outage_of_ten_minutes_is_sat_out(drop: str, tmp_path: Path) -> None:
    desired = pipeline(tmp_path)
    with Rehearsal() as rehearsal:
        assert _left_in_mid_wait(rehearsal, desired).exit_code == 3
        began = rehearsal.clock.now()
        made = rehearsal.plan(desired)
        rehearsal.fault(drop=drop, times=0)

        def back() -> bool:
            if rehearsal.clock.now() - began > 600:
                rehearsal.admin("DELETE", "faults")
            return False

        assert rehearsal.run(made, stop=back).exit_code == 0
        assert rehearsal.clock.now() - began > 600
        assert len(rehearsal.jobs()) == 1


_LISTED = ("first", "retry", "own")


@pytest.mark.parametrize("collection", ["dpoJobs", "models", "deployments"])
@pytest.mark.parametrize("story", [STORIES[n] for n in _LISTED], ids=_LISTED)
def test_law_12_stale_lists_start_nothing_anew(
    story: Story, collection: str, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        story.before(rehearsal, tmp_path)
        desired = story.wanted(tmp_path)
        made = rehearsal.plan(desired)
        rehearsal.fault(method="GET", path=f"*/{collection}", stale=True, times=5)
        report = rehearsal.run(made)
        assert report.exit_code == 0, [str(end) for end in report.ended]
        rehearsal.admin("DELETE", "faults")
        Account(rehearsal).converges(desired, story.jobs)


def _left_in_mid_wait(rehearsal: Rehearsal, desired: State) -> Report:
    return rehearsal.apply(desired, waits=Waits(budget_s=60))
