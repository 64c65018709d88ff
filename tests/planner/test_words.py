"""What a plan says of what it does not do, in full: where it stands, what, why and what to do.

The words are the product here, so they are compared whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.kinds import kind_of
from dpo_ops.kinds.facts import Listing
from dpo_ops.planner import Accounted, Action, Plan, Step, Verb, plan, teardown
from dpo_ops.planner.drift import Drifted, Sort, drift
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.resource import Accepted, Health, Policy, Resource, State
from tests import wanted
from tests.planner.test_cost import data, made
from tests.planner.test_external import refers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE = Place("spec.yaml", 1, 1)
AT = "trainingConfig.baseModel"
PREFS = wanted.dataset()
TUNE = wanted.job(PREFS)
SERVE = wanted.deployment(TUNE, maxReplicaCount=2)


def found(desired: State, lists: Mapping[str, Sequence[Any]]) -> Accounted:
    listing = Listing(lists, ())
    seen = {a: kind_of(r).find(r, listing) for a, r in desired.items()}
    return Accounted("acme", seen)


def planned(*resources: Resource, policy: Policy = Policy(), **lists: Sequence[Any]) -> Plan:  # noqa: B008
    desired = State({r.address: r for r in resources}, policy=policy)
    return plan(desired, found(desired, lists), {})


def finding(made: Plan) -> Finding:
    """Return the one finding that blocks the one change, which then does nothing."""
    (change,) = made.blocked
    (only,) = change.blocked
    assert (change.action, change.steps, change.fields) == (Action.NO_OP, (), ())
    assert change.reason == only.what
    return only


def test_training_above_the_limit() -> None:
    assert finding(made(data(), wanted.job(data()), limit=7)) == Finding(
        PLACE,
        "training would cost up to $9.10, above maxCost $7.00",
        "the estimate for all jobs of this plan is $4.90 to $9.10",
        "raise maxCost in the Stack, or train on fewer pairs, for fewer epochs or fewer jobs",
        "max-cost",
    )


def test_a_limit_below_a_cent_is_said_in_full() -> None:
    what = finding(made(data(), wanted.job(data()), limit=0.009)).what
    assert what == "training would cost up to $9.10, above maxCost $0.009"
    assert "$0.01" in finding(made(data(), wanted.job(data()), limit=0.01)).what


def test_training_whose_cost_is_not_known() -> None:
    fix = "remove maxCost from the Stack, or train from a model whose price is known"
    unknown = wanted.job(data(None))
    assert finding(made(data(None), unknown, limit=9)) == Finding(
        PLACE,
        "what training costs is not known, and maxCost is $9.00",
        "the tokens of its dataset are not known here",
        fix,
        "max-cost",
    )
    other = data(name="other")
    held = made(data(None), unknown, other, wanted.job(other, "again"), limit=9)
    said = {str(c.address): c.blocked[0].why for c in held.blocked}
    assert said["DPOJob/again"] == "that of another job is not"


def test_what_is_being_deleted_is_waited_for() -> None:
    going = wanted.served(SERVE, "DELETING")
    ready = {"models": [wanted.ready_model(TUNE)], "datasets": [wanted.uploaded(PREFS)]}
    what, fix = f"{SERVE.id} is being deleted", "apply again once it is over"
    only = finding(planned(PREFS, TUNE, SERVE, deployments=[going], **ready))
    assert only == Finding(PLACE, what, "", fix)
    nowhere = replace(SERVE, place=None)
    only = finding(planned(PREFS, TUNE, nowhere, deployments=[going], **ready))
    assert only.where == "Deployment/serve"


def test_what_is_not_ours() -> None:
    theirs = wanted.served(SERVE, annotations={})
    only = finding(planned(SERVE, deployments=[theirs]))
    why, fix = "it does not carry the mark of this stack", "rename the spec, or remove what is in"
    assert only == Finding(PLACE, f"{SERVE.id} is not ours to change", why, f"{fix} its way")


def test_a_base_model_that_the_stack_does_not_allow() -> None:
    policy = Policy(base_models=("accounts/x/*", "accounts/y/*"))
    place = Place("spec.yaml", 9, 3)
    job = replace(TUNE, places={AT: place})
    only = finding(planned(PREFS, job, policy=policy))
    what, why = f"{wanted.BASE} is not an allowed base model", "accounts/x/*, accounts/y/*"
    fix = "take one of those, or have the Stack changed"
    said = f"baseModels in the Stack allows {why}"
    assert only == Finding(place, what, said, fix, "base-model")
    assert finding(planned(PREFS, TUNE, policy=policy)).where == PLACE
    nowhere = replace(TUNE, place=None)
    assert finding(planned(PREFS, nowhere, policy=policy)).where == "DPOJob/tune"


def test_an_upload_that_did_not_finish() -> None:
    half = planned(PREFS, datasets=[wanted.uploaded(PREFS, "UPLOADING")]).changes[0]
    name = f"datasets/{PREFS.id}"
    assert half.action is Action.UPDATE
    assert half.reason == "waiting for its file: an upload did not finish"
    assert half.steps == (Step(Verb.UPLOAD, name), Step(Verb.WAIT, name))
    own = wanted.own_job(PREFS)
    record = wanted.record("models", own.id, **{**own.body, "state": "UPLOADING"})
    change = planned(replace(PREFS, stays=True), own, models=[record]).changes[1]
    verbs = [step.verb for step in change.steps]
    assert verbs == [Verb.TRAIN, Verb.UPLOAD, Verb.WAIT]
    assert {step.name for step in change.steps} == {f"models/{own.id}"}


def test_a_new_generation_shows_in_what_it_differs_from_the_last() -> None:
    later = wanted.job(PREFS, epochs=2)
    done = wanted.job_record(TUNE, 1, "COMPLETED")
    change = planned(PREFS, later, dpoJobs=[done]).changes[1]
    differs = {f.path: (f.before, f.after) for f in change.fields}
    assert differs["trainingConfig.epochs"] == (1, 2)
    assert "trainingConfig.baseModel" not in differs


@pytest.mark.parametrize("name", ["protect", "retain", ""])
def test_what_has_no_spec_any_more(name: str) -> None:
    said: dict[str, Any] = {"protect": {"protect": True}, "retain": {"deletionPolicy": "retain"}}
    gone = wanted.deployment(TUNE, **said.get(name, {}))
    desired = State({}, named=True)
    stray = (gone.address, wanted.served(gone))
    seen = Accounted("acme", {}, (stray,))
    warned = plan(desired, seen, {})
    assert warned.changes == ()
    what = f"{gone.id} carries the mark of this stack, and no spec describes it"
    fix = "bring its spec back, or remove it with --prune"
    why = "it goes on costing money"
    where = "Deployment/serve"
    assert warned.warnings == (Finding(where, what, why, fix, "stray", Severity.WARNING),)
    pruning = plan(desired, seen, {}, prune=True)
    assert pruning.warnings == ()
    if name == "protect":
        assert finding(pruning) == Finding(
            where,
            f"{gone.id} is protected",
            "its spec said so, and that it is gone does not lift it",
            "set protect: false in a spec of it and apply, or delete it by hand",
            "protected",
        )
        return
    (change,) = pruning.changes
    assert (change.address, change.id, change.health) == (gone.address, gone.id, Health.CURRENT)
    assert change.record == stray[1]
    assert change.reversible
    if name == "retain":
        assert (change.action, change.steps) == (Action.NO_OP, ())
        assert change.reason == "kept: its spec said retain"
    else:
        assert change.action is Action.DELETE
        assert change.steps == (Step(Verb.DELETE, f"deployments/{gone.id}"),)
        assert change.reason == "carries the mark of this stack, and no spec describes it"


def test_what_has_no_spec_here_may_have_one_elsewhere_where_the_stack_has_no_name() -> None:
    gone = wanted.deployment(TUNE)
    seen = Accounted("acme", {}, ((gone.address, wanted.served(gone)),))
    fresh = plan(State({}), seen, {})
    assert fresh.warnings == (
        Finding(
            "Deployment/serve",
            f"{gone.id} carries the mark of this stack, and no spec here describes it",
            "it costs money, and may be that of another repository without a named Stack",
            "find out whose it is; a Stack document with a name in each of them tells them apart",
            "stray",
            Severity.WARNING,
        ),
    )
    left = drift(State({}), seen, fresh, (), "2026-01-01")
    assert not left.found
    message = (
        "carries the mark of this stack, has no spec, and is ready; it may have one in another"
        " repository without a named Stack"
    )
    unsure = Drifted(gone.address, Sort.UNMANAGED, gone.id, message, counts=False)
    assert left.drifted == (unsure,)
    # And where somebody accepts that until a day in the past, it counts no more than before.
    lapsed = Accepted("Deployment/*", "bob", "2025-03-01", "a load test")
    accepting = State({}, policy=Policy(accepted=(lapsed,)))
    left = drift(accepting, seen, fresh, (), "2026-01-01")
    assert left.drifted == (replace(unsure, accepted=lapsed),)


def removed(*resources: Resource, everything: bool = False, **lists: Sequence[Any]) -> Plan:
    desired = State({r.address: r for r in resources})
    return teardown(desired, found(desired, lists), everything=everything)


def test_what_a_teardown_says_of_each() -> None:
    lists: dict[str, Any] = {
        "deployments": [wanted.served(SERVE)],
        "dpoJobs": [wanted.job_record(TUNE, 1, "COMPLETED")],
        "models": [wanted.ready_model(TUNE)],
    }
    made = removed(PREFS, TUNE, SERVE, **lists)
    assert (made.account, made.stack) == ("acme", "default")
    serve, tune, prefs = made.changes
    assert (serve.action, serve.id) == (Action.DELETE, SERVE.id)
    assert serve.reason == "destroy was asked for"
    assert serve.steps == (Step(Verb.DELETE, f"deployments/{SERVE.id}"),)
    assert serve.reversible
    assert (tune.action, tune.id) == (Action.NO_OP, f"{TUNE.id}-a1")
    assert tune.reason.startswith("kept: ")
    assert tune.steps == ()
    assert tune.reversible
    assert tune.needs == (SERVE.address,)
    assert (prefs.action, prefs.reason) == (Action.NO_OP, "not in the account")
    whole = removed(PREFS, TUNE, SERVE, everything=True, **lists).changes[1]
    names = (f"dpoJobs/{TUNE.id}-a1", f"models/{TUNE.id}")
    assert whole.steps == tuple(Step(Verb.DELETE, name) for name in names)
    assert not whole.reversible


def test_a_teardown_leaves_alone_what_is_protected_or_others() -> None:
    guarded = wanted.deployment(TUNE, protect=True)
    held = removed(guarded, deployments=[wanted.served(guarded)])
    fix = "set protect: false and apply, then destroy it"
    only = Finding(PLACE, "Deployment/serve is protected", "its spec says so", fix)
    assert finding(held) == only
    theirs = removed(SERVE, deployments=[wanted.served(SERVE, annotations={})]).changes[0]
    assert theirs.reason == "left alone: it does not carry the mark of this stack"
    assert (theirs.action, theirs.steps) == (Action.NO_OP, ())


def held_words(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what is said of a deployment that was to be changed one way, and now another."""
    wanted_now = wanted.deployment(TUNE, maxReplicaCount=9, minReplicaCount=4, **NEW)
    desired = State({wanted_now.address: wanted_now})

    def over(record: Mapping[str, Any]) -> Plan:
        there = [wanted.served(SERVE, **record)]
        return plan(desired, found(desired, {"deployments": there}), {})

    return finding(hold(over(now), restore(save(over(before), desired)))).why


NEW = {"description": "d" * 50, "displayName": "new"}


def test_what_is_held_says_what_was_planned_and_what_it_would_be_now() -> None:
    same = {"maxReplicaCount": 9, "displayName": "new", "description": "d" * 50}
    assert held_words({**same, "minReplicaCount": 1}, {**same, "minReplicaCount": None}) == (
        f"planned was update {SERVE.id} (minReplicaCount 1 → 4);"
        f" now it would be update {SERVE.id} (minReplicaCount unset → 4)"
    )
    three = {"maxReplicaCount": 9}
    why = held_words({**three, "minReplicaCount": 1}, {"minReplicaCount": 1})
    first, _, second = why.partition("; now it would be ")
    assert " more" not in first, first
    assert ("d" * 39 + "…") in first
    assert "d" * 40 not in first
    assert second.endswith(" and 1 more)")


def test_what_was_not_planned_at_all_is_held_as_that() -> None:
    desired = State({SERVE.address: SERVE})
    there = {"deployments": [wanted.served(SERVE)]}
    saved = restore(save(plan(desired, found(desired, there), {}), desired))
    changed = {"deployments": [wanted.served(SERVE, maxReplicaCount=5)]}
    only = finding(hold(plan(desired, found(desired, changed), {}), saved))
    assert only.what == "held: it changed since the plan was made"
    assert only.fix == "plan again and have that reviewed"
    assert only.rule == "stale"
    assert only.why.startswith(f"planned was no-op {SERVE.id}; now it would be update")
    assert only.where == PLACE
    without = replace(saved, approved={})
    fresh = plan(desired, found(desired, changed), {})
    assert finding(hold(fresh, without)).why.startswith("planned was nothing; ")


def test_the_rest_of_what_was_approved_needs_no_second_approval() -> None:
    desired = State({PREFS.address: PREFS})
    saved = restore(save(plan(desired, found(desired, {}), {}), desired))
    half = {"datasets": [wanted.uploaded(PREFS, "UPLOADING")]}
    (change,) = hold(plan(desired, found(desired, half), {}), saved).changes
    assert [step.verb for step in change.steps] == [Verb.UPLOAD, Verb.WAIT]
    assert not change.blocked
    other = dict(saved.approved[str(PREFS.address)])
    renamed = replace(saved, approved={str(PREFS.address): {**other, "id": "prefs-0"}})
    assert hold(plan(desired, found(desired, half), {}), renamed).blocked


def test_what_is_trained_here_shows_what_decides_its_weights() -> None:
    first, stays = wanted.own_job(PREFS), replace(PREFS, stays=True)
    why = "decides the weights"
    shown = {f.path: (f.before, f.after, f.reason) for f in planned(stays, first).changes[1].fields}
    assert PREFS.content
    assert shown["dataset"] == (None, PREFS.content.digest, why)
    assert shown["trainingConfig.epochs"] == (None, 1, why)
    there = wanted.record("models", first.id, **{**first.body, "state": "READY"})
    later = planned(stays, wanted.own_job(PREFS, epochs=2), models=[there]).changes[1]
    decided = [(f.path, f.before, f.after) for f in later.fields if f.reason == why]
    assert decided == [("trainingConfig.epochs", 1, 2)]


def drifted(*resources: Resource, **lists: Sequence[Any]) -> list[tuple[Any, ...]]:
    desired = State({r.address: r for r in resources})
    seen = found(desired, lists)
    made = drift(desired, seen, plan(desired, seen, {}), (), "2026-01-01")
    return [(str(d.address), d.sort, d.id, d.message) for d in made.drifted]


def test_what_is_said_of_each_drift() -> None:
    model = {"models": [wanted.ready_model(TUNE)]}
    theirs = wanted.served(SERVE, annotations={})
    said = "it does not carry the mark of this stack"
    where, missing = "Deployment/serve", "is not in the account, though what was made from it is"
    assert drifted(SERVE, deployments=[theirs]) == [(where, Sort.CHANGED, SERVE.id, said)]
    failed = wanted.served(SERVE, "FAILED", status={"message": "no capacity"})
    assert (where, Sort.FAILED, SERVE.id, "failed: no capacity") in drifted(
        SERVE, deployments=[failed]
    )
    assert drifted(PREFS, TUNE, **model) == [("Dataset/prefs", Sort.MISSING, PREFS.id, missing)]
    days = {"createTime": "2026-01-01T00:00:00Z", "minReplicaCount": 0}
    short = wanted.served(SERVE, "DELETED", **days, deleteTime="2026-01-03T00:00:00Z")
    message = "deleted at 2026-01-03T00:00:00Z"
    assert drifted(SERVE, deployments=[short]) == [(where, Sort.MISSING, SERVE.id, message)]
    unused = wanted.served(SERVE, "DELETED", **days, deleteTime="2026-01-09T00:00:00Z")
    ((_, sort, _, message),) = drifted(SERVE, deployments=[unused])
    assert sort is Sort.EXPIRED
    assert message.startswith("deleted 8 days after it was made; ")
    changed = wanted.served(SERVE, maxReplicaCount=7)
    ((_, sort, _, message),) = drifted(SERVE, deployments=[changed])
    assert (sort, message) == (Sort.CHANGED, "differs in maxReplicaCount")


THERE: dict[str, Any] = {
    "datasets": [wanted.uploaded(PREFS)],
    "dpoJobs": [wanted.job_record(TUNE, 1, "COMPLETED")],
    "models": [wanted.ready_model(TUNE)],
    "deployments": [wanted.served(SERVE)],
}


def test_a_drift_in_full() -> None:
    """What is idle, has no spec, or was somebody else's, and who accepts it until when."""
    stray = wanted.deployment(TUNE, "old")
    theirs = refers("Dataset", "theirs", "accounts/-/datasets/theirs")
    short = Accepted("Deployment/*", "ann", "2026-01-02", "first")
    long = Accepted("Deployment/*", "bob", "2026-03-01", "a load test")
    other = Accepted("Dataset/else", "cy", "2026-09-01", "of another")
    gone = Accepted("Dataset/theirs", "cy", "2025-12-31", "lapsed", sort="missing")
    policy = Policy(accepted=(other, replace(gone, sort="idle"), long, short, gone))
    wanted_ones = (PREFS, TUNE, SERVE, theirs)
    desired = State({r.address: r for r in wanted_ones}, named=True, policy=policy)
    seen = replace(found(desired, THERE), strays=((stray.address, wanted.served(stray)),))
    made = drift(desired, seen, plan(desired, seen, {}), (SERVE.address,), "2026-01-01")
    assert (made.account, made.stack, made.pending, made.in_place) == ("acme", "default", (), 2)
    idle = "runs, and has answered nothing for a day; it is paid for by the second"
    left = "carries the mark of this stack, has no spec, and is ready"
    missing = "is gone; its spec only refers to it"
    assert made.drifted == (
        Drifted(theirs.address, Sort.MISSING, "theirs", missing, (), gone, ours=False),
        Drifted(SERVE.address, Sort.IDLE, SERVE.id, idle, (), long, counts=False),
        Drifted(stray.address, Sort.UNMANAGED, stray.id, left, (), long, counts=False),
    )


def test_only_the_changed_shows_fields_and_all_of_it_is_ours() -> None:
    desired = State({r.address: r for r in (PREFS, TUNE, SERVE)})
    changed = {**THERE, "deployments": [wanted.served(SERVE, maxReplicaCount=7)]}
    failed = {**THERE, "deployments": [wanted.served(SERVE, "FAILED")]}
    for lists, fields in ((changed, ["maxReplicaCount"]), (failed, [])):
        seen = found(desired, lists)
        (one,) = drift(desired, seen, plan(desired, seen, {}), (), "2026-01-01").drifted
        assert [field.path for field in one.fields] == fields
        assert one.ours is True
        assert one.counts is True


def test_a_base_model_that_the_stack_allows() -> None:
    policy = Policy(base_models=("accounts/x/*", wanted.BASE[:-3] + "*"))
    assert not planned(PREFS, TUNE, policy=policy).blocked


def test_a_deployment_of_a_model_that_the_stack_does_not_allow_is_told_at_its_model() -> None:
    serve = wanted.make("Deployment", "serve", {"model": "accounts/z/models/other"})
    place = Place("spec.yaml", 4, 3)
    held = planned(replace(serve, places={"model": place}), policy=Policy(base_models=("a*x",)))
    assert finding(held).where == place


def test_only_a_deletion_is_held_for_their_number() -> None:
    later = wanted.job(PREFS, epochs=2)
    after = wanted.deployment(later, maxReplicaCount=2)
    desired = State({r.address: r for r in (PREFS, later, after)}, policy=Policy(max_deletes=0))
    stray = wanted.deployment(TUNE, "old")
    lists = {**THERE, "models": [wanted.ready_model(TUNE), wanted.ready_model(later)]}
    seen = replace(found(desired, lists), strays=((stray.address, wanted.served(stray)),))
    made = plan(desired, seen, {}, prune=True)
    assert [str(change.address) for change in made.blocked] == ["Deployment/old"]
    replaced = {str(change.address): change for change in made.changes}["Deployment/serve"]
    assert (replaced.action, replaced.reversible) == (Action.REPLACE, True)


def test_what_is_trained_here_is_trained_first_and_named() -> None:
    own = wanted.own_job(PREFS)
    change = planned(replace(PREFS, stays=True), own).changes[1]
    name = f"models/{own.id}"
    assert [str(s) for s in change.steps] == [
        f"{verb} {name}" for verb in ("train", "create", "upload", "wait")
    ]
