"""What was reviewed on a pull request is what may be carried out after the merge."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import PlanError
from dpo_ops.planner.approval import Approval, Approved, hold, pack, unapproved, unpack
from dpo_ops.planner.saved import restore, save
from dpo_ops.resource import Address, State
from tests import wanted
from tests.laws.test_hazards import own
from tests.planner.test_saved import through_a_file, two
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from pathlib import Path

text = st.text(max_size=30)
approved = st.dictionaries(
    text,
    st.builds(
        Approval,
        id=text,
        writes=st.lists(text, min_size=1, max_size=3).map(tuple),
        rests_on=text,
        wants=text,
        said=text,
    ),
    max_size=5,
)


def reviewed(rehearsal: Rehearsal, desired: State) -> Approved:
    said: Any = through_a_file(save(rehearsal.plan(desired), desired))
    return restore(said).approvals


@given(approved=approved)
def test_what_is_packed_is_unpacked(approved: Approved) -> None:
    packed = pack(approved, 100_000)
    assert re.fullmatch("[A-Za-z0-9_-]+", packed)
    assert unpack(packed) == approved
    assert pack(approved, len(packed)) == packed
    assert pack(approved, len(packed) - 1) == ""


def test_what_is_too_large_unpacked_is_not_unpacked() -> None:
    """A few letters may stand for gigabytes."""
    one = Approval("id", ("create x",), "", "", "x" * (1 << 21))
    packed = pack({"DPOJob/tune": one}, 12_000)
    assert packed
    for sent in (packed, packed[: len(packed) // 2]):
        with pytest.raises(PlanError) as caught:
            unpack(sent)
        assert str(caught.value) == (
            "the approval can't be read · cut short, or too large · plan again and have that"
            " reviewed"
        )


@given(packed=text)
def test_what_was_not_packed_is_refused_or_empty(packed: str) -> None:
    with suppress(PlanError):
        assert isinstance(unpack(packed), dict)


def test_what_would_be_too_long_approves_nothing(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        given = reviewed(rehearsal, two(tmp_path))
        assert pack(given, 100) == ""
        packed = pack(given, 12_000)
        assert 100 < len(packed) < 1200
        assert packed.replace("-", "").replace("_", "").isalnum()


def test_without_an_approval_everything_that_writes_is_held(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        held = hold(rehearsal.plan(desired), desired, [])
        assert len(held.blocked) == len(desired)
        assert "planned was nothing" in held.blocked[0].blocked[0].why


def test_several_approvals_add_up(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        whole = reviewed(rehearsal, desired)
        left = {address: one for address, one in whole.items() if "left" in address}
        rest = {address: one for address, one in whole.items() if "left" not in address}
        fresh = rehearsal.plan(desired)
        assert [str(c.address) for c in unapproved(fresh, desired, [rest])] == ["Deployment/left"]
        assert not unapproved(fresh, desired, [rest, left])


def test_another_wish_under_the_same_id_is_not_approved(tmp_path: Path) -> None:
    """What a run that was cut short left to do is compared by its spec, not only by its steps."""
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        given = reviewed(rehearsal, desired)
        address = next(a for a in desired if a.name == "left")
        probe = {**desired[address].options, "probe": {"prompt": "something else"}}
        others = {**desired, address: replace(desired[address], options=probe)}
        other = State(others, stack=desired.stack)
        assert [c.address for c in unapproved(rehearsal.plan(other), other, [given])] == [address]


def check_changed(desired: State, kind: str, part: str, **others: object) -> None:
    """Check that what is approved holds no more once a part of it is another, under the same id."""
    with Rehearsal() as rehearsal:
        given = reviewed(rehearsal, desired)
        address = next(a for a in desired if a.kind == kind)
        other = replace(getattr(desired[address], part), **others)
        fresh = rehearsal.plan(desired)
        assert not unapproved(fresh, desired, [given])
        resource = replace(desired[address], **{part: other})
        changed = State({**desired, address: resource}, stack=desired.stack)
        assert [c.address for c in unapproved(fresh, changed, [given])] == [address]


def test_other_content_under_the_same_id_is_not_approved(tmp_path: Path) -> None:
    """Two contents of one short id can be looked for; the whole digest of what is sent counts."""
    check_changed(two(tmp_path), "Dataset", "content", digest="0" * 64)


def test_another_recipe_under_the_same_id_is_not_approved(tmp_path: Path) -> None:
    check_changed(own(tmp_path), "DPOJob", "recipe", weights="others")


def test_the_same_writes_on_other_grounds_are_not_approved(tmp_path: Path) -> None:
    """Only the rest of what was approved needs no second look, not all of it on other grounds."""
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        rehearsal.apply(desired)
        left = next(a for a in desired if a.name == "left")
        name = f"accounts/{rehearsal.client.account}/deployments/{desired[left].id}"
        rehearsal.client.delete(name, {"ignoreChecks": "true"})
        fresh = rehearsal.plan(desired)
        (change,) = [change for change in fresh.changes if change.steps]
        assert (change.address, change.fields) == (left, ())
        given = reviewed(rehearsal, desired)
        assert not unapproved(fresh, desired, [given])
        given[str(left)] = replace(given[str(left)], rests_on="something else")
        assert unapproved(fresh, desired, [given]) == (change,)


def test_what_was_planned_and_what_would_be_now_are_said_in_words(tmp_path: Path) -> None:
    long = "accounts/fireworks/deploymentShapes/l-fast"
    assert len(long) == 42
    with Rehearsal() as rehearsal:
        before = two(tmp_path)
        planned = reviewed(rehearsal, before)
        rehearsal.apply(before)
        left = next(a for a in before if a.name == "left")
        id_ = before[left].id
        assert planned[str(left)].said == f"create {id_}"
        data, job = (before[Address(*one)] for one in (("Dataset", "prefs"), ("DPOJob", "tune")))
        said = {"minReplicaCount": 1, "maxReplicaCount": 3, "description": "d" * 40}
        after = state(data, job, wanted.deployment(job, "left", **said, displayName="n" * 41))
        held = hold(rehearsal.plan(after), after, [planned])
        finding = next(c for c in held.blocked if c.address == left).blocked[0]
    assert finding.why == (
        f"planned was create {id_}; now it would be update {id_} (displayName unset →"
        f" {'n' * 39}…, description unset → {'d' * 40}, minReplicaCount 0 → 1 and 1 more)"
    )


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_run_that_was_cut_short_goes_on_with_a_packed_approval(tmp_path: Path, cut: int) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        given = unpack(pack(reviewed(rehearsal, desired), 12_000))
        changes = rehearsal.plan(desired).changes[:cut]
        part = State({c.address: desired[c.address] for c in changes}, stack=desired.stack)
        assert rehearsal.run(rehearsal.plan(part)).exit_code == 0
        fresh = hold(rehearsal.plan(desired), desired, [given])
        assert not fresh.blocked
        assert rehearsal.run(fresh).exit_code == 0
