"""A plan made from the base branch alone says what the live plan says once base was applied."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpo_ops.kinds.facts import Behaviour, fact
from dpo_ops.kinds.pricing import Unpriced
from dpo_ops.kinds.values import look_up
from dpo_ops.kinds.values import same as same_value
from dpo_ops.observer import observe
from dpo_ops.pairs.prices import prices
from dpo_ops.planner import Action, Change, FieldChange, Plan, plan
from dpo_ops.planner.offline import supposed
from tests.laws.worlds import World, edits, worlds
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.resource import State


many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def offline(before: State, after: State, **options: Any) -> Plan:
    return plan(after, supposed(before, after), {}, prices(), **options)


def same(before: State, after: State, *, prune: bool = False) -> Plan:
    """Hold both plans against each other, and return the one made offline."""
    with Rehearsal() as rehearsal:
        report = rehearsal.apply(before)
        assert report.exit_code == 0, [str(end) for end in report.ended]
        there = observe(rehearsal.client, after)
    seen = plan(after, there, {}, prices(), prune=prune)
    made = offline(before, after, prune=prune)
    assert made.warnings == seen.warnings
    assert made.stack == seen.stack
    for mine, its in zip(made.changes, seen.changes, strict=True):
        found = there.resources.get(its.address)
        earlier = found.earlier[-1:] if found else ()
        agree(mine, its, its.record or next(iter(earlier), {}))
    return made


def agree(mine: Change, its: Change, record: Mapping[str, Any]) -> None:
    """Hold that both say the same, but for what only the account's `record` can know."""
    fields = {field.path: field for field in its.fields}
    filled = [field for field in mine.fields if field.path not in fields]
    for field in filled:  # What the platform fills in happens to be what is wanted now.
        row = fact(mine.kind, field.path)
        assert row
        assert row.behaviour is Behaviour.SERVER_DEFAULT
        assert field.before is None
        there = look_up(record, field.path.split("."))
        assert (row.same or same_value)(field.after, there)
    kept = [field for field in mine.fields if field.path in fields]
    for field in kept:
        assert field.before is None or same_value(field.before, fields[field.path].before)
    assert [_blind(field) for field in kept] == [_blind(field) for field in its.fields]
    # What the GPUs cost that a shape chose is not known, nor by how much more of them is dearer.
    assert mine.cost == its.cost or isinstance(mine.cost, Unpriced) or _is_enlarged(mine)
    unknown = {"record": None, "fields": (), "cost": None}
    if filled and mine.action is Action.UPDATE:
        unknown |= {"action": Action.NO_OP, "reason": "", "steps": ()}
    assert replace(mine, **unknown) == replace(its, **unknown)


def _is_enlarged(change: Change) -> bool:
    return change.cost is None and change.action is Action.UPDATE


def _blind(field: FieldChange) -> FieldChange:
    return replace(field, before=None)


def actions(made: Plan) -> dict[str, str]:
    return {str(change.address): str(change.action) for change in made.changes}


@many
@given(worlds().flatmap(lambda world: st.tuples(st.just(world), edits(world))))
def test_it_is_the_plan_of_an_account_that_base_was_applied_to(pair: tuple[World, World]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after = (world.load(Path(folder) / str(n)) for n, world in enumerate(pair))
        same(before, after)


@many
@given(worlds())
def test_what_is_the_same_does_nothing(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = world.load(Path(folder))
    made = offline(wanted, wanted)
    assert made.in_sync
    assert {change.action for change in made.changes} == {Action.NO_OP}
