"""What exists already: referred to without being touched, or taken over without being made anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import Place
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Document
from dpo_ops.observer import observe
from dpo_ops.planner import Action, plan
from dpo_ops.planner.drift import Sort, drift
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.reporters import outputs_of
from dpo_ops.resource import Address, Resource, State, in_account, last_segment
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.planner.test_removal import serving, standing
from tests.rehearsal import Rehearsal
from tests.wanted import BASE, make, state

if TYPE_CHECKING:
    from pathlib import Path

SERVE = Address("Deployment", "serve")
SHAPE = "accounts/fireworks/deploymentShapes/llama-v3p1-8b-instruct-fast"


def refers(kind: str, name: str, id_: str) -> Resource:
    facts = KINDS[kind].elsewhere
    assert facts
    spec = facts.spec.model_validate({"external": True, "id": id_})
    places = {"id": Place("spec.yaml", 6, 7)}
    document = Document(Address(kind, name), spec, {}, Place("spec.yaml"), places)
    return facts.desire(document, {}, "default")


def by_hand(rehearsal: Rehearsal, id_: str, **said: Any) -> str:
    """Make a deployment as somebody else would, and wait until it serves."""
    body = {"baseModel": BASE, "deploymentShape": SHAPE, "maxReplicaCount": 1, **said}
    path = f"accounts/{rehearsal.client.account}/deployments"
    rehearsal.client.post(path, body, {"deploymentId": id_})
    rehearsal.clock.sleep(300)
    return f"accounts/-/deployments/{id_}"


def planned(rehearsal: Rehearsal, desired: State, **options: Any) -> Any:
    desired = in_account(desired, rehearsal.client.account)
    return plan(desired, observe(rehearsal.client, desired), {}, **options)


def test_what_is_external_is_in_sync_and_is_never_touched() -> None:
    with Rehearsal() as rehearsal:
        desired = state(refers("Deployment", "theirs", by_hand(rehearsal, "theirs-1")))
        rehearsal.forget_requests()
        assert planned(rehearsal, desired).in_sync
        assert rehearsal.apply(desired).exit_code == 0
        for everything in (False, True):
            assert rehearsal.run(rehearsal.teardown(desired, everything=everything)).exit_code == 0
        assert rehearsal.writes() == []
        seen = observe(rehearsal.client, desired)
        name = "accounts/emulator/deployments/theirs-1"
        assert outputs_of(desired, seen).values == {
            "Deployment/theirs": {"deployment": name, "requestModel": name}
        }


@pytest.mark.parametrize("account", ["-", "emulator", "fireworks"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_external_and_not_there_is_blocked_at_its_line(kind: str, account: str) -> None:
    facts = KINDS[kind].elsewhere
    assert facts
    with Rehearsal() as rehearsal:
        name = f"accounts/{account}/{facts.collection}/nothing"
        (change,) = planned(rehearsal, state(refers(kind, "theirs", name))).changes
        assert [str(f.where) for f in change.blocked] == ["spec.yaml:6:7"]
        assert not change.steps


def test_a_model_of_another_account_is_found_and_is_not_mixed_up_with_one_of_ours() -> None:
    with Rehearsal() as rehearsal:
        theirs = refers("DPOJob", "base", BASE)
        assert planned(rehearsal, state(theirs)).in_sync
        mine = refers("DPOJob", "mine", BASE.replace("fireworks", "-"))
        two = planned(rehearsal, state(theirs, mine))
        assert [bool(c.blocked) for c in two.changes] == [False, True]


def test_what_refers_to_something_external_uses_its_name_and_the_same_ids() -> None:
    name = "accounts/acme/datasets/theirs"
    data = refers("Dataset", "data", name)
    said = {"dataset": "data", "trainingConfig": {"baseModel": BASE}}
    job = make("DPOJob", "tune", said, links={"dataset": data})
    spelled = make("DPOJob", "tune", {**said, "dataset": name})
    assert (job.id, job.body["dataset"]) == (spelled.id, name)
    model = refers("DPOJob", "model", "accounts/acme/models/theirs")
    serve = wanted.deployment(model)
    full = make("Deployment", "serve", {"model": "accounts/acme/models/theirs"})
    assert (serve.id, serve.body, serve.options) == (full.id, full.body, full.options)
    assert serve.needs == (model.address,)
    start = {**said, "trainingConfig": {"warmStartFrom": {"dpoJob": "model"}}}
    warm = make("DPOJob", "more", start, links={"trainingConfig.warmStartFrom.dpoJob": model})
    assert warm.body["trainingConfig"]["warmStartFrom"] == "accounts/acme/models/theirs"


def test_our_own_deployment_that_another_spec_refers_to_is_neither_stray_nor_superseded(
    tmp_path: Path,
) -> None:
    with Rehearsal() as rehearsal:
        first = serving(tmp_path, "left")
        assert rehearsal.apply(first).exit_code == 0
        old = first[Address("Deployment", "left")]
        keep = refers("Deployment", "old", f"accounts/-/deployments/{old.id}")
        less = State({a: r for a, r in first.items() if a.kind != "Deployment"})
        pruned = planned(rehearsal, State({**less, keep.address: keep}), prune=True)
        assert pruned.in_sync
        assert not pruned.warnings
        # Nor does a new model take it away.
        job = wanted.job(first[Address("Dataset", "prefs")], epochs=2)
        new = wanted.deployment(job, "left", maxReplicaCount=1)
        both = state(first[Address("Dataset", "prefs")], job, new, keep)
        assert rehearsal.apply(both).exit_code == 0
        assert len([d for d in rehearsal.client.list("deployments") if "left" in d["name"]]) == 2


def test_what_is_external_and_under_way_is_waited_for_where_it_is_needed() -> None:
    with Rehearsal() as rehearsal:
        path = f"accounts/{rehearsal.client.account}/datasets"
        body = {"datasetId": "d", "dataset": {"exampleCount": "3", "userUploaded": {}}}
        rehearsal.client.post(path, body)
        data = refers("Dataset", "data", "accounts/-/datasets/d")
        assert planned(rehearsal, state(data)).in_sync
        said = {"dataset": "data", "trainingConfig": {"baseModel": BASE}}
        job = make("DPOJob", "tune", said, links={"dataset": data})
        change = planned(rehearsal, state(data, job)).changes[0]
        assert [str(step) for step in change.steps] == ["wait datasets/d"]
        assert change.action is Action.NO_OP


def test_what_is_external_and_gone_is_drift() -> None:
    with Rehearsal() as rehearsal:
        desired = state(refers("Deployment", "theirs", by_hand(rehearsal, "theirs-1")))

        def look() -> list[Sort]:
            seen = observe(rehearsal.client, desired)
            return [
                one.sort for one in drift(desired, seen, plan(desired, seen, {}), (), "").drifted
            ]

        assert look() == []
        rehearsal.client.delete(f"accounts/{rehearsal.client.account}/deployments/theirs-1")
        assert look() == [Sort.MISSING]


# To take over


def adopting(id_: str, **said: Any) -> State:
    return state(make("Deployment", "serve", {"model": BASE, "adopt": id_, **said}))


def test_a_deployment_is_taken_over_in_place(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one", annotations={"custom/team": "x"})
        desired = adopting("old-one", maxReplicaCount=3)
        (change,) = planned(rehearsal, desired).changes
        assert (change.action, change.id) == (Action.UPDATE, "old-one")
        assert {str(step.verb) for step in change.steps} >= {"tag", "patch"}
        # Before it is ours, nothing of it may be destroyed.
        assert not rehearsal.teardown(desired).changes[0].steps
        assert rehearsal.apply(desired).exit_code == 0
        assert planned(rehearsal, desired).in_sync
        (there,) = rehearsal.client.list("deployments")
        assert there["maxReplicaCount"] == 3
        assert there["annotations"]["custom/team"] == "x"
        # It is ours by its mark now: `adopt` is not needed any more.
        plain = state(make("Deployment", "serve", {"model": BASE, "maxReplicaCount": 3}))
        assert planned(rehearsal, plain).in_sync
        # Another model replaces it as usual, once the new one has answered.
        other = serving(tmp_path)
        job = other[Address("DPOJob", "tune")]
        moved = make(
            "Deployment",
            "serve",
            {"model": {"dpoJob": "tune"}, "adopt": "old-one", "maxReplicaCount": 3},
            links={"model.dpoJob": job},
        )
        assert rehearsal.apply(State({**other, SERVE: moved})).exit_code == 0
        assert planned(rehearsal, State({**other, SERVE: moved})).in_sync
        assert standing_ids(rehearsal) == {moved.id}
        assert rehearsal.run(rehearsal.teardown(State({**other, SERVE: moved}))).exit_code == 0
        assert standing(rehearsal) == set()


def standing_ids(rehearsal: Rehearsal) -> set[str]:
    live = [d for d in rehearsal.client.list("deployments") if d["state"] != "DELETED"]
    return {last_segment(d["name"]) for d in live}


OTHER = {"custom/dpo-ops-stack": "other", "custom/dpo-ops-name": "theirs"}


@pytest.mark.parametrize(
    ("there", "said", "why"),
    [
        ({"annotations": OTHER}, {}, "Deployment/theirs of stack other"),
        ({}, {"model": BASE.replace("8b", "70b")}, "its baseModel is"),
        ({"placement": {"multiRegion": "US"}}, {}, 'its placement is {"multiRegion":"US"}'),
        ({}, {"placement": {"multiRegion": "US"}}, "its placement is"),
        ({}, {"adopt": "another"}, "there is no deployment another"),
    ],
)
def test_what_is_not_the_same_or_is_anothers_is_not_taken_over(
    there: dict[str, Any], said: dict[str, Any], why: str
) -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one", **there)
        desired = adopting("old-one", **{"maxReplicaCount": 1, **said})
        (change,) = planned(rehearsal, desired).changes
        assert why in change.blocked[0].why
        assert not change.steps


def test_a_deployment_made_by_us_before_is_not_given_up_for_one_to_adopt() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        plain = state(make("Deployment", "serve", {"model": BASE, "maxReplicaCount": 1}))
        assert rehearsal.apply(plain).exit_code == 0
        assert planned(rehearsal, adopting("old-one", maxReplicaCount=1)).in_sync


def test_what_is_still_to_be_taken_over_has_not_drifted() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        desired = in_account(adopting("old-one", maxReplicaCount=3), rehearsal.client.account)
        seen = observe(rehearsal.client, desired)
        found = drift(desired, seen, plan(desired, seen, {}), [], "2026-11-23")
        assert not found.drifted
        assert [str(address) for address, _ in found.pending] == ["Deployment/serve"]


def test_what_is_to_be_taken_over_under_another_name_is_not_pruned_for_its_old_one() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        assert rehearsal.apply(adopting("old-one", maxReplicaCount=1)).exit_code == 0
        said = {"model": BASE, "adopt": "old-one", "maxReplicaCount": 1}
        renamed = planned(rehearsal, state(make("Deployment", "tutor", said)), prune=True)
        (change,) = renamed.changes
        assert (change.address.name, change.steps, renamed.warnings) == ("tutor", (), ())
        assert change.blocked[0].fix.startswith("call this spec serve, or write external: true")


def tuned(folder: Path, **adopt: str) -> State:
    data = dataset(folder, "prefs", "".join(ROW % n for n in range(3)))
    said: dict[str, Any] = {
        "dataset": "prefs",
        "trainingConfig": {"baseModel": BASE, "epochs": 1},
        **({"adopt": adopt} if adopt else {}),
    }
    job = make("DPOJob", "tune", said, links={"dataset": data})
    return state(data, job, wanted.deployment(job, maxReplicaCount=1))


def test_a_model_is_used_as_if_the_job_had_made_it_until_something_that_decides_it_changes(
    tmp_path: Path,
) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path)).exit_code == 0
        (model,) = rehearsal.client.list("models")
        name = model["name"].replace("accounts/emulator", "accounts/-")
        plain = tuned(tmp_path)
        would_be = plain[Address("DPOJob", "tune")].id
        rehearsal.forget_requests()
        desired = tuned(tmp_path, name=name, **{"as": would_be})
        assert rehearsal.apply(desired).exit_code == 0
        assert not [w for w in rehearsal.writes() if "dpoJobs" in w]
        assert standing(rehearsal) == {"serve"}
        # Under any other id the job is made as usual.
        other = tuned(tmp_path, name=name, **{"as": "tune-0000000000"})
        assert other[Address("DPOJob", "tune")] == plain[Address("DPOJob", "tune")]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["*:setTags", "*/deployments/old-one"])
def test_a_take_over_that_was_cut_short_goes_on(path: str, when: str) -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        desired = adopting("old-one", maxReplicaCount=3)
        method = "POST" if path.endswith("setTags") else "PATCH"
        rehearsal.fault(method=method, path=path, status=400, when=when, times=1)
        first = rehearsal.apply(desired)
        assert rehearsal.apply(desired).exit_code == 0, first
        assert planned(rehearsal, desired).in_sync
        (there,) = rehearsal.client.list("deployments")
        assert (last_segment(there["name"]), there["maxReplicaCount"]) == ("old-one", 3)


def test_two_stacks_that_adopt_one_deployment_do_not_both_get_it() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        assert rehearsal.apply(adopting("old-one", maxReplicaCount=1)).exit_code == 0
        said = {"model": BASE, "adopt": "old-one", "maxReplicaCount": 1}
        other = state(make("Deployment", "serve", said, stack="other"), stack="other")
        (change,) = planned(rehearsal, other).changes
        assert "Deployment/serve of stack default" in change.blocked[0].why


def test_a_saved_plan_keeps_what_is_referred_to_and_what_is_adopted() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        theirs = refers("Deployment", "theirs", by_hand(rehearsal, "theirs-1"))
        desired = State({**adopting("old-one", maxReplicaCount=1), theirs.address: theirs})
        saved = restore(json.loads(json.dumps(save(planned(rehearsal, desired), desired))))
        assert saved.desired == desired
        held = hold(planned(rehearsal, saved.desired), saved)
        assert rehearsal.run(held).exit_code == 0
        assert planned(rehearsal, desired).in_sync


def test_a_copy_of_a_deployment_with_its_mark_is_not_taken_for_an_earlier_one() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        desired = adopting("old-one", maxReplicaCount=1)
        assert rehearsal.apply(desired).exit_code == 0
        (there,) = rehearsal.client.list("deployments")
        by_hand(rehearsal, "copy", annotations=there["annotations"])
        assert planned(rehearsal, desired).in_sync
        said = {"model": BASE, "adopt": "old-one", "placement": {"multiRegion": "US"}}
        moved = state(make("Deployment", "serve", {**said, "maxReplicaCount": 1}))
        assert rehearsal.apply(moved).exit_code == 0
        assert standing_ids(rehearsal) == {moved[SERVE].id, "copy"}
