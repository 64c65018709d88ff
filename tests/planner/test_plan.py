from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from dpo_ops import __version__
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Answer, Listing
from dpo_ops.kinds.values import leaves
from dpo_ops.planner import (
    PLAN_SCHEMA,
    Accounted,
    Action,
    Plan,
    document,
    fingerprint,
    plan,
    questions,
    teardown,
)
from dpo_ops.resource import Address, State, digest
from tests import wanted
from tests.wanted import BASE, job_record, ready_model, record, served, state, uploaded

DATA = wanted.dataset()
JOB = wanted.job(DATA)
SERVE = wanted.deployment(JOB, minReplicaCount=0)
ALL = state(DATA, JOB, SERVE)
SHAPE = "accounts/fireworks/deploymentShapes/llama-minimal"
FITS = Answer(
    {"supervisedLoraTunable": True}, ({"name": f"{SHAPE}/versions/1", "snapshot": {"name": SHAPE}},)
)


def seen(desired: State, missing: tuple[str, ...] = (), **records: Any) -> Accounted:
    listing = Listing(records, missing)
    found = {a: KINDS[a.kind].find(r, listing) for a, r in desired.items()}
    return Accounted("acme", found)


def made(desired: State = ALL, answer: Answer = FITS, **records: Any) -> Plan:
    observed = seen(desired, **records)
    return plan(desired, observed, dict.fromkeys(questions(desired, observed), answer))


def change(made_plan: Plan, address: str) -> Any:
    return {str(c.address): c for c in made_plan.changes}[address]


def steps(made_plan: Plan, address: str) -> list[str]:
    return [str(step.verb) for step in change(made_plan, address).steps]


IN_PLACE = {
    "datasets": [uploaded(DATA)],
    "dpoJobs": [job_record(JOB, 1, "COMPLETED")],
    "models": [ready_model(JOB)],
    "deployments": [served(SERVE)],
}


def test_an_empty_account_gets_everything_in_the_order_of_need() -> None:
    first = made()
    assert [str(c.address) for c in first.changes] == [
        "Dataset/prefs",
        "DPOJob/tune",
        "Deployment/serve",
    ]
    assert first.summary["create"] == 3
    assert steps(first, "Dataset/prefs") == ["create", "upload", "wait"]
    assert steps(first, "DPOJob/tune") == ["create", "wait"]
    assert steps(first, "Deployment/serve") == ["create", "wait", "probe", "mark"]
    assert change(first, "DPOJob/tune").id == f"{JOB.id}-a1"


def test_what_is_needed_comes_first_although_its_name_comes_last() -> None:
    late = wanted.dataset("zebra")
    early = wanted.job(late, "aardvark")
    assert [c.address for c in made(state(early, late)).changes] == [late.address, early.address]


def test_an_account_that_holds_it_all_gets_no_change_and_raises_no_question() -> None:
    observed = seen(ALL, **IN_PLACE)
    assert questions(ALL, observed) == frozenset()
    again = plan(ALL, observed, {})
    assert again.in_sync
    assert again.summary["no-op"] == 3


def test_every_no_op_says_why() -> None:
    assert all(c.reason for c in made(**IN_PLACE).changes)


@pytest.mark.parametrize(
    "word", ["RUNNING", "PENDING", "IDLE", "RE_QUEUEING", "SOMETHING_NEW", "UNSPECIFIED"]
)
def test_a_job_under_way_is_waited_for_and_never_made_twice(word: str) -> None:
    records = {"datasets": [uploaded(DATA)], "dpoJobs": [job_record(JOB, 1, word)]}
    going = made(**records)
    assert change(going, "DPOJob/tune").action is Action.NO_OP
    assert steps(going, "DPOJob/tune") == ["wait"]


def test_a_paused_job_is_resumed() -> None:
    records = {"datasets": [uploaded(DATA)], "dpoJobs": [job_record(JOB, 1, "PAUSED")]}
    going = made(**records)
    assert change(going, "DPOJob/tune").action is Action.UPDATE
    assert steps(going, "DPOJob/tune") == ["resume", "wait"]


@pytest.mark.parametrize("word", ["FAILED", "EXPIRED", "ARCHIVED"])
def test_a_job_that_is_over_without_a_model_gets_the_next_attempt(word: str) -> None:
    jobs = [job_record(JOB, n, word) for n in (1, 2)]
    again = change(made(datasets=[uploaded(DATA)], dpoJobs=jobs), "DPOJob/tune")
    assert again.action is Action.CREATE
    assert again.id == f"{JOB.id}-a3"


@pytest.mark.parametrize("word", ["CANCELLED", "EARLY_STOPPED"])
def test_a_job_that_was_stopped_is_not_tried_again_unasked(word: str) -> None:
    stopped = job_record(JOB, 1, word)
    blocked = change(made(datasets=[uploaded(DATA)], dpoJobs=[stopped]), "DPOJob/tune")
    assert blocked.blocked
    assert "retry.on" in blocked.blocked[0].fix


def test_bad_data_is_not_sent_again() -> None:
    status = {"code": "INVALID_ARGUMENT", "message": "row 3: bad role"}
    failed = job_record(JOB, 1, "FAILED", status=status)
    blocked = change(made(datasets=[uploaded(DATA)], dpoJobs=[failed]), "DPOJob/tune")
    assert blocked.blocked
    assert not blocked.steps
    assert "row 3: bad role" in blocked.reason


def test_a_completed_job_without_its_model_is_asked_after_before_it_is_called_lost() -> None:
    records = {"datasets": [uploaded(DATA)], "dpoJobs": [job_record(JOB, 1, "COMPLETED")]}
    unsure = seen(ALL, **records).resources[JOB.address]
    assert unsure.confirm == f"accounts/-/models/{JOB.id}"
    assert steps(made(**records), "DPOJob/tune") == ["wait"]
    lost = seen(ALL, (unsure.confirm,), **records)
    answers = dict.fromkeys(questions(ALL, lost), FITS)
    assert change(plan(ALL, lost, answers), "DPOJob/tune").id == f"{JOB.id}-a2"


def test_a_model_is_enough_even_if_its_job_is_gone() -> None:
    kept = made(datasets=[uploaded(DATA)], models=[ready_model(JOB)])
    assert change(kept, "DPOJob/tune").action is Action.NO_OP


def test_an_upload_that_did_not_finish_is_done_again() -> None:
    again = made(datasets=[uploaded(DATA, "UPLOADING")])
    assert change(again, "Dataset/prefs").action is Action.UPDATE
    assert steps(again, "Dataset/prefs") == ["upload", "wait"]


def test_a_field_of_the_deployment_that_differs_is_updated_in_place() -> None:
    wider = wanted.deployment(JOB, minReplicaCount=1)
    update = change(made(state(DATA, JOB, wider), **IN_PLACE), "Deployment/serve")
    assert update.action is Action.UPDATE
    assert [(f.path, f.before, f.after) for f in update.fields] == [("minReplicaCount", 0, 1)]
    assert [str(s.verb) for s in update.steps] == ["patch", "wait", "probe", "mark"]


def test_what_the_spec_does_not_say_is_the_servers() -> None:
    filled = served(SERVE, acceleratorType="NVIDIA_H100_80GB", replicaCount=1, precision="BF16")
    assert made(**{**IN_PLACE, "deployments": [filled]}).in_sync


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ({"deploymentShape": SHAPE}, {"deploymentShape": f"{SHAPE}/versions/7"}),
        (
            {"autoscalingPolicy": {"scaleDownWindow": "10m"}},
            {"autoscalingPolicy": {"scaleDownWindow": "600s", "scaleUpWindow": "30s"}},
        ),
        ({"description": None}, {"description": ""}),
        ({"maxReplicaCount": 1}, {"maxReplicaCount": 1}),
    ],
)
def test_what_the_server_writes_otherwise_is_no_difference(
    said: dict[str, Any], answered: dict[str, Any]
) -> None:
    resource = wanted.deployment(JOB, **said)
    records = {**IN_PLACE, "deployments": [served(resource, **answered)]}
    assert made(state(DATA, JOB, resource), **records).in_sync


def test_a_create_shows_all_that_it_sets_and_that_money_does_not_come_back() -> None:
    fields = {c.address.kind: [f.path for f in c.fields] for c in made().changes}
    for resource in (DATA, JOB):
        assert set(fields[resource.address.kind]) == {path for path, _ in leaves(resource.body)}
    assert {c.address.kind: c.reversible for c in made().changes} == {
        "Dataset": True,
        "DPOJob": False,
        "Deployment": True,
    }


def test_what_is_in_place_is_not_judged_by_what_is_asked_for_another() -> None:
    new = wanted.job(DATA, "again", epochs=2)
    cannot = Answer({"supervisedLoraTunable": False}, ())
    planned = made(state(DATA, JOB, new), answer=cannot, **IN_PLACE)
    assert [change.address.name for change in planned.blocked] == ["again"]


def test_an_explicit_null_clears_a_field() -> None:
    resource = wanted.deployment(JOB, description=None)
    records = {**IN_PLACE, "deployments": [served(resource, description="old words")]}
    update = change(made(state(DATA, JOB, resource), **records), "Deployment/serve")
    assert [(f.path, f.after) for f in update.fields] == [("description", None)]


def test_what_is_cleared_for_the_server_to_fill_hides_nothing_that_comes_after_it() -> None:
    resource = wanted.deployment(JOB, acceleratorCount=None, maxReplicaCount=3)
    there = {**IN_PLACE, "deployments": [served(SERVE, acceleratorCount=2, maxReplicaCount=1)]}
    update = change(made(state(DATA, JOB, resource), **there), "Deployment/serve")
    assert [(f.path, f.before, f.after) for f in update.fields] == [("maxReplicaCount", 1, 3)]


def test_schedules_are_one_field_for_their_names_are_the_users() -> None:
    day = {"minReplicaCount": 1, "schedule": "0 8 * * *", "duration": "8h", "timezone": "UTC"}
    resource = wanted.deployment(JOB, autoscalingPolicy={"scalingSchedules": {"day": day}})
    update = change(made(state(DATA, JOB, resource), **IN_PLACE), "Deployment/serve")
    assert [field.path for field in update.fields] == ["autoscalingPolicy.scalingSchedules"]


def test_a_new_model_makes_the_new_deployment_before_the_old_one_goes() -> None:
    tuned = wanted.job(DATA, epochs=2)
    after = wanted.deployment(tuned, minReplicaCount=0)
    replaced = change(made(state(DATA, tuned, after), **IN_PLACE), "Deployment/serve")
    assert replaced.action is Action.REPLACE
    assert [str(s) for s in replaced.steps] == [
        f"create deployments/{after.id}",
        f"wait deployments/{after.id}",
        f"probe deployments/{after.id}",
        f"mark deployments/{after.id}",
        f"delete deployments/{SERVE.id}",
    ]


def test_going_back_trains_nothing_and_restores_the_deleted_deployment() -> None:
    tuned = wanted.job(DATA, epochs=2)
    after = wanted.deployment(tuned, minReplicaCount=0)
    records = {
        "datasets": [uploaded(DATA)],
        "dpoJobs": [job_record(JOB, 1, "COMPLETED"), job_record(tuned, 1, "COMPLETED")],
        "models": [ready_model(JOB), ready_model(tuned)],
        "deployments": [served(SERVE, "DELETED"), served(after)],
    }
    back = made(ALL, **records)
    assert change(back, "DPOJob/tune").action is Action.NO_OP
    assert steps(back, "Deployment/serve") == ["undelete", "wait", "probe", "mark", "delete"]


def test_a_deployment_that_has_not_answered_yet_is_asked_before_it_counts() -> None:
    silent = served(SERVE, annotations=SERVE.body["annotations"])
    unproven = change(made(**{**IN_PLACE, "deployments": [silent]}), "Deployment/serve")
    assert unproven.action is Action.UPDATE
    assert "has not answered" in unproven.reason
    assert [str(s.verb) for s in unproven.steps] == ["wait", "probe", "mark"]


def test_a_failed_deployment_is_made_anew_under_its_id() -> None:
    again = made(**{**IN_PLACE, "deployments": [served(SERVE, "FAILED")]})
    assert change(again, "Deployment/serve").action is Action.REPLACE
    assert steps(again, "Deployment/serve") == ["delete", "create", "wait", "probe", "mark"]


@pytest.mark.parametrize("remade", ["0-", "1-", "1", "-", "no number-", "99-ofanotherspec"])
def test_a_failed_deployment_is_made_anew_however_its_count_reads(remade: str) -> None:
    tags = {**SERVE.body["annotations"], "custom/dpo-ops-remade": remade}
    said = SERVE.options["said"] if remade[:2] in ("0-", "1-") else ""
    tags["custom/dpo-ops-remade"] += str(said)
    failed = change(
        made(**{**IN_PLACE, "deployments": [served(SERVE, "FAILED", annotations=tags)]}),
        "Deployment/serve",
    )
    assert failed.action is Action.REPLACE
    assert failed.resource
    count = int(remade[0]) + 1 if said else 1
    told = failed.resource.body["annotations"]["custom/dpo-ops-remade"]
    assert told == f"{count}-{SERVE.options['said']}"


def test_what_does_not_carry_the_mark_is_never_touched() -> None:
    foreign = served(SERVE, minReplicaCount=5, annotations={})
    held = change(made(**{**IN_PLACE, "deployments": [foreign]}), "Deployment/serve")
    assert held.blocked
    assert not held.steps


def test_a_job_with_other_settings_under_our_id_is_refused() -> None:
    other = job_record(JOB, 1, "RUNNING", lossConfig={"method": "ORPO"})
    held = change(made(datasets=[uploaded(DATA)], dpoJobs=[other]), "DPOJob/tune")
    assert "lossConfig.method" in held.blocked[0].why


def test_a_base_model_that_trains_but_cannot_be_served_stops_the_job_and_the_deployment() -> None:
    stuck = made(answer=Answer({"supervisedLoraTunable": True}, ()))
    assert "nothing can serve it" in change(stuck, "DPOJob/tune").blocked[0].what
    assert change(stuck, "Deployment/serve").blocked
    assert not change(stuck, "Dataset/prefs").blocked


def test_a_job_without_a_deployment_only_warns_that_nothing_serves_it() -> None:
    alone = made(state(DATA, JOB), answer=Answer({"supervisedLoraTunable": True}, ()))
    assert not alone.blocked
    assert len(alone.warnings) == 1


def test_a_base_model_that_is_not_tunable_is_found_before_any_spend() -> None:
    stuck = made(answer=Answer({"tunable": True}, FITS.shapes))
    assert "supervisedLoraTunable" in change(stuck, "DPOJob/tune").blocked[0].why


def test_a_base_model_that_does_not_exist_is_found() -> None:
    stuck = made(answer=Answer(None, ()))
    assert BASE in change(stuck, "DPOJob/tune").blocked[0].what


def test_the_plan_pins_the_shape_and_shows_it() -> None:
    create = change(made(), "Deployment/serve")
    assert create.resource.body["deploymentShape"] == SHAPE
    assert ("deploymentShape", SHAPE) in [(f.path, f.after) for f in create.fields]


def test_a_deployment_that_names_its_hardware_is_not_pinned() -> None:
    own = wanted.deployment(JOB, acceleratorType="NVIDIA_H100_80GB", precision="BF16")
    create = change(made(state(DATA, JOB, own)), "Deployment/serve")
    assert "deploymentShape" not in create.resource.body


def test_the_document_holds_to_its_schema() -> None:
    for records in ({}, IN_PLACE):
        jsonschema.validate(document(made(**records)), PLAN_SCHEMA)


def test_the_fingerprint_is_of_what_will_be_done() -> None:
    assert fingerprint(made()) == fingerprint(made(state(SERVE, JOB, DATA)))
    others = [made(**IN_PLACE), made(state(DATA, JOB)), made(datasets=[uploaded(DATA)])]
    assert len({fingerprint(p) for p in [made(), *others]}) == 4


def test_teardown_removes_the_deployment_and_keeps_what_was_paid_for() -> None:
    down = teardown(ALL, seen(ALL, **IN_PLACE))
    assert [str(c.action) for c in down.changes] == ["delete", "no-op", "no-op"]
    assert "kept" in change(down, "DPOJob/tune").reason


def test_teardown_of_everything_goes_against_the_order_of_need() -> None:
    down = teardown(ALL, seen(ALL, **IN_PLACE), everything=True)
    assert [str(s) for c in down.changes for s in c.steps] == [
        f"delete deployments/{SERVE.id}",
        f"delete dpoJobs/{JOB.id}-a1",
        f"delete models/{JOB.id}",
        f"delete datasets/{DATA.id}",
    ]
    assert change(down, "DPOJob/tune").needs == (Address("Deployment", "serve"),)


def test_teardown_leaves_alone_what_is_not_ours() -> None:
    foreign = served(SERVE, annotations={"custom/dpo-ops-stack": "other"})
    down = teardown(ALL, seen(ALL, **{**IN_PLACE, "deployments": [foreign]}), everything=True)
    assert not change(down, "Deployment/serve").steps


def test_another_stack_with_the_same_spec_has_another_deployment() -> None:
    said = {"model": {"dpoJob": "tune"}}
    links = {"model.dpoJob": JOB}
    ids = {wanted.make("Deployment", "serve", said, links=links, stack=s).id for s in "ab"}
    assert len(ids) == 2


def test_records_of_unknown_shape_do_no_harm() -> None:
    odd = [record("datasets", DATA.id, state=None, status=None), {"name": "accounts/-/datasets/x"}]
    assert change(made(datasets=odd), "Dataset/prefs").action is Action.UPDATE


def test_the_document_of_a_plan_in_full() -> None:
    foreign = served(SERVE, minReplicaCount=5, annotations={})
    found = made(datasets=[uploaded(DATA)], deployments=[foreign])
    said = document(found)
    jsonschema.validate(said, PLAN_SCHEMA)
    data, tune, serve = said["changes"]
    assert data == {
        "address": "Dataset/prefs",
        "action": "no-op",
        "id": DATA.id,
        "reason": "in place: ready",
        "health": "Current",
        "fields": [],
        "steps": [],
        "needs": [],
        "body": dict(DATA.body),
        "cost": None,
        "unpriced": "",
        "reversible": True,
        "blocked": [],
        "place": "spec.yaml:1:1",
    }
    name = f"dpoJobs/{JOB.id}-a1"
    assert tune["needs"] == ["Dataset/prefs"]
    assert tune["steps"] == [{"verb": "create", "name": name}, {"verb": "wait", "name": name}]
    assert tune["body"] == dict(JOB.body)
    assert {f["path"]: f["after"] for f in tune["fields"]}["trainingConfig.epochs"] == 1
    assert set(tune["fields"][0]) == {"path", "before", "after", "reason"}
    assert serve["blocked"] == [
        {
            "where": "spec.yaml:1:1",
            "severity": "error",
            "what": f"{SERVE.id} is not ours to change",
            "why": "it does not carry the mark of this stack",
            "fix": "rename the spec, or remove what is in its way",
            "rule": "",
        }
    ]
    assert serve["needs"] == ["DPOJob/tune"]


def test_the_warnings_of_a_plan_are_in_its_document() -> None:
    stray = wanted.deployment(JOB, "old")
    observed = Accounted("acme", {}, ((stray.address, served(stray)),))
    (warning,) = document(plan(State({}), observed, {}))["warnings"]
    assert (warning["where"], warning["severity"], warning["rule"]) == (
        "Deployment/old",
        "warning",
        "stray",
    )


def test_the_schema_of_a_plan_takes_nothing_else() -> None:
    foreign = served(SERVE, minReplicaCount=5, annotations={})
    said = document(made(datasets=[uploaded(DATA)], deployments=[foreign]))
    change = said["changes"][2]
    wrong = [
        *({k: v for k, v in said.items() if k != key} for key in said),
        {**said, "more": 1},
        {**said, "changes": {}},
        {**said, "changes": [1]},
        {**said, "cost": []},
        *({**said, "changes": [{k: v for k, v in change.items() if k != key}]} for key in change),
        {**said, "changes": [{**change, "more": 1}]},
        {**said, "changes": [{**change, "needs": [1]}]},
        {**said, "changes": [{**change, "blocked": [{}]}]},
    ]
    for document_ in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document_, PLAN_SCHEMA)


@pytest.mark.parametrize("held", [False, True])
def test_a_fingerprint_is_over_all_that_is_written(held: bool) -> None:
    """Told from outside, so that no key of it can be renamed by accident: it would go stale."""
    foreign = {"deployments": [served(SERVE, annotations={})]} if held else {}
    first = made(**foreign)
    changes = [
        {
            "address": str(one.address),
            "action": str(one.action),
            "id": one.id,
            "needs": [str(need) for need in one.needs],
            "body": dict(one.resource.body) if one.resource else {},
            "fields": [[f.path, f.before, f.after] for f in one.fields],
            "writes": [f"{s.verb} {s.name}" for s in one.steps if str(s.verb) not in WAITS],
            "blocked": held and one.address.kind == "Deployment",
        }
        for one in first.changes
    ]
    rests_on = {
        "version": 1,
        "major": __version__.split(".", maxsplit=1)[0],
        "account": "acme",
        "stack": "default",
        "changes": changes,
    }
    assert fingerprint(first) == f"sha256:{digest(rests_on)}"


def test_a_warning_of_one_change_does_not_hide_what_is_left_without_a_spec() -> None:
    desired, stray = state(DATA, JOB), wanted.deployment(JOB, "old")
    observed = replace(seen(desired), strays=((stray.address, served(stray)),))
    unserved = Answer({"supervisedLoraTunable": True}, ())
    warned = plan(desired, observed, dict.fromkeys(questions(desired, observed), unserved)).warnings
    assert "stray" in {warning.rule for warning in warned}
    assert len(warned) == 2


WAITS = ("wait", "probe")
