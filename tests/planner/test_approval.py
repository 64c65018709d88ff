"""What was reviewed on a pull request is what may be carried out after the merge."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import PlanError
from dpo_ops.planner.approval import Approval, Approved, hold, pack, unapproved, unpack
from dpo_ops.planner.saved import restore, save
from dpo_ops.resource import State
from tests.planner.test_saved import through_a_file, two
from tests.rehearsal import Rehearsal

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
    assert unpack(pack(approved, 100_000)) == approved


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
