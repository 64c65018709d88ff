"""Drift is what changed behind the specs' back, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.executor import Waits
from dpo_ops.kinds import KINDS
from dpo_ops.observer import observe
from dpo_ops.planner import plan
from dpo_ops.planner.drift import Drift, Sort, drift
from dpo_ops.resource import Accepted, Address, Policy, State
from tests import wanted
from tests.executor.test_policies import ends_as
from tests.planner.test_removal import serving
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from pathlib import Path

TODAY = "2026-11-23"
LEFT = Address("Deployment", "left")


def look(rehearsal: Rehearsal, desired: State, *idle: Address) -> Drift:
    seen = observe(rehearsal.client, desired)
    return drift(desired, seen, plan(desired, seen, {}), idle, TODAY)


def sorts(found: Drift) -> dict[str, Sort]:
    return {str(one.address): one.sort for one in found.drifted}


def by_hand(rehearsal: Rehearsal, name: str, **said: Any) -> None:
    record = next(d for d in rehearsal.client.list("deployments") if f"/{name}-" in d["name"])
    mask = ",".join("".join(f"_{c.lower()}" if c.isupper() else c for c in key) for key in said)
    rehearsal.client.patch(
        record["name"], {"baseModel": record["baseModel"], **said}, {"updateMask": mask}
    )


def accepting(desired: State, *accepted: Accepted) -> State:
    return State(dict(desired), stack=desired.stack, policy=Policy(accepted=accepted))


def test_after_an_apply_nothing_has_drifted(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired).exit_code == 0
        found = look(rehearsal, desired)
        assert not found.found
        assert not found.pending
        assert found.in_place == 3


def test_before_an_apply_all_is_pending_and_nothing_has_drifted(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        found = look(rehearsal, serving(tmp_path, "left"))
        assert not found.drifted
        assert len(found.pending) == 3


def test_what_is_under_way_has_not_drifted(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired, waits=Waits(budget_s=90)).exit_code == 3
        assert not look(rehearsal, desired).drifted


def test_a_change_by_hand_is_drift_and_a_change_of_the_spec_is_not(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left", "right")).exit_code == 0
        by_hand(rehearsal, "left", maxReplicaCount=4)
        # The spec of the right one changes, and is not applied yet.
        left = serving(tmp_path, "left")
        right = serving(tmp_path, "right", minReplicaCount=1)
        desired = State({**dict(right), **dict(left)})
        found = look(rehearsal, desired)
        assert sorts(found) == {"Deployment/left": Sort.CHANGED}
        assert [field.path for field in found.drifted[0].fields] == ["maxReplicaCount"]
        assert [str(address) for address, _ in found.pending] == ["Deployment/right"]
        # And once it is applied, neither is left.
        assert rehearsal.apply(desired).exit_code == 0
        assert not look(rehearsal, desired).drifted


def test_what_somebody_deleted_is_missing(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired).exit_code == 0
        path = f"accounts/{rehearsal.client.account}"
        rehearsal.client.delete(f"{path}/datasets/{desired[Address('Dataset', 'prefs')].id}")
        assert sorts(look(rehearsal, desired)) == {"Dataset/prefs": Sort.MISSING}
        deployment = f"{path}/deployments/{desired[LEFT].id}"
        rehearsal.client.delete(deployment, {"ignoreChecks": "true"})
        assert sorts(look(rehearsal, desired))["Deployment/left"] is Sort.MISSING


def test_what_nobody_used_for_a_week_has_expired(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired).exit_code == 0
        rehearsal.emulator.advance(8 * 86400)
        rehearsal.clock.sleep(1)
        assert sorts(look(rehearsal, desired)) == {"Deployment/left": Sort.EXPIRED}


def test_a_failed_job_is_drift(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        ends_as(rehearsal, "FAILED")
        desired = serving(tmp_path)
        rehearsal.apply(desired)
        assert sorts(look(rehearsal, desired)) == {"DPOJob/tune": Sort.FAILED}


def test_what_has_no_spec_is_unmanaged(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left", "right")).exit_code == 0
        assert sorts(look(rehearsal, serving(tmp_path, "left"))) == {
            "Deployment/right": Sort.UNMANAGED
        }


def test_what_runs_without_traffic_is_idle(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired).exit_code == 0
        assert sorts(look(rehearsal, desired, LEFT)) == {"Deployment/left": Sort.IDLE}


ENTRY = Accepted("Deployment/left", "ann", "2026-12-31", "a load test")


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        (ENTRY, False),
        (Accepted("Deployment/*", "ann", TODAY, "the last day"), False),
        (Accepted("Deployment/left", "ann", "2026-11-22", "lapsed"), True),
        (Accepted("Deployment/right", "ann", "2026-12-31", "of another"), True),
        (Accepted("Deployment/left", "ann", "2026-12-31", "a sort", sort="changed"), False),
        (Accepted("Deployment/left", "ann", "2026-12-31", "a sort", sort="idle"), True),
        (Accepted("Deployment/left", "ann", "2026-12-31", "x", path="maxReplicaCount"), False),
        (Accepted("Deployment/left", "ann", "2026-12-31", "x", path="description"), True),
    ],
)
def test_what_is_accepted_is_shown_and_does_not_count_until_it_lapses(
    entry: Accepted, counts: bool, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left")
        assert rehearsal.apply(desired).exit_code == 0
        by_hand(rehearsal, "left", maxReplicaCount=4)
        found = look(rehearsal, accepting(desired, entry))
        assert sorts(found) == {"Deployment/left": Sort.CHANGED}
        assert found.found is counts
        # A plan does not care: what is accepted as drift would still be put right.
        assert not rehearsal.plan(accepting(desired, entry)).in_sync


def test_an_entry_for_one_field_does_not_cover_another(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = serving(tmp_path, "left", description="ours")
        assert rehearsal.apply(desired).exit_code == 0
        by_hand(rehearsal, "left", maxReplicaCount=4, description="theirs")
        one = Accepted("Deployment/left", "ann", "2026-12-31", "x", path="maxReplicaCount")
        assert look(rehearsal, accepting(desired, one)).found
        # Nor does it stand in the way of one that covers them all.
        assert not look(rehearsal, accepting(desired, one, ENTRY)).found


def apart(found: Drift) -> tuple[list[str], list[str]]:
    """Return the fields that have drifted, and what is pending."""
    drifted = [field.path for one in found.drifted for field in one.fields]
    return drifted, [reason for _, reason in found.pending]


def test_in_one_resource_drift_and_a_change_of_the_spec_are_told_apart(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left")).exit_code == 0
        by_hand(rehearsal, "left", maxReplicaCount=3)
        found = look(rehearsal, serving(tmp_path, "left", minReplicaCount=1))
        assert sorts(found) == {"Deployment/left": Sort.CHANGED}
        assert found.drifted[0].message == "differs in maxReplicaCount"
        assert found.found
        assert apart(found) == (["maxReplicaCount"], ["differs in minReplicaCount"])
        assert found.in_place == 2


def test_a_field_that_both_changed_is_pending(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        first = serving(tmp_path, "left", description="ours", minReplicaCount=0)
        assert rehearsal.apply(first).exit_code == 0
        by_hand(rehearsal, "left", description="theirs", minReplicaCount=1)
        both = serving(tmp_path, "left", description="newer", minReplicaCount=0)
        found = look(rehearsal, both)
        assert apart(found) == (["minReplicaCount"], ["differs in description"])


def tagged(rehearsal: Rehearsal, **tags: str | None) -> None:
    """Set annotations of what stands, or take them away (None), by hand."""
    record = rehearsal.client.list("deployments")[0]
    keys = {f"custom/{key.replace('_', '-')}": value for key, value in tags.items()}
    new = {key: value for key, value in keys.items() if value is not None}
    rehearsal.client.post(f"{record['name']}:setTags", {"tags": new}, repeatable=True)
    gone = [key for key, value in keys.items() if value is None]
    if gone:
        rehearsal.client.post(f"{record['name']}:deleteTags", {"keys": gone}, repeatable=True)


def test_tags_are_told_apart_as_fields_are(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        team = {"custom/team": "a"}
        assert rehearsal.apply(serving(tmp_path, "left", annotations=team)).exit_code == 0
        tagged(rehearsal, team="b", dpo_ops_protected="true")
        newer = serving(tmp_path, "left", annotations=team, deletionPolicy="retain")
        assert apart(look(rehearsal, newer)) == (
            ["annotations.custom/team", "annotations.custom/dpo-ops-protected"],
            ["differs in annotations.custom/dpo-ops-retained"],
        )


@pytest.mark.parametrize("left", ["nothing", "an older version", "an older version, later"])
def test_what_an_earlier_version_left_is_compared_as_a_whole(left: str, tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        first = serving(tmp_path, "left")
        assert rehearsal.apply(first).exit_code == 0
        whole = {"nothing": None, "an older version": first[LEFT].options["said"]}
        said = whole.get(left, "0" * 10)
        each = {} if left.endswith("later") else {"dpo_ops_applied_fields": None}
        tagged(rehearsal, dpo_ops_applied=said, **each)
        # The new form alone is nothing to write.
        assert rehearsal.plan(first).in_sync
        by_hand(rehearsal, "left", maxReplicaCount=3)
        found = look(rehearsal, serving(tmp_path, "left", minReplicaCount=1))
        both = "differs in minReplicaCount, maxReplicaCount"
        if left == "nothing":
            assert apart(found) == (both.removeprefix("differs in ").split(", "), [])
        else:
            assert apart(found) == ([], [both])


def test_more_fields_than_fit_are_compared_as_a_whole(tmp_path: Path) -> None:
    many = {f"custom/tag-{n}": "x" for n in range(40)}
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left", annotations=many)).exit_code == 0
        by_hand(rehearsal, "left", maxReplicaCount=3)
        found = look(rehearsal, serving(tmp_path, "left", annotations=many, minReplicaCount=1))
        assert not found.drifted
        assert len(found.pending) == 1


def test_a_secret_leaves_no_digest() -> None:
    key = [{"secretRef": {"env": "ROUTE_KEY"}}]
    said = wanted.deployment(wanted.job(wanted.dataset()), directRouteApiKeys=key)
    without = wanted.deployment(wanted.job(wanted.dataset()))
    fields = "custom/dpo-ops-applied-fields"
    marks = [KINDS["Deployment"].stamp(one)[fields][10:] for one in (said, without)]
    assert marks[0] == marks[1]


def test_what_an_apply_that_failed_did_not_change_has_not_drifted(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(serving(tmp_path, "left")).exit_code == 0
        rehearsal.fault(method="PATCH", status=400)
        newer = serving(tmp_path, "left", minReplicaCount=1, annotations={"custom/team": "a"})
        assert rehearsal.apply(newer).exit_code == 1
        found = look(rehearsal, newer)
        assert apart(found) == ([], ["differs in minReplicaCount"])
