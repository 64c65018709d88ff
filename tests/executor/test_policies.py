"""Attempts, pauses, stalls and older jobs: what each policy does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.executor import Outcome, Waits
from dpo_ops.kinds import KINDS
from dpo_ops.resource import Address, Health, State
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from pathlib import Path


def tuning(folder: Path, *, epochs: int = 1, **said: Any) -> State:
    data = dataset(folder, "prefs", "".join(ROW % n for n in range(3)))
    config = {"baseModel": wanted.BASE, "epochs": epochs}
    spec = {"dataset": "prefs", "trainingConfig": config, **said}
    return state(data, wanted.make("DPOJob", "tune", spec, links={"dataset": data}))


def ends_as(rehearsal: Rehearsal, word: str, job: str = "*", code: str = "INTERNAL") -> None:
    status = {"code": code, "message": "the trainer crashed"}
    override = {"job": job, "at": "JOB_STATE_RUNNING", "state": f"JOB_STATE_{word}"}
    rehearsal.admin("POST", "settings", {"jobOverrides": [{**override, "status": status}]})


@pytest.mark.parametrize(("said", "attempts"), [({}, 3), ({"retry": {"max": 0}}, 1)])
def test_a_failure_of_the_platform_is_tried_again_so_often_and_no_more(
    said: dict[str, Any], attempts: int, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "FAILED")
        for _ in range(attempts + 2):
            report = rehearsal.apply(tuning(tmp_path, **said))
            assert report.exit_code == 1
        assert len(rehearsal.jobs()) == attempts
        assert f"retry.max is {attempts - 1}" in report.ended[1].message


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"])
def test_bad_data_is_never_tried_again(code: str, tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "FAILED", code=code)
        for _ in range(3):
            report = rehearsal.apply(tuning(tmp_path, retry={"max": 5}))
        assert len(rehearsal.jobs()) == 1
        assert "the same way again" in report.ended[1].message


@pytest.mark.parametrize(("on", "attempts"), [(["infrastructure"], 1), (["cancelled"], 2)])
def test_what_was_cancelled_is_tried_again_only_where_the_spec_says_so(
    on: list[str], attempts: int, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "CANCELLED", code="OK")
        for _ in range(3):
            rehearsal.apply(tuning(tmp_path, retry={"max": 1, "on": on}))
        assert len(rehearsal.jobs()) == attempts


def test_what_is_paused_is_resumed_by_the_next_apply(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = tuning(tmp_path)
        ends_as(rehearsal, "PAUSED", code="OK")
        assert rehearsal.apply(desired, waits=Waits(budget_s=3600)).exit_code == 3
        planned = rehearsal.plan(desired)
        assert [str(step.verb) for step in planned.changes[1].steps] == ["resume", "wait"]
        assert rehearsal.run(planned).exit_code == 0
        assert len(rehearsal.jobs()) == 1


def test_what_makes_no_progress_is_given_up_and_left_running(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "RUNNING", code="OK")
        desired = tuning(tmp_path, noProgressTimeout="2h")
        began = rehearsal.clock.now()
        report = rehearsal.apply(desired)
        assert report.exit_code == 1
        assert "noProgressTimeout" in report.ended[1].message
        assert 7200 <= rehearsal.clock.now() - began < 9000
        assert rehearsal.jobs()[0]["state"] == "JOB_STATE_RUNNING"


@pytest.mark.parametrize("policy", [None, "keep", "cancel", "finish"])
def test_an_older_job_that_still_runs_has_the_fate_that_the_spec_gives_it(
    policy: str | None, tmp_path: Path
) -> None:
    said = {"onSupersede": policy} if policy else {}
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(tuning(tmp_path), waits=Waits(budget_s=90)).exit_code == 3
        planned = rehearsal.plan(tuning(tmp_path, epochs=2, **said))
        assert "running since" in planned.changes[1].reason
        report = rehearsal.run(planned)
        assert report.exit_code == 0, report.ended
        jobs = {job["trainingConfig"]["epochs"]: job for job in rehearsal.jobs()}
        assert len(jobs) == 2
        old, new = jobs[1], jobs[2]
        assert new["state"] == "JOB_STATE_COMPLETED"
        cancelled = "JOB_STATE_CANCELLED"
        assert old["state"] == (cancelled if policy == "cancel" else "JOB_STATE_COMPLETED")
        assert (new["createTime"] >= old["completedTime"]) == (policy == "finish")


def serving(folder: Path, **said: Any) -> State:
    desired = tuning(folder)
    job = desired[Address("DPOJob", "tune")]
    return state(*desired.values(), wanted.deployment(job, minReplicaCount=0, **said))


def never_serves(rehearsal: Rehearsal) -> None:
    status = {"code": "RESOURCE_EXHAUSTED", "message": "no capacity"}
    override = {"deployment": "*", "state": "FAILED", "status": status}
    rehearsal.admin("POST", "settings", {"deploymentOverrides": [override]})


def created(rehearsal: Rehearsal) -> int:
    return sum(r["path"].endswith("/deployments") for r in posts(rehearsal))


def posts(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    return [r for r in rehearsal.requests() if r["method"] == "POST"]


def test_a_deployment_that_fails_is_made_anew_twice_and_then_left_as_it_is(tmp_path: Path) -> None:
    desired = serving(tmp_path)
    with Rehearsal() as rehearsal:
        never_serves(rehearsal)
        for _ in range(6):
            assert rehearsal.apply(desired).exit_code == 1
        assert created(rehearsal) == 3
        held = rehearsal.plan(desired).blocked[0].blocked[0]
        assert "no capacity" in held.what
        assert "made anew 2 times" in held.why
        assert "delete it" in held.fix


@pytest.mark.parametrize("by", ["spec", "hand"])
def test_a_deployment_that_was_given_up_has_its_tries_again_once_somebody_did_something(
    by: str, tmp_path: Path
) -> None:
    desired, deployment = serving(tmp_path), Address("Deployment", "serve")
    with Rehearsal() as rehearsal:
        never_serves(rehearsal)
        for _ in range(4):
            rehearsal.apply(desired)
        rehearsal.admin("POST", "settings", {"deploymentOverrides": []})
        assert rehearsal.apply(desired).exit_code == 1
        if by == "spec":
            desired = serving(tmp_path, maxReplicaCount=2)
        else:
            name = f"accounts/emulator/deployments/{desired[deployment].id}"
            rehearsal.client.delete(name, {"hard": "true", "ignoreChecks": "true"})
        assert rehearsal.apply(desired).exit_code == 0
        assert rehearsal.plan(desired).in_sync
        assert created(rehearsal) == 4


STATES = {
    "UNSPECIFIED": Health.IN_PROGRESS,
    "CREATING_INPUT_DATASET": Health.IN_PROGRESS,
    "VALIDATING": Health.IN_PROGRESS,
    "PENDING": Health.IN_PROGRESS,
    "CREATING": Health.IN_PROGRESS,
    "RUNNING": Health.IN_PROGRESS,
    "RE_QUEUEING": Health.IN_PROGRESS,
    "IDLE": Health.IN_PROGRESS,
    "PAUSED": Health.IN_PROGRESS,
    "WRITING_RESULTS": Health.IN_PROGRESS,
    "COMPLETED": Health.CURRENT,
    "FAILED": Health.FAILED,
    "CANCELLING": Health.TERMINATING,
    "CANCELLED": Health.FAILED,
    "EXPIRED": Health.FAILED,
    "EARLY_STOPPED": Health.FAILED,
    "DELETING": Health.TERMINATING,
    "DELETING_CLEANING_UP": Health.TERMINATING,
    "DELETED": Health.NOT_FOUND,
    "ARCHIVED": Health.NOT_FOUND,
    "INVENTED_LATER": Health.UNKNOWN,
}


@pytest.mark.parametrize("word", STATES)
def test_every_state_has_a_health(word: str) -> None:
    health, message = KINDS["DPOJob"].health({"state": f"JOB_STATE_{word}"})
    assert health is STATES[word]
    assert message


def test_a_state_that_is_not_known_is_waited_for(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "INVENTED_LATER", code="OK")
        report = rehearsal.apply(tuning(tmp_path), waits=Waits(budget_s=3600))
        assert report.ended[1].outcome is Outcome.RUNNING
        assert len(rehearsal.jobs()) == 1
