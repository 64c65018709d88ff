"""A create whose id is taken: adopted, refused, or passed over; never a second paid job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import NotFound
from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import StepEnded
from dpo_ops.planner import Verb
from tests import wanted
from tests.executor.test_policies import ends_as
from tests.executor.test_run import ROW, dataset, outcomes, pipeline
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.planner import Plan
    from dpo_ops.resource import Resource, State

EMPTY = {"dpoJobs": [], "nextPageToken": "", "totalSize": 0}


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Resource:
    return dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))


def steps(plan: Plan, kind: str) -> list[Verb]:
    return [s.verb for c in plan.changes if c.address.kind == kind for s in c.steps]


def remove(rehearsal: Rehearsal, *names: str, **params: str) -> None:
    for name in names:
        rehearsal.client.delete(f"accounts/emulator/{name}", params)
    rehearsal.clock.sleep(600)


def overtaken(rehearsal: Rehearsal, desired: State) -> Plan:
    """Return a plan for an empty account, in which somebody else was quicker."""
    made = rehearsal.plan(desired)
    assert rehearsal.apply(desired).exit_code == 0
    return made


@pytest.mark.parametrize("collection", ["datasets", "dpoJobs", "deployments"])
def test_what_is_there_but_can_not_be_read_yet_is_adopted(
    rehearsal: Rehearsal, data: Resource, collection: str
) -> None:
    made = overtaken(rehearsal, state(*pipeline(data)))
    rehearsal.fault(method="GET", path=f"*/{collection}/*", status=404, times=15)
    assert rehearsal.run(made).exit_code == 0
    assert len(rehearsal.jobs()) == 1


def test_a_stop_while_looking_starts_no_other_attempt(rehearsal: Rehearsal, data: Resource) -> None:
    made = overtaken(rehearsal, state(data, wanted.job(data)))
    rehearsal.fault(method="GET", path="*/dpoJobs/*", status=404, times=0)
    # Heard in the middle of the looks at the taken id, as a signal is.
    report = rehearsal.run(made, stop=lambda: _looked(rehearsal))
    assert outcomes(report)["DPOJob/tune"] == "not-started"
    assert len(rehearsal.jobs()) == 1


def _looked(rehearsal: Rehearsal) -> bool:
    return any(r["method"] == "GET" and "/dpoJobs/" in r["path"] for r in rehearsal.requests())


def test_the_id_of_a_deleted_attempt_is_passed_over_and_the_report_says_so(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data, job))
    remove(rehearsal, f"dpoJobs/{job.id}-a1", f"models/{job.id}")
    report = rehearsal.apply(state(data, job))
    assert report.exit_code == 0
    assert report.having(Outcome.DONE)[-1].id == f"{job.id}-a2"


def test_a_record_that_only_remembers_a_job_is_passed_over(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    archived = {"job": "*-a1", "at": "JOB_STATE_VALIDATING", "state": "JOB_STATE_ARCHIVED"}
    rehearsal.admin("POST", "settings", {"jobOverrides": [archived]})
    rehearsal.apply(state(data, job))
    # Its lists do not show it; only a create finds that the id is used.
    rehearsal.fault(method="GET", path="*/dpoJobs", status=200, body=EMPTY, times=1)
    assert rehearsal.apply(state(data, job)).exit_code == 0
    assert {r["name"][-3:] for r in rehearsal.jobs()} == {"-a1", "-a2"}


def test_a_model_that_came_to_be_since_the_plan_needs_no_job(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    made = overtaken(rehearsal, state(data, job))
    remove(rehearsal, f"dpoJobs/{job.id}-a1")
    rehearsal.forget_requests()
    assert rehearsal.run(made).exit_code == 0
    assert rehearsal.jobs() == []


@pytest.mark.parametrize(
    "other",
    [
        {"lossConfig": {"method": "ORPO"}},
        {"dataset": "accounts/-/datasets/other"},
        {"trainingConfig": {"baseModel": wanted.BASE, "epochs": 9}},
    ],
)
def test_a_job_with_other_content_under_the_id_is_refused(
    rehearsal: Rehearsal, data: Resource, other: dict[str, Any]
) -> None:
    job = wanted.job(data)
    desired = state(data, job)
    rehearsal.apply(state(data))
    made = rehearsal.plan(desired)
    body = {**job.body, "state": "JOB_STATE_RUNNING", **other}
    record = {"name": f"accounts/emulator/dpoJobs/{job.id}-a1", **body}
    rehearsal.fault(method="POST", path="*/dpoJobs", status=409)
    rehearsal.fault(method="GET", path="*/dpoJobs/*", status=200, body=record)
    failed = rehearsal.run(made).having(Outcome.FAILED)
    assert "with another" in failed[0].message
    assert rehearsal.jobs() == []


def reverted(rehearsal: Rehearsal, data: Resource) -> tuple[Plan, State, Resource]:
    """Return the plan that restores a deployment which was replaced before."""
    first = pipeline(data)
    rehearsal.apply(state(*first))
    rehearsal.apply(state(*pipeline(data, epochs=2)))
    made = rehearsal.plan(state(*first))
    assert Verb.UNDELETE in steps(made, "Deployment")
    return made, state(*first), first[2]


def test_what_was_purged_since_the_plan_is_made_anew(rehearsal: Rehearsal, data: Resource) -> None:
    made, desired, serve = reverted(rehearsal, data)
    remove(rehearsal, f"deployments/{serve.id}", hard="true")
    assert rehearsal.run(made).exit_code == 0
    assert rehearsal.plan(desired).in_sync


def test_what_somebody_else_has_restored_is_restored(rehearsal: Rehearsal, data: Resource) -> None:
    made, desired, serve = reverted(rehearsal, data)
    rehearsal.client.post(f"accounts/emulator/deployments/{serve.id}:undelete", {})
    assert rehearsal.run(made).exit_code == 0
    assert rehearsal.plan(desired).in_sync


def test_an_earlier_deployment_that_somebody_has_removed_is_no_failure(
    rehearsal: Rehearsal, data: Resource
) -> None:
    first, second = pipeline(data), pipeline(data, epochs=2)
    rehearsal.apply(state(*first))
    made = rehearsal.plan(state(*second))
    remove(rehearsal, f"deployments/{first[2].id}", ignoreChecks="true", hard="true")
    with pytest.raises(NotFound):
        rehearsal.client.get(f"accounts/emulator/deployments/{first[2].id}")
    assert rehearsal.run(made).exit_code == 0


def test_a_dataset_that_was_filled_since_the_plan_is_not_filled_again(
    rehearsal: Rehearsal, data: Resource
) -> None:
    made = overtaken(rehearsal, state(data))
    rehearsal.forget_requests()
    assert rehearsal.run(made).exit_code == 0
    assert not [w for w in rehearsal.writes() if w.endswith(":upload")]


def test_an_attempt_of_another_run_that_has_failed_since_the_plan_is_not_followed_by_a_second(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    desired = state(data, job)
    made = rehearsal.plan(desired)
    ends_as(rehearsal, "FAILED")
    assert rehearsal.apply(desired).exit_code == 1
    report = rehearsal.run(made)
    assert report.having(Outcome.FAILED)[0].message == (
        f"dpoJobs/{job.id}-a1: it exists and is failed: the trainer crashed"
        " · that was not so when the plan was made · plan again"
    )
    assert len(rehearsal.jobs()) == 1


def test_the_id_of_a_deleted_second_attempt_is_passed_over_though_the_first_has_failed(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    desired = state(data, job)
    ends_as(rehearsal, "FAILED")
    for _ in range(2):
        rehearsal.apply(desired)
    remove(rehearsal, f"dpoJobs/{job.id}-a2")
    rehearsal.admin("POST", "settings", {"jobOverrides": []})
    report = rehearsal.apply(desired)
    assert report.exit_code == 0
    assert report.having(Outcome.DONE)[-1].id == f"{job.id}-a3"


def test_a_deployment_that_was_made_and_deleted_since_the_plan_is_restored(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    made = overtaken(rehearsal, state(*pipe))
    remove(rehearsal, f"deployments/{pipe[2].id}", ignoreChecks="true")
    rehearsal.forget_requests()
    report = rehearsal.run(made)
    assert report.exit_code == 0
    assert report.having(Outcome.DONE)[-1].id == pipe[2].id
    notes = [e.note for e in rehearsal.events if isinstance(e, StepEnded)]
    assert f"restored {pipe[2].id}" in notes
    assert any(w.endswith(f"deployments/{pipe[2].id}:undelete") for w in rehearsal.writes())


def test_what_was_restored_and_then_left_is_still_called_by_its_id(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    made = overtaken(rehearsal, state(*pipe))
    remove(rehearsal, f"deployments/{pipe[2].id}", ignoreChecks="true")
    again = rehearsal.plan(state(*pipe))
    report = rehearsal.run(made, waits=Waits(leave=True))
    assert [end.id for end in report.having(Outcome.RUNNING)] == [pipe[2].id]
    # The same where the plan knows that it is to be restored.
    assert Verb.UNDELETE in steps(again, "Deployment")
    remove(rehearsal, f"deployments/{pipe[2].id}", ignoreChecks="true")
    report = rehearsal.run(again, waits=Waits(leave=True))
    assert [end.id for end in report.having(Outcome.RUNNING)] == [pipe[2].id]


def test_a_deployment_that_can_not_be_restored_is_a_failure_in_the_words_of_the_platform(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    made = overtaken(rehearsal, state(*pipe))
    remove(rehearsal, f"deployments/{pipe[2].id}", ignoreChecks="true")
    body = {"code": 9, "message": "it is being purged"}
    rehearsal.fault(method="POST", path="*:undelete", status=400, body=body)
    assert "it is being purged" in rehearsal.run(made).having(Outcome.FAILED)[0].message


def test_what_is_adopted_keeps_its_id_and_the_report_says_that_it_was_there(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    made = overtaken(rehearsal, state(*pipe))
    rehearsal.events.clear()
    report = rehearsal.run(made)
    assert [end.id for end in report.ended] == [data.id, f"{pipe[1].id}-a1", pipe[2].id]
    created = [
        e.note for e in rehearsal.events if isinstance(e, StepEnded) and e.step.verb is Verb.CREATE
    ]
    assert created == [
        f"found {end.id} there already, with the same content" for end in report.ended
    ]


def test_a_deployment_of_somebody_else_under_our_id_is_refused_and_says_what_to_do(
    rehearsal: Rehearsal, data: Resource
) -> None:
    pipe = pipeline(data)
    made = overtaken(rehearsal, state(*pipe))
    path = f"accounts/emulator/deployments/{pipe[2].id}"
    rehearsal.client.post(f"{path}:setTags", {"tags": {"custom/dpo-ops-stack": "theirs"}})
    assert rehearsal.run(made).having(Outcome.FAILED)[0].message == (
        f"deployments/{pipe[2].id}: its id is taken · it does not carry the mark of this stack"
        " · rename the spec, or remove what is in its way"
    )
