"""Accounts as they may be found: odd records, several attempts, what others own."""

from __future__ import annotations

from typing import Any

import pytest

from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Answer
from dpo_ops.planner import Action, fingerprint, plan, questions, teardown
from dpo_ops.resource import Health
from tests import wanted
from tests.planner.test_plan import (
    ALL,
    DATA,
    FITS,
    IN_PLACE,
    JOB,
    SERVE,
    SHAPE,
    change,
    made,
    seen,
    steps,
)
from tests.wanted import job_record, ready_model, record, served, state, uploaded

ODD = [None, "OK", "", 7, -1.5, True, [], ["x"], {}, {"message": None}, {"x": {"y": []}}, 10**400]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_type_of_any_value_of_any_record_is_a_crash(odd: Any) -> None:
    serve = wanted.deployment(
        JOB, autoscalingPolicy={"scaleDownWindow": "10m"}, placement={"multiRegion": "US"}
    )
    desired = state(DATA, JOB, serve)
    records = {
        "datasets": uploaded(DATA),
        "dpoJobs": job_record(JOB, 1, "COMPLETED", status={}, createTime=""),
        "models": ready_model(JOB),
        "deployments": served(serve, status={}, deleteTime="", createTime=""),
    }
    for collection, whole in records.items():
        for key in (*whole, "newField"):
            lists = {**{c: [r] for c, r in records.items()}, collection: [{**whole, key: odd}]}
            made(desired, **lists)
            teardown(desired, seen(desired, **lists), everything=True)
            for kind in KINDS.values():
                kind.health({**whole, key: odd})


@pytest.mark.parametrize("odd", ["soon", "600", "1h later", 600, {"seconds": 600}])
def test_a_duration_that_can_not_be_read_is_a_difference_and_no_crash(odd: Any) -> None:
    policy = {"scaleDownWindow": "10m"}
    serve = wanted.deployment(JOB, autoscalingPolicy=policy)
    answered = served(serve, autoscalingPolicy={"scaleDownWindow": odd})
    found = change(
        made(state(DATA, JOB, serve), **{**IN_PLACE, "deployments": [answered]}), "Deployment/serve"
    )
    assert [f.path for f in found.fields] == ["autoscalingPolicy.scaleDownWindow"]


@pytest.mark.parametrize("shapes", [({},), ({"name": None},), ({"snapshot": "x"},)])
def test_shapes_without_a_name_pin_nothing(shapes: Any) -> None:
    answer = Answer({"supervisedLoraTunable": True}, shapes)
    assert "nothing can serve" in change(made(answer=answer), "Deployment/serve").blocked[0].what


@pytest.mark.parametrize("going", ["RUNNING", "PENDING", "SOMETHING_NEW"])
@pytest.mark.parametrize("later", ["FAILED", "DELETED", "CANCELLED", "ARCHIVED"])
def test_an_attempt_that_goes_on_counts_although_a_later_one_is_over(
    going: str, later: str
) -> None:
    jobs = [job_record(JOB, 1, going), job_record(JOB, 2, later)]
    kept = change(made(datasets=[uploaded(DATA)], dpoJobs=jobs), "DPOJob/tune")
    assert kept.action is Action.NO_OP
    assert [str(step) for step in kept.steps] == [f"wait dpoJobs/{JOB.id}-a1"]


@pytest.mark.parametrize("word", ["DELETED", "ARCHIVED"])
def test_what_is_left_of_a_deleted_job_is_not_there_but_its_id_is_used(word: str) -> None:
    status = {"code": "INVALID_ARGUMENT", "message": "row 3"}
    again = made(datasets=[uploaded(DATA)], dpoJobs=[job_record(JOB, 1, word, status=status)])
    assert change(again, "DPOJob/tune").id == f"{JOB.id}-a2"
    assert steps(again, "DPOJob/tune") == ["create", "wait"]


def test_a_model_that_is_not_ready_and_has_no_job_is_not_paid_for_again() -> None:
    model = {**ready_model(JOB), "state": "UPLOADING"}
    held = change(made(datasets=[uploaded(DATA)], models=[model]), "DPOJob/tune")
    assert held.blocked
    assert not held.steps


def test_a_job_on_other_data_under_our_id_is_refused() -> None:
    other = job_record(JOB, 1, "RUNNING", dataset="accounts/-/datasets/other-0123456789")
    held = change(made(datasets=[uploaded(DATA)], dpoJobs=[other]), "DPOJob/tune")
    assert "another dataset" in held.blocked[0].why


def test_a_dataset_that_was_renamed_is_the_same_data() -> None:
    renamed = wanted.dataset("renamed")
    job = wanted.job(renamed)
    assert job.id == JOB.id
    records = {"datasets": [uploaded(renamed)], "dpoJobs": [job_record(JOB, 1, "RUNNING")]}
    assert not change(made(state(renamed, job), **records), "DPOJob/tune").blocked


def test_a_job_whose_name_looks_like_an_id_is_not_taken_for_an_attempt() -> None:
    odd = wanted.job(DATA, JOB.id, epochs=2)
    records = {**IN_PLACE, "models": [], "dpoJobs": [job_record(odd, 1, "RUNNING")]}
    assert change(made(**records), "DPOJob/tune").id == f"{JOB.id}-a1"


def test_a_dataset_in_an_unknown_state_is_not_uploaded_to_again() -> None:
    assert steps(made(datasets=[uploaded(DATA, "ENCRYPTING")]), "Dataset/prefs") == ["wait"]


def test_an_unknown_state_is_called_unknown() -> None:
    found = seen(ALL, **{**IN_PLACE, "deployments": [served(SERVE, "MIGRATING")]})
    assert found.resources[SERVE.address].health is Health.UNKNOWN


def test_what_is_restored_gets_what_differs_from_it_and_not_from_the_one_it_replaces() -> None:
    tuned = wanted.job(DATA, epochs=2)
    between = wanted.deployment(tuned, description="new")
    back = wanted.deployment(JOB, description="new")
    records = {
        **IN_PLACE,
        "dpoJobs": [job_record(JOB, 1, "COMPLETED"), job_record(tuned, 1, "COMPLETED")],
        "models": [ready_model(JOB), ready_model(tuned)],
        "deployments": [served(back, "DELETED", description="old"), served(between)],
    }
    restored = change(made(state(DATA, JOB, back), **records), "Deployment/serve")
    assert [(f.path, f.before, f.after) for f in restored.fields] == [("description", "old", "new")]
    assert [str(s.verb) for s in restored.steps] == [
        "undelete",
        "patch",
        "wait",
        "probe",
        "mark",
        "delete",
    ]
    # The shape is only for the case that there is nothing left to restore.
    assert restored.resource.body["deploymentShape"] == SHAPE


def test_teardown_of_everything_leaves_alone_what_another_stack_made() -> None:
    others = {
        "datasets": [{**uploaded(DATA), "displayName": "prefs [dpo-ops:other]"}],
        "dpoJobs": [job_record(JOB, 1, "COMPLETED", displayName="tune [dpo-ops:other]")],
    }
    down = teardown(ALL, seen(ALL, **{**IN_PLACE, **others}), everything=True)
    assert [str(s) for c in down.changes for s in c.steps] == [f"delete deployments/{SERVE.id}"]
    for address in ("Dataset/prefs", "DPOJob/tune"):
        assert "mark" in change(down, address).reason


def test_teardown_leaves_alone_a_model_of_which_nothing_says_whose_it_is() -> None:
    down = teardown(ALL, seen(ALL, models=[ready_model(JOB)]), everything=True)
    left = change(down, "DPOJob/tune")
    assert (left.steps, left.reason) == ((), "left alone: it does not carry the mark of this stack")


@pytest.mark.parametrize("word", ["RUNNING", "PENDING", "WRITING_RESULTS"])
def test_what_goes_on_by_itself_does_not_undo_an_approval(word: str) -> None:
    there = {"datasets": [uploaded(DATA)]}
    during = made(**there, dpoJobs=[job_record(JOB, 1, word)])
    after = {**IN_PLACE, "deployments": [record("deployments", "other", updateTime="now")]}
    assert fingerprint(during) == fingerprint(made(**after))


def test_the_words_of_a_reason_are_not_what_is_approved() -> None:
    wider = state(DATA, JOB, wanted.deployment(JOB, minReplicaCount=1))
    observed = seen(wider, **IN_PLACE)
    one = plan(wider, observed, dict.fromkeys(questions(wider, observed), FITS))
    later = {**IN_PLACE, "deployments": [served(SERVE, "UPDATING", updateTime="later")]}
    assert fingerprint(one) == fingerprint(made(wider, **later))
