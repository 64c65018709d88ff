"""The pace of looking: short at first, longer later, and never so that somebody is forgotten."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import Unseen, Waiting
from dpo_ops.executor.sight import Sight
from dpo_ops.executor.waits import sleep_unless
from dpo_ops.resource import Address
from tests import wanted
from tests.executor.test_policies import ends_as, tuning
from tests.executor.test_run import ROW, dataset, pipeline
from tests.laws.schedule import in_order
from tests.rehearsal import Rehearsal, VirtualClock
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.resource import Resource

STEADY = Waits(jitter=0.0)


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with in_order(), Rehearsal(waits=STEADY) as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Resource:
    return dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))


def sight(clock: VirtualClock) -> Sight:
    return Sight(cast("Any", None), clock, STEADY, random.Random(7))  # noqa: S311


def test_the_first_look_comes_soon_and_no_later_for_those_who_wait_already() -> None:
    clock = VirtualClock(1000.0)
    seen = sight(clock)
    seen.looks = 9
    seen.soon(others=False)
    assert (seen.next_look, seen.looks) == (1005.0, 0)
    clock.sleep(3)
    seen.soon(others=True)
    assert seen.next_look == 1005.0
    seen.soon(others=False)
    assert seen.next_look == 1008.0
    seen.next_look = 2000.0
    seen.soon(others=True)
    assert seen.next_look == 1008.0


def test_a_pause_grows_up_to_a_minute_and_is_drawn_shorter_or_longer() -> None:
    dice = random.Random(7)  # noqa: S311  -- jitter, not a secret
    assert [STEADY.pause(n, dice) for n in (0, 1, 2, 64, 10**6)] == [5.0, 7.5, 11.25, 60.0, 60.0]
    slow = Waits(longest_s=1e30, growth=2.0, jitter=0.0)
    assert slow.pause(10**6, dice) == slow.pause(64, dice) == 5.0 * 2**64
    drawn = [Waits().pause(0, dice) for _ in range(500)]
    assert 4.0 <= min(drawn) < 4.1
    assert 5.9 < max(drawn) <= 6.0


def test_a_sleep_is_taken_in_slices_and_a_stop_is_heard_within_one() -> None:
    clock = VirtualClock(0.0)
    sleep_unless(clock, 1.1, lambda: False)
    assert clock.now() == pytest.approx(1.1)
    asked: list[float] = []

    def stop() -> bool:
        asked.append(clock.now())
        return len(asked) == 3

    sleep_unless(clock, 60, stop)
    assert asked == pytest.approx([1.1, 1.35, 1.6])
    sleep_unless(clock, -1, lambda: False)
    assert clock.now() == pytest.approx(1.6)


def test_looks_come_at_growing_pauses_and_soon_again_for_what_is_new(
    rehearsal: Rehearsal, data: Resource
) -> None:
    rehearsal.apply(state(data))
    rehearsal.events.clear()
    rehearsal.apply(state(*pipeline(data)))
    waited = [
        event.waited
        for event in rehearsal.events
        if isinstance(event, Waiting) and event.address.kind == "DPOJob"
    ]
    assert waited[:5] == pytest.approx([5.0, 12.5, 23.75, 40.625, 65.9375])
    pauses = [later - earlier for earlier, later in pairwise([0.0, *waited])]
    assert pauses == sorted(pauses)
    assert max(pauses) <= 60.0
    served = [e.waited for e in rehearsal.events if isinstance(e, Waiting)][len(waited) :]
    assert served[0] == pytest.approx(5.0)


def test_a_failure_that_the_list_shows_is_believed_at_once(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    ends_as(rehearsal, "FAILED")
    report = rehearsal.apply(tuning(tmp_path))
    last = [event for event in rehearsal.events if isinstance(event, Waiting)][-1]
    # The next look after the last that showed it going: not the two minutes of a list's grace.
    assert report.ended[1].waited - report.ended[0].waited - last.waited <= 60.0
    assert report.ended[1].message.endswith("failed: the trainer crashed")
    assert "trainer crashed" not in last.message


def test_a_job_that_is_being_cancelled_is_given_the_time_to_end(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = tuning(tmp_path)

    class Heard(list[Any]):
        """Cancels the job once it is seen training."""

        def append(self, event: Any) -> None:
            super().append(event)
            if getattr(event, "state", "") == "JOB_STATE_RUNNING" and not cancelled:
                cancelled.append(event)
                name = f"accounts/emulator/dpoJobs/{desired[Address('DPOJob', 'tune')].id}-a1"
                rehearsal.client.post(f"{name}:cancel", {})

    cancelled: list[Any] = []
    rehearsal.events = Heard()
    report = rehearsal.apply(desired)
    assert report.ended[1].message.endswith("cancelled")


def test_what_a_list_does_not_show_is_said_to_be_missing_and_then_asked_for_by_name(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data))
    rehearsal.events.clear()
    began = rehearsal.clock.now()
    empty = {"dpoJobs": [], "nextPageToken": "", "totalSize": 0}
    made = rehearsal.plan(state(data, job))
    rehearsal.fault(method="GET", path="*/dpoJobs", status=200, body=empty, times=0)
    rehearsal.fault(method="GET", path="*/dpoJobs/*", status=404, times=0)
    report = rehearsal.run(made)
    said = [event.message for event in rehearsal.events if isinstance(event, Waiting)]
    assert set(said) == {"not in the list yet"}
    assert report.having(Outcome.FAILED)[0].message == f"dpoJobs/{job.id}-a1 does not exist"
    assert 120 <= rehearsal.clock.now() - began < 200


def test_what_can_not_be_asked_for_by_name_is_waited_for_and_said(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data))
    rehearsal.events.clear()
    empty = {"dpoJobs": [], "nextPageToken": "", "totalSize": 0}
    made = rehearsal.plan(state(data, job))
    rehearsal.fault(method="GET", path="*/dpoJobs", status=200, body=empty, times=12)
    rehearsal.fault(method="GET", path="*/dpoJobs/*", status=500, times=8)
    assert rehearsal.run(made).exit_code == 0
    unseen = [event for event in rehearsal.events if isinstance(event, Unseen)]
    assert unseen
    for event in unseen:
        assert f"GET /v1/accounts/emulator/dpoJobs/{job.id}-a1" in event.error
        assert event.waited >= 120
    rehearsal.admin("DELETE", "faults")
    assert len(rehearsal.jobs()) == 1


class Switched(httpx.BaseTransport):
    """Lists each job, once it is made, as one on other data."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.inner.handle_request(request)
        if request.method != "GET" or not request.url.path.endswith("/dpoJobs"):
            return response
        said = json.loads(response.read())
        for job in said["dpoJobs"]:
            job["dataset"] = "accounts/emulator/datasets/other"
        return httpx.Response(200, json=said)


def test_a_job_that_turns_out_to_be_another_ends_the_wait_for_it(
    rehearsal: Rehearsal, data: Resource
) -> None:
    rehearsal.wrap = Switched
    rehearsal.client = rehearsal.connect()
    job = wanted.job(data)
    failed = rehearsal.apply(state(data, job)).having(Outcome.FAILED)
    assert [end.address for end in failed] == [job.address]
    assert failed[0].message.startswith(f"{job.id}-a1 ")
    assert "dataset" in failed[0].message


def test_what_is_asked_for_by_name_and_goes_on_is_waited_for(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data))
    rehearsal.events.clear()
    made = rehearsal.plan(state(data, job))
    empty = {"dpoJobs": [], "nextPageToken": "", "totalSize": 0}
    rehearsal.fault(method="GET", path="*/dpoJobs", status=200, body=empty, times=12)
    assert rehearsal.run(made).exit_code == 0
    said = [event.message for event in rehearsal.events if isinstance(event, Waiting)]
    assert said[0] == "not in the list yet"
    assert {"starting the trainer", "training"} & set(said)


def test_what_can_not_be_seen_is_said_with_the_time_that_it_has_been_so(
    rehearsal: Rehearsal, data: Resource
) -> None:
    rehearsal.apply(state(data))
    rehearsal.events.clear()
    made = rehearsal.plan(state(data, wanted.job(data)))
    rehearsal.fault(method="GET", path="*/dpoJobs", status=503, times=10)
    assert rehearsal.run(made).exit_code == 0
    unseen = [event for event in rehearsal.events if isinstance(event, Unseen)]
    assert len(unseen) == 2
    assert 5 <= unseen[0].waited < 25
    assert unseen[0].waited < unseen[1].waited
    assert "the service failed" in unseen[0].error


def test_what_makes_no_progress_is_given_up_in_so_many_words(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    ends_as(rehearsal, "RUNNING", code="OK")
    desired = tuning(tmp_path, noProgressTimeout="2h")
    job = desired[Address("DPOJob", "tune")]
    assert rehearsal.apply(desired).ended[1].message == (
        f"{job.id}-a1 has been training for 7200 s without a change; it was left running, and is"
        " paid for: look at it, cancel it or raise noProgressTimeout"
    )
