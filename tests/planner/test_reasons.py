"""Each decision in full: what is done, on what, and the reason that a reviewer reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dpo_ops.errors import Finding, Place
from dpo_ops.kinds.facts import Answer
from dpo_ops.planner import Action, Plan, plan, questions
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.resource import Policy, Resource, State
from tests import wanted
from tests.planner.test_cost import PRICES, data
from tests.planner.test_external import refers
from tests.planner.test_words import PREFS, SERVE, TUNE, finding, found, planned, removed
from tests.wanted import job_record, ready_model, served, uploaded

LATER = wanted.job(PREFS, epochs=2)
NEXT = wanted.deployment(LATER, maxReplicaCount=2)
DONE: dict[str, Any] = {
    "datasets": [uploaded(PREFS)],
    "dpoJobs": [job_record(TUNE, 1, "COMPLETED"), job_record(LATER, 1, "COMPLETED")],
    "models": [ready_model(TUNE), ready_model(LATER)],
}


def decided(made: Plan) -> tuple[Action, str, list[str]]:
    """Return what is decided of the last change: the action, the reason and the steps."""
    last = made.changes[-1]
    return last.action, last.reason, [str(step) for step in last.steps]


CONFIG = {"baseModel": wanted.BASE, "epochs": 2}
SINCE = "2026-11-20T08:00:00Z"


def superseding(
    policy: str | None, *going: Any, rows: Resource = PREFS, prices: bool = False, **lists: Any
) -> tuple[Action, str, list[str]]:
    """Return what is decided of a job whose older settings are `going`."""
    said = {"onSupersede": policy} if policy else {}
    spec = {"dataset": "prefs", "trainingConfig": CONFIG, **said}
    job = wanted.make("DPOJob", "tune", spec, links={"dataset": rows})
    desired = State({r.address: r for r in (rows, job)})
    seen = found(desired, {"datasets": [uploaded(rows)], "dpoJobs": list(going), **lists})
    return decided(plan(desired, seen, {}, PRICES if prices else None))


@pytest.mark.parametrize(
    ("policy", "fate", "verb", "spent"),
    [
        (None, "goes on beside it", "", "it is paid for all the same"),
        ("keep", "goes on beside it", "", "it is paid for all the same"),
        ("cancel", "is cancelled first", "cancel", "what it has cost so far is lost"),
        ("finish", "is waited for first", "wait", "it is paid for all the same"),
    ],
)
def test_an_older_job_under_way_has_its_fate_said_once(
    policy: str | None, fate: str, verb: str, spent: str
) -> None:
    going = job_record(TUNE, 1, "RUNNING", createTime=SINCE)
    over = job_record(wanted.job(PREFS, epochs=3), 1, "COMPLETED")
    action, reason, steps = superseding(policy, over, going)
    assert action is Action.CREATE
    name = f"{TUNE.id}-a1"
    assert reason == (
        f"changed since {name}, which has been running since {SINCE} and {fate}; {spent}"
    )
    first = [f"{verb} dpoJobs/{name}"] if verb else []
    assert [step.partition(" ")[0] for step in steps[-2:]] == ["create", "wait"]
    assert steps[:-2] == first


def test_of_several_older_jobs_each_has_its_fate_said() -> None:
    going = job_record(TUNE, 1, "RUNNING", createTime=SINCE)
    other = job_record(wanted.job(PREFS, epochs=3), 1, "PENDING", createTime="")
    id_ = other["name"].rpartition("/")[2]
    assert superseding("cancel", other, going)[1] == (
        f"changed since {TUNE.id}-a1, which has been running since {SINCE} and is cancelled first;"
        f" {id_}, which still runs, is cancelled first;"
        f" what {id_} has cost so far is lost; what {TUNE.id}-a1 has cost so far is lost"
    )


def test_an_older_job_that_is_over_is_kept_beside_one_that_runs() -> None:
    going = job_record(TUNE, 1, "RUNNING", createTime="2026-11-20T08:00:00Z")
    later = job_record(
        wanted.job(PREFS, epochs=3), 1, "COMPLETED", createTime="2026-11-21T08:00:00Z"
    )
    assert superseding("finish", later, going)[1] == (
        f"changed since {later['name'].rpartition('/')[2]}, which is kept;"
        f" {TUNE.id}-a1, which has been running since {SINCE}, is waited for first;"
        " it is paid for all the same"
    )


def running(config: dict[str, Any] | None = None, **said: Any) -> Any:
    """Return the record of a job under way: of `config`, and with whatever else is `said`."""
    made = wanted.job(data(), **(config or {}))
    return job_record(made, 1, "RUNNING", createTime=SINCE, **said)


@pytest.mark.parametrize(
    ("config", "said", "lost"),
    [
        # 7 M tokens at $1 a million, and 30 % more.
        ({}, {}, "at most $9.10"),
        ({"epochs": 3}, {}, "at most $27.30"),
        ({"loraRank": 0}, {}, "at most $18.20"),
        # Of other data the platform's own estimate is known; no token counts more than twice.
        ({}, {"dataset": "accounts/-/datasets/prefs-0000000000"}, "at most $13.00"),
        (
            {},
            {"dataset": "accounts/-/datasets/prefs-1111111111"},
            "how much is not known: the tokens of its dataset are not known here",
        ),
        (
            {"baseModel": "accounts/fireworks/models/deepseek-v3"},
            {},
            "how much is not known: the name deepseek-v3 does not say how large the model is",
        ),
        (
            {"baseModel": None, "warmStartFrom": "accounts/-/models/older"},
            {},
            "how much is not known: its record does not name the base model",
        ),
        (
            {},
            {"lossConfig": {"method": "ORPO"}},
            "how much is not known: the price of ORPO is not published",
        ),
    ],
)
def test_what_an_older_job_costs_is_said_at_the_most(
    config: dict[str, Any], said: dict[str, Any], lost: str
) -> None:
    tokens = {"prefs-0000000000": "5000000", "prefs-1111111111": "0"}
    older = [
        wanted.record(
            "datasets",
            id_,
            state="READY",
            displayName=uploaded(PREFS)["displayName"],
            estimatedTokenCount=count,
        )
        for id_, count in tokens.items()
    ]
    changed = {key: value for key, value in config.items() if value is not None}
    going = running(changed, **said)
    if "baseModel" in config and config["baseModel"] is None:
        going["trainingConfig"].pop("baseModel")
    reason = superseding(
        "cancel", going, rows=data(), prices=True, datasets=[uploaded(data()), *older]
    )[1]
    assert reason.endswith(f"; what it has cost so far is lost, {lost}")


def test_why_something_is_made() -> None:
    data = {"datasets": [uploaded(PREFS)]}
    reason = decided(planned(PREFS, TUNE, **data))[1]
    assert reason == "not in the account"
    failed = job_record(TUNE, 1, "FAILED", status={"message": "a node was lost"})
    reason = decided(planned(PREFS, TUNE, **data, dpoJobs=[failed]))[1]
    assert reason == f"{TUNE.id}-a1 failed: a node was lost; {TUNE.id}-a2 tries again"
    over = job_record(TUNE, 1, "COMPLETED")
    reason = decided(planned(PREFS, LATER, **data, dpoJobs=[over]))[1]
    assert reason == f"changed since {TUNE.id}-a1, which is kept"
    reason = decided(planned(PREFS, LATER, NEXT, **DONE, deployments=[served(SERVE)]))[1]
    assert reason == f"changed since {SERVE.id}, which goes once the new one answers"
    own = wanted.own_job(PREFS)
    reason = decided(planned(replace(PREFS, stays=True), own))[1]
    assert reason == "not in the account; trl trains it from dpo-ops/tiny"


def test_a_deployment_that_failed_goes_before_it_is_made_anew() -> None:
    failed = served(SERVE, "FAILED", status={"message": "no capacity"})
    made = planned(PREFS, TUNE, SERVE, **DONE, deployments=[failed])
    name = f"deployments/{SERVE.id}"
    assert decided(made) == (
        Action.REPLACE,
        f"{SERVE.id} failed: no capacity; it is made anew",
        [f"{verb} {name}" for verb in ("delete", "create", "wait", "probe", "mark")],
    )


def test_a_deployment_that_was_deleted_comes_back_with_its_tags_and_its_settings() -> None:
    name = f"deployments/{SERVE.id}"
    tags = {**SERVE.body["annotations"], "custom/dpo-ops-proven": "true"}
    gone: dict[str, Any] = {"deleteTime": "2026-11-20T08:00:00Z"}
    verbs = ["wait", "probe", "mark"]
    restored = f"deleted at {gone['deleteTime']}; it is restored"
    same = served(SERVE, "DELETED", annotations=tags, **gone)
    made = planned(PREFS, TUNE, SERVE, **DONE, deployments=[same])
    assert decided(made) == (
        Action.CREATE,
        restored,
        [f"{verb} {name}" for verb in ("undelete", *verbs)],
    )
    other = served(
        SERVE,
        "DELETED",
        annotations={**tags, "custom/dpo-ops-protected": "true"},
        maxReplicaCount=9,
        **gone,
    )
    made = planned(PREFS, TUNE, SERVE, **DONE, deployments=[other])
    assert decided(made) == (
        Action.CREATE,
        restored,
        [f"{verb} {name}" for verb in ("undelete", "tag", "patch", *verbs)],
    )


def test_what_a_new_deployment_replaces_goes_last() -> None:
    both = [served(SERVE), served(NEXT)]
    made = planned(PREFS, LATER, NEXT, **DONE, deployments=both)
    name = f"deployments/{NEXT.id}"
    assert decided(made) == (
        Action.REPLACE,
        "ready; what it replaces is still there",
        [
            *(f"{verb} {name}" for verb in ("wait", "probe", "mark")),
            f"delete deployments/{SERVE.id}",
        ],
    )


def test_a_paused_job_is_resumed_by_its_name() -> None:
    made = planned(PREFS, TUNE, datasets=[uploaded(PREFS)], dpoJobs=[job_record(TUNE, 1, "PAUSED")])
    name = f"dpoJobs/{TUNE.id}-a1"
    assert decided(made) == (
        Action.UPDATE,
        "paused, by hand or because the account is suspended; it is resumed",
        [f"resume {name}", f"wait {name}"],
    )


def test_what_changes_is_shown_with_what_it_was() -> None:
    tags = {**SERVE.body["annotations"], "custom/dpo-ops-proven": "true"}
    there = served(
        SERVE,
        maxReplicaCount=9,
        annotations={**tags, "custom/team": "a", "custom/dpo-ops-protected": "true"},
    )
    serve = wanted.deployment(TUNE, maxReplicaCount=2, annotations={"custom/team": "b"})
    made = planned(PREFS, TUNE, serve, **DONE, deployments=[there])
    assert [(f.path, f.before, f.after) for f in made.changes[-1].fields] == [
        ("maxReplicaCount", 9, 2),
        ("annotations.custom/team", "a", "b"),
        ("annotations.custom/dpo-ops-protected", "true", None),
    ]
    name = f"deployments/{SERVE.id}"
    paths = "maxReplicaCount, annotations.custom/team, annotations.custom/dpo-ops-protected"
    assert decided(made) == (
        Action.UPDATE,
        f"differs in {paths}",
        [f"{verb} {name}" for verb in ("tag", "patch", "wait", "probe", "mark")],
    )
    assert made.changes[-1].fields[0].reason


def test_what_is_set_at_creation_is_shown_with_its_reason() -> None:
    made = planned(PREFS, TUNE, datasets=[uploaded(PREFS)])
    shown = {f.path: (f.before, f.after, bool(f.reason)) for f in made.changes[-1].fields}
    assert shown["trainingConfig.epochs"] == (None, 1, True)
    assert shown["dataset"] == (None, f"accounts/-/datasets/{PREFS.id}", True)


SHAPE = "accounts/fireworks/deploymentShapes/minimal"
H100 = "NVIDIA_H100_80GB"


def with_shape(policy: Policy, serve: Resource, answered: str = H100) -> Plan:
    """Return a plan in which the platform names a shape with this GPU."""
    desired = State({r.address: r for r in (PREFS, TUNE, serve)}, policy=policy)
    seen = found(desired, DONE)
    snapshot = {"name": SHAPE, "acceleratorType": answered, "acceleratorCount": 1}
    fits = Answer({"supervisedLoraTunable": True}, ({"name": SHAPE, "snapshot": snapshot},))
    return plan(desired, seen, dict.fromkeys(questions(desired, seen), fits))


@pytest.mark.parametrize("by", ["spec", "shape"])
def test_a_gpu_that_the_stack_does_not_allow(by: str) -> None:
    said = {"acceleratorType": H100} if by == "spec" else {}
    paths = {"acceleratorType": Place("spec.yaml", 7, 3), "deploymentShape": Place("s.yaml", 8, 3)}
    known = paths if by == "spec" else {"deploymentShape": paths["deploymentShape"]}
    serve = replace(wanted.deployment(TUNE, **said), places=known)
    only = finding(with_shape(Policy(accelerators=("NVIDIA_A*", "AMD_*")), serve))
    assert only == Finding(
        paths["acceleratorType" if by == "spec" else "deploymentShape"],
        f"{H100} is not an allowed accelerator",
        "accelerators in the Stack allows NVIDIA_A*, AMD_*",
        "name an acceleratorType or a deploymentShape with one of those",
        "accelerator",
    )
    assert not with_shape(Policy(accelerators=("AMD_*", "NVIDIA_H*")), serve).blocked


def test_a_gpu_that_nobody_knows_is_refused() -> None:
    serve = replace(SERVE, places={"model": Place("s.yaml", 9, 3)}, place=Place("s.yaml", 1, 1))
    assert finding(with_shape(Policy(accelerators=("AMD_*",)), serve, answered="")) == Finding(
        Place("s.yaml", 1, 1),
        "which accelerator Deployment/serve would run on is not known",
        "accelerators in the Stack allows AMD_*",
        "name an acceleratorType instead of a deploymentShape",
        "accelerator",
    )
    assert not with_shape(Policy(), serve, answered="").blocked


def gone(policy: Policy, *names: str) -> Plan:
    """Return a plan that prunes deployments without a spec; one is still wanted."""
    strays = [wanted.deployment(TUNE, name) for name in names]
    # One more is wanted that is not there yet: it is no part of what there is to delete from.
    new = wanted.dataset("new", "new")
    desired = State({r.address: r for r in (PREFS, TUNE, SERVE, new)}, policy=policy)
    seen = found(desired, {**DONE, "deployments": [served(SERVE)]})
    left = tuple((stray.address, served(stray)) for stray in strays)
    return plan(desired, replace(seen, strays=left), {}, prune=True)


def test_what_the_stack_protects_is_not_deleted() -> None:
    assert finding(gone(Policy(protected=("Deployment/o*",)), "old")) == Finding(
        "Deployment/old",
        "Deployment/old is protected",
        "protected in the Stack names it",
        "take it out of protected in a commit of its own, then delete it",
        "protected",
    )


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy(max_deletes=1), "deletions.max in the Stack is 1"),
        (
            Policy(max_delete_share=0.39),
            "deletions.maxShare in the Stack is 39% of what is there",
        ),
    ],
)
def test_more_deletions_than_the_stack_allows_are_all_held(policy: Policy, why: str) -> None:
    held = gone(policy, "old", "older").blocked
    assert [str(change.address) for change in held] == ["Deployment/old", "Deployment/older"]
    assert held[0].blocked == (
        Finding(
            "Deployment/old",
            "2 of 5 resources would be deleted",
            why,
            "delete fewer at a time, or have the Stack changed",
            "deletions",
        ),
    )
    assert not gone(Policy(max_deletes=2, max_delete_share=0.4), "old", "older").blocked
    assert not gone(Policy(max_deletes=0, max_delete_share=0.0)).blocked


def test_a_replacement_is_no_deletion() -> None:
    desired = State({r.address: r for r in (PREFS, LATER, NEXT)}, policy=Policy(max_deletes=0))
    made = plan(desired, found(desired, {**DONE, "deployments": [served(SERVE)]}), {})
    assert made.changes[-1].action is Action.REPLACE
    assert not made.blocked


THEIRS = refers("Dataset", "theirs", "accounts/-/datasets/theirs")
SPEC = {"dataset": "theirs", "trainingConfig": {"baseModel": wanted.BASE}}
ON_THEIRS = wanted.make("DPOJob", "tune", SPEC, links={"dataset": THEIRS})


def on_theirs(word: str | None) -> Plan:
    """Return a plan with a job on a dataset of somebody else, which is in this state."""
    there = [wanted.record("datasets", "theirs", state=word)] if word else []
    return planned(THEIRS, ON_THEIRS, datasets=there)


def words(made: Plan) -> tuple[Any, ...]:
    first = made.changes[0]
    return first.action, first.reason, [str(step) for step in first.steps]


def test_what_is_only_referred_to_is_taken_as_it_is_or_waited_for() -> None:
    assert words(on_theirs("READY")) == (Action.NO_OP, "only referred to: ready", [])
    action, reason, steps = words(on_theirs("UPLOADING"))
    assert (action, steps) == (Action.NO_OP, ["wait datasets/theirs"])
    assert reason.startswith("only referred to: ")


def test_what_is_only_referred_to_and_is_not_there_says_so() -> None:
    assert on_theirs(None).changes[0].blocked == (
        Finding(
            Place("spec.yaml", 6, 7),
            "there is no theirs to refer to: it does not exist",
            "its spec only refers to it, and nothing is made in its place",
            "correct the name, or write a spec that makes it",
            "external",
        ),
    )


def test_why_something_is_left_by_a_teardown() -> None:
    there = [wanted.record("datasets", "theirs", state="READY")]
    assert removed(THEIRS, datasets=there).changes[0].reason == (
        "left alone: its spec only refers to it"
    )
    kept = wanted.deployment(TUNE, deletionPolicy="retain")
    change = removed(kept, deployments=[served(kept)]).changes[0]
    assert (change.reason, change.steps, change.id) == ("kept: its spec says so", (), kept.id)
    change = removed(TUNE, dpoJobs=DONE["dpoJobs"][:1], models=DONE["models"][:1]).changes[0]
    assert change.reason == "kept: training it again costs money"


def test_what_is_destroyed_has_the_id_that_stands_though_its_spec_says_another() -> None:
    change = removed(NEXT, deployments=[served(SERVE)]).changes[0]
    assert (change.action, change.id) == (Action.DELETE, SERVE.id)
    assert [str(step) for step in change.steps] == [f"delete deployments/{SERVE.id}"]


def kept_by_the_commit_before(*protected: Any) -> Plan:
    stray = wanted.deployment(TUNE, "old")
    desired = State({})
    seen = replace(found(desired, {}), strays=((stray.address, served(stray)),))
    before = Policy(protected=("Deployment/ol*",)) if protected else None
    return plan(desired, seen, {}, prune=True, before=before)


def test_what_its_last_spec_protected_is_not_pruned() -> None:
    held = kept_by_the_commit_before(True).changes[0]
    assert (held.steps, held.blocked[0].what.split()[-1]) == ((), "protected")
    assert kept_by_the_commit_before().changes[0].steps


def test_the_rest_of_what_was_approved_is_no_leave_to_delete_something_else() -> None:
    third = wanted.deployment(wanted.job(PREFS, epochs=3), maxReplicaCount=2)
    desired = State({r.address: r for r in (PREFS, LATER, NEXT)})

    def over(*there: Resource) -> Plan:
        lists = {**DONE, "deployments": [served(one) for one in there]}
        return plan(desired, found(desired, lists), {})

    approved = restore(save(over(SERVE), desired))
    assert not hold(over(NEXT, SERVE), approved).blocked
    held = hold(over(NEXT, third), approved)
    assert [str(change.address) for change in held.blocked] == ["Deployment/serve"]
