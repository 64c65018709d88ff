"""What is waited for: it ends whatever becomes of it, and others do not hide it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import Event, StepEnded, Uploading, Waiting
from dpo_ops.planner import Verb
from tests import wanted
from tests.executor.test_policies import tuning
from tests.executor.test_run import ROW, dataset, outcomes, pipeline
from tests.laws.test_hazards import own
from tests.rehearsal import Rehearsal, VirtualClock
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.resource import Resource


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Resource:
    return dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))


def removes_when(rehearsal: Rehearsal, name: str, **seen: str) -> None:
    """Let somebody remove `name` as soon as a Waiting with these values is heard of."""
    done: list[Event] = []

    class Heard(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            wanted_one = isinstance(event, Waiting) and all(
                str(getattr(event, key)) == value for key, value in seen.items()
            )
            if wanted_one and not done:
                done.append(event)
                rehearsal.client.delete(f"accounts/emulator/{name}", {"ignoreChecks": "true"})

    rehearsal.events = Heard()


@pytest.mark.parametrize("how", ["softly", "job"])
def test_what_somebody_removes_in_mid_wait_is_a_failure_and_not_for_ever(
    rehearsal: Rehearsal, data: Resource, how: str
) -> None:
    pipe = pipeline(data)
    if how == "job":
        removes_when(rehearsal, f"dpoJobs/{pipe[1].id}-a1", state="JOB_STATE_RUNNING")
        report = rehearsal.apply(state(*pipe))
        assert outcomes(report)["DPOJob/tune"] == "failed"
        assert outcomes(report)["Deployment/serve"] == "skipped"
    else:
        removes_when(rehearsal, f"deployments/{pipe[2].id}", state="CREATING")
        assert outcomes(rehearsal.apply(state(*pipe)))["Deployment/serve"] == "failed"


def test_what_somebody_removes_before_it_answers_is_a_failure_and_not_for_ever(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    rehearsal.fault(method="POST", path="*/chat/completions", status=503, times=0)
    removes_when(rehearsal, f"deployments/{pipe[2].id}", state="READY")
    assert outcomes(rehearsal.apply(state(*pipe)))["Deployment/serve"] == "failed"


def test_an_old_list_does_not_make_the_new_attempt_a_failed_one(
    rehearsal: Rehearsal, data: Resource
) -> None:
    failing = {"job": "*-a1", "at": "JOB_STATE_RUNNING", "state": "JOB_STATE_FAILED"}
    rehearsal.admin("POST", "settings", {"jobOverrides": [failing]})
    desired = state(data, wanted.job(data))
    assert rehearsal.apply(desired).exit_code == 1
    made = rehearsal.plan(desired)
    rehearsal.fault(method="GET", path="*/dpoJobs", stale=True, times=3)
    assert rehearsal.run(made).exit_code == 0


def test_a_defect_in_one_change_fails_that_change_alone(
    rehearsal: Rehearsal, data: Resource
) -> None:
    said = {
        "dataset": data.address.name,
        "trainingConfig": {"baseModel": wanted.BASE},
        "wandbConfig": {"enabled": True, "apiKey": {"secretRef": {"env": "NOT_SET"}}},
    }
    broken = wanted.make("DPOJob", "broken", said, links={"dataset": data})
    report = rehearsal.apply(state(*pipeline(data), broken))
    [failed] = report.having(Outcome.FAILED)
    assert (failed.address, failed.message) == (broken.address, "KeyError: 'NOT_SET'")
    assert outcomes(report)["Deployment/serve"] == "done"


def test_what_was_accepted_when_the_stop_came_is_still_running(
    rehearsal: Rehearsal, data: Resource
) -> None:
    def accepted() -> bool:
        return any(
            isinstance(e, StepEnded) and e.address.kind == "DPOJob" and e.step.verb is Verb.CREATE
            for e in rehearsal.events
        )

    report = rehearsal.apply(state(*pipeline(data)), stop=accepted)
    assert outcomes(report)["DPOJob/tune"] == "still-running"
    assert report.exit_code == 3


def test_a_job_under_way_that_there_is_no_time_to_look_at_is_still_running(
    rehearsal: Rehearsal, data: Resource
) -> None:
    desired = state(*pipeline(data))
    rehearsal.apply(desired, waits=Waits(budget_s=60))
    report = rehearsal.apply(desired, stop=lambda: True)
    assert outcomes(report)["DPOJob/tune"] == "still-running"
    assert report.exit_code == 3


def test_what_is_in_place_is_in_sync_whatever_it_needs(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    rehearsal.apply(state(*pipe))
    none = {"models": [], "nextPageToken": ""}
    rehearsal.fault(method="GET", path="*/models", status=200, body=none)
    rehearsal.fault(method="GET", path=f"*/models/{pipe[1].id}", status=404)
    rehearsal.fault(method="POST", path="*/dpoJobs", status=400, times=0)
    report = rehearsal.apply(state(*pipe))
    assert outcomes(report)["DPOJob/tune"] == "failed"
    assert outcomes(report)["Deployment/serve"] == "in-sync"


class SlowClock(VirtualClock):
    """A long sleep takes a little while, so that other threads see it begin and end."""

    def sleep(self, seconds: float) -> None:
        if seconds >= 1:
            time.sleep(0.02)
        super().sleep(seconds)


def test_a_row_of_new_things_to_wait_for_keeps_nobody_from_looking(
    data: Resource, tmp_path: Path
) -> None:
    more = [dataset(tmp_path, f"more-{n:02}", ROW % n * 3) for n in range(12)]
    with Rehearsal(clock=SlowClock()) as rehearsal:
        desired = state(data, wanted.job(data))
        rehearsal.apply(desired, waits=Waits(budget_s=60))
        made = rehearsal.plan(state(*desired.values(), *more))
        rehearsal.fault(method="POST", path="*:upload", delay=4, times=0)
        rehearsal.forget_requests()
        assert rehearsal.run(made, at_once=1).exit_code == 0
        log = [f"{r['method']} {r['path'].rpartition('/')[2]}" for r in rehearsal.requests()]
    last = len(log) - [line.endswith(":upload") for line in reversed(log)].index(True)
    assert log[:last].count("GET dpoJobs") > 2


def test_an_upload_is_broken_off_when_the_time_is_spent(
    rehearsal: Rehearsal, data: Resource
) -> None:
    rehearsal.fault(method="POST", path="*:upload", delay=120)
    report = rehearsal.apply(state(data), waits=Waits(budget_s=60))
    assert report.having(Outcome.NOT_STARTED)
    ended = [e.step.verb for e in rehearsal.events if isinstance(e, StepEnded)]
    assert ended == [Verb.CREATE]
    assert rehearsal.apply(state(data)).exit_code == 0


def test_the_files_of_a_model_are_broken_off_between_two_of_them(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    def stop() -> bool:
        return any(isinstance(event, Uploading) for event in rehearsal.events)

    desired = own(tmp_path)
    report = rehearsal.apply(desired, stop=stop)
    assert report.interrupted
    assert not [r for r in rehearsal.requests() if r["path"].endswith(":validateUpload")]
    assert rehearsal.apply(desired).exit_code == 0


def test_all_that_can_be_cleared_is_in_place_once_cleared(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    clearable = [
        "displayName", "description", "maxReplicaCount", "maxWithRevocableReplicaCount",
        "autoscalingPolicy", "acceleratorCount", "precision", "numPeftDeviceCached",
        "draftModel", "draftTokenCount", "maxContextLength", "enableSessionAffinity",
        "minReplicaCount", "pricingPlanId", "autoTune", "placement",
    ]  # fmt: skip
    desired = state(data, job, wanted.deployment(job, **dict.fromkeys(clearable)))
    assert rehearsal.apply(desired).exit_code == 0
    assert rehearsal.plan(desired).in_sync


def test_a_schedule_that_leaves_the_spec_leaves_the_deployment(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    day = {"minReplicaCount": 1, "schedule": "0 8 * * *", "duration": "8h", "timezone": "UTC"}
    night = {**day, "schedule": "0 20 * * *"}
    for schedules in ({"day.1": day, "night": night}, {"day.1": day}, None):
        policy = {"scaleDownWindow": "5m", "scalingSchedules": schedules}
        desired = state(data, job, wanted.deployment(job, autoscalingPolicy=policy))
        assert rehearsal.apply(desired).exit_code == 0
        assert rehearsal.plan(desired).in_sync
        held = rehearsal.client.list("deployments")[0]["autoscalingPolicy"]["scalingSchedules"]
        assert set(held or {}) == set(schedules or {})


def test_without_waiting_all_is_begun_that_can_be_and_the_next_run_goes_on(tmp_path: Path) -> None:
    desired = tuning(tmp_path)
    with Rehearsal() as rehearsal:
        began, words = rehearsal.clock.now(), []
        for _ in range(40):
            report = rehearsal.apply(desired, waits=Waits(leave=True))
            words.append(report.exit_code)
            if report.exit_code == 0:
                break
            # Nobody waited: time passes between the runs.
            rehearsal.clock.sleep(60)
        assert words[0] == 3
        assert words[-1] == 0
        assert set(words[:-1]) == {3}
        assert len(rehearsal.jobs()) == 1
        assert rehearsal.clock.now() - began < 60 * len(words) + 20 * len(words)
