"""Nothing is deleted that nobody said to delete, nor more of it than the stack allows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import Finding, Severity
from dpo_ops.executor import Outcome
from dpo_ops.kinds import StackSpec
from dpo_ops.observer import observe
from dpo_ops.planner import Action, Plan, Verb, plan
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.resource import Policy, State
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from pathlib import Path


def serving(folder: Path, *names: str, **said: Any) -> State:
    """Return a job, and a deployment of each name."""
    data = dataset(folder, "prefs", "".join(ROW % n for n in range(3)))
    job = wanted.job(data)
    made = [wanted.deployment(job, name, maxReplicaCount=1, **said) for name in names]
    return state(data, job, *made)


def pruning(rehearsal: Rehearsal, desired: State) -> Plan:
    return plan(desired, observe(rehearsal.client, desired), {}, prune=True)


def with_policy(desired: State, **said: Any) -> State:
    return State(dict(desired), stack=desired.stack, policy=Policy(**said))


def standing(rehearsal: Rehearsal) -> set[str]:
    live = [d for d in rehearsal.client.list("deployments") if d["state"] != "DELETED"]
    return {d["name"].rpartition("/")[2][:-11] for d in live}


def test_only_with_prune_is_deleted_what_has_no_spec_any_more(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left", "right")).exit_code == 0
        less = serving(tmp_path, "left")
        planned = rehearsal.plan(less)
        assert [finding.rule for finding in planned.warnings] == ["stray"]
        assert rehearsal.run(planned).exit_code == 0
        assert standing(rehearsal) == {"left", "right"}
        pruned = pruning(rehearsal, less)
        assert [str(c.address) for c in pruned.changes if c.action is Action.DELETE] == [
            "Deployment/right"
        ]
        assert not pruned.warnings
        assert rehearsal.run(pruned).exit_code == 0
        assert standing(rehearsal) == {"left"}
        assert len(rehearsal.jobs()) == 1


def test_what_belongs_to_another_stack_or_to_nobody_is_never_pruned(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left")).exit_code == 0
        base = {"baseModel": wanted.BASE, "acceleratorType": "NVIDIA_H100_80GB"}
        path = f"accounts/{rehearsal.client.account}/deployments"
        other = {"custom/dpo-ops-stack": "other", "custom/dpo-ops-name": "theirs"}
        rehearsal.client.post(path, {**base, "annotations": other}, {"deploymentId": "theirs"})
        rehearsal.client.post(path, base, {"deploymentId": "by-hand"})
        assert not [c for c in pruning(rehearsal, serving(tmp_path, "left")).changes if c.steps]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [({"protect": True}, Outcome.BLOCKED), ({"deletionPolicy": "retain"}, Outcome.IN_SYNC)],
)
def test_to_take_the_spec_away_does_not_lift_what_it_said(
    said: dict[str, Any], outcome: Outcome, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left")).exit_code == 0
        # Said later, it is written on what stands already.
        kept = serving(tmp_path, "left", **said)
        planned = rehearsal.plan(kept)
        assert [str(step.verb) for step in planned.changes[2].steps] == ["tag"]
        assert rehearsal.run(planned).exit_code == 0
        assert rehearsal.plan(kept).in_sync
        report = rehearsal.run(pruning(rehearsal, serving(tmp_path)))
        assert report.ended[-1].outcome is outcome
        assert standing(rehearsal) == {"left"}
        # And taken back in a spec, it is taken off.
        assert rehearsal.apply(serving(tmp_path, "left")).exit_code == 0
        assert rehearsal.run(pruning(rehearsal, serving(tmp_path))).exit_code == 0
        assert standing(rehearsal) == set()


def test_what_is_protected_is_not_destroyed_either(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left", protect=True)
        assert rehearsal.apply(desired).exit_code == 0
        for everything in (False, True):
            report = rehearsal.run(rehearsal.teardown(desired, everything=everything))
            assert report.exit_code == 1
        assert standing(rehearsal) == {"left"}


def test_what_is_retained_stays_beside_what_replaces_it(tmp_path: Path) -> None:
    first = serving(tmp_path, "left", deletionPolicy="retain")
    data = next(one for one in first.values() if one.content)
    job = wanted.job(data, epochs=2)
    kept = wanted.deployment(job, "left", maxReplicaCount=1, deletionPolicy="retain")
    second = state(data, job, kept)
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(first).exit_code == 0
        planned = rehearsal.plan(second)
        change = planned.changes[-1]
        old = first[kept.address].id
        assert change.action is Action.CREATE
        assert change.reason == f"changed since {old}, which is kept"
        assert not [step for step in change.steps if step.verb is Verb.DELETE]
        assert rehearsal.run(planned).exit_code == 0
        again = rehearsal.plan(second)
        assert again.in_sync
        (warning,) = again.warnings
        assert warning == Finding(
            kept.place or "",
            f"{old}, an earlier generation, is kept beside {kept.id}",
            "deletionPolicy is retain; it goes on costing money",
            "delete it by hand once nobody needs it, or remove deletionPolicy and apply",
            "retained",
            Severity.WARNING,
        )
        live = [d for d in rehearsal.client.list("deployments") if d["state"] == "READY"]
        assert len(live) == 2
        # To go back is to take the one that was kept; and what no longer says so lets it go.
        assert rehearsal.plan(first).in_sync
        lifted = state(data, job, wanted.deployment(job, "left", maxReplicaCount=1))
        planned = rehearsal.plan(lifted)
        assert f"delete deployments/{old}" in [str(step) for step in planned.changes[-1].steps]
        assert rehearsal.run(planned).exit_code == 0
        assert standing(rehearsal) == {"left"}
        assert not rehearsal.plan(lifted).warnings


@pytest.mark.parametrize("by", ["spec", "stack"])
def test_what_is_protected_goes_once_what_replaces_it_has_answered(by: str, tmp_path: Path) -> None:
    said = {"protect": True} if by == "spec" else {}
    policy = {"protected": ("Deployment/left",)} if by == "stack" else {}
    first = with_policy(serving(tmp_path, "left", **said), **policy)
    data = next(one for one in first.values() if one.content)
    job = wanted.job(data, epochs=2)
    serve = wanted.deployment(job, "left", maxReplicaCount=1, **said)
    second = with_policy(state(data, job, serve), **policy)
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(first).exit_code == 0
        change = rehearsal.plan(second).changes[-1]
        assert change.action is Action.REPLACE
        assert [str(step.verb) for step in change.steps] == [
            "create",
            "wait",
            "probe",
            "mark",
            "delete",
        ]


def test_what_the_stack_protects_is_not_destroyed_either(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = with_policy(serving(tmp_path, "left", "right"), protected=("Deployment/l*",))
        assert rehearsal.apply(desired).exit_code == 0
        report = rehearsal.run(rehearsal.teardown(desired))
        assert report.exit_code == 1
        (held,) = (end for end in report.ended if end.outcome is Outcome.BLOCKED)
        assert (
            "Deployment/left is protected · protected in the Stack names it · take it out of"
            " protected, then destroy it"
        ) in held.message
        assert standing(rehearsal) == {"left"}


def test_a_deletion_policy_outweighs_what_is_usual_for_the_kind(tmp_path: Path) -> None:
    data = dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))
    desired = state(data, replace(wanted.job(data), keeping=replace(data.keeping, deleted=True)))
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(desired).exit_code == 0
        planned = rehearsal.teardown(desired)
        assert {str(c.address): str(c.action) for c in planned.changes} == {
            "DPOJob/tune": "delete",
            "Dataset/prefs": "no-op",
        }


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        ({"max_deletes": 1}, False),
        ({"max_deletes": 2}, True),
        ({"max_delete_share": 0.39}, False),
        ({"max_delete_share": 0.4}, True),
        ({"protected": ("Deployment/b*",)}, None),
    ],
)
def test_a_stack_bounds_what_one_plan_may_delete(
    policy: dict[str, Any], gone: bool | None, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "a", "b", "c")).exit_code == 0
        less = with_policy(serving(tmp_path, "c"), **policy)
        report = rehearsal.run(pruning(rehearsal, less))
        left = {True: {"c"}, False: {"a", "b", "c"}, None: {"b", "c"}}[gone]
        assert standing(rehearsal) == left
        assert report.exit_code == (0 if gone else 1)


def test_a_saved_plan_prunes_what_it_said_and_nothing_else(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "a", "b", "c")).exit_code == 0
        less = serving(tmp_path, "b", "c")
        saved = restore(json.loads(json.dumps(save(pruning(rehearsal, less), less))))
        assert saved.prunes
        # Another spec goes before it is applied: that was not approved.
        other = State({a: r for a, r in saved.desired.items() if a.name != "b"})
        report = rehearsal.run(hold(pruning(rehearsal, other), saved))
        assert report.exit_code == 1
        assert standing(rehearsal) == {"b", "c"}


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        ({"base_models": ("accounts/fireworks/models/qwen*",)}, "not an allowed base model"),
        ({"accelerators": ("NVIDIA_A100*",)}, "not an allowed accelerator"),
    ],
)
def test_a_stack_says_what_may_be_tuned_and_served_on_what(
    policy: dict[str, Any], what: str, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        desired = with_policy(serving(tmp_path, "left"), **policy)
        planned = rehearsal.plan(desired)
        assert planned.blocked
        assert all(what in f.what for change in planned.blocked for f in change.blocked)
        rehearsal.run(planned)
        assert standing(rehearsal) == set()


def test_the_stack_says_all_of_it_in_a_spec() -> None:
    said = {
        "maxCost": 20.0,
        "deletions": {"max": 3, "maxShare": 0.5},
        "protected": ["Deployment/einstein"],
        "baseModels": ["accounts/fireworks/models/llama-*"],
        "accelerators": ["NVIDIA_H100_80GB"],
    }
    policy = StackSpec.model_validate(said).policy()
    assert policy == Policy(
        20.0,
        3,
        0.5,
        ("accounts/fireworks/models/llama-*",),
        ("NVIDIA_H100_80GB",),
        ("Deployment/einstein",),
    )
