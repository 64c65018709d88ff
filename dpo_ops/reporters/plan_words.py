"""What there is to say about a plan in any format: counts, cost, chains, what each change is."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS
from dpo_ops.planner import Action, Change, Plan, Verb
from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.resource import Address


class Mark(StrEnum):
    """What a change is to a reader; its value is the word, `SYMBOLS` holds the symbol."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    WAIT = "wait"
    BLOCKED = "blocked"
    UNCHANGED = "unchanged"


SYMBOLS = {
    Mark.CREATE: "+",
    Mark.UPDATE: "~",
    Mark.REPLACE: "±",
    Mark.DELETE: "-",
    Mark.WAIT: ">",
    Mark.BLOCKED: "!",
    Mark.UNCHANGED: "=",
}
_WRITING = (Mark.CREATE, Mark.UPDATE, Mark.REPLACE, Mark.DELETE)
_PINNED = "pinned by the plan"  # As the planner says it of a value that no spec gives.


def mark(change: Change) -> Mark:
    """Return what a change is to a reader."""
    if change.blocked:
        return Mark.BLOCKED
    if change.action is Action.NO_OP:
        return Mark.WAIT if change.steps else Mark.UNCHANGED
    return Mark(str(change.action))


def ids(change: Change) -> str:
    """Return the remote id after the change; of a removal, the ids that go."""
    if change.action is not Action.DELETE:
        return change.id
    return ", ".join(dict.fromkeys(last_segment(step.name) for step in change.steps))


def summary(plan: Plan) -> str:
    """Return `3 to create, 0 to update, …`; waiting and blocked ones only where there are any."""
    counts = Counter(map(mark, plan.changes))
    parts = [f"{counts[m]} to {m}" for m in _WRITING]
    parts += [f"{counts[Mark.WAIT]} to wait for"] if counts[Mark.WAIT] else []
    parts += [f"{counts[Mark.BLOCKED]} blocked"] if counts[Mark.BLOCKED] else []
    return ", ".join([*parts, f"{counts[Mark.UNCHANGED]} unchanged"])


def cost(plan: Plan) -> str:
    """Return what the plan costs, or nothing where nothing in it is paid for.

    An unknown price is said to be unknown; it is never counted as nothing.
    """
    paid = [change for change in plan.changes if _spends(change)]
    known = [change.cost for change in paid if change.cost is not None]
    if not paid:
        return ""
    if len(known) == len(paid):
        return f"about ${sum(known):,.2f}"
    why = "; ".join(dict.fromkeys(KINDS[change.address.kind].paid for change in paid))
    start = f"at least ${sum(known):,.2f}, the rest is not known" if known else "not known"
    return f"{start} ({why})"


def _spends(change: Change) -> bool:
    made = any(step.verb in (Verb.CREATE, Verb.UNDELETE) for step in change.steps)
    return made and bool(KINDS[change.address.kind].paid)


def chains(plan: Plan) -> list[tuple[Change, ...]]:
    """Return how changes follow from each other: the longest way to each one that ends a chain."""
    longest: dict[Address, tuple[Change, ...]] = {}
    followed: set[Address] = set()
    for change in plan.changes:
        if not change.steps or change.action is Action.DELETE:
            continue
        before = [longest[need] for need in change.needs if need in longest]
        followed.update(need for need in change.needs if need in longest)
        longest[change.address] = (*max(before, key=len, default=()), change)
    ends = (chain for address, chain in longest.items() if address not in followed)
    return [chain for chain in ends if len(chain) > 1]


def told(change: Change) -> Sequence[int]:
    """Return which of a change's fields are worth a line without being asked.

    All that has a value before it, and what the plan itself chose; not what a create sets
    only because the spec, which the reviewer has before them, says so.
    """
    compared = any(field.before is not None for field in change.fields)
    return [n for n, field in enumerate(change.fields) if compared or field.reason == _PINNED]
