"""What there is to say about a plan in any format: counts, cost, chains, what each change is."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS
from dpo_ops.kinds.pricing import Cost, Per, Spend, Unpriced
from dpo_ops.planner import Action, Change, Plan
from dpo_ops.planner.spending import creates, spending
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


def costs(plan: Plan) -> list[str]:
    """Return what the plan costs: for training once, for serving an hour; nothing if all is free.

    An unknown price is said to be unknown; it is never counted as nothing.
    """
    paid = [c for c in plan.changes if creates(c) and KINDS[c.address.kind].paid]
    if any(change.cost is None for change in paid):
        why = "; ".join(dict.fromkeys(KINDS[change.address.kind].paid for change in paid))
        return [f"not known ({why})"]
    return [
        f"{_WHAT_FOR[per]} {_sum(spending(paid, per))}"
        for per in Per
        if any(change.cost and change.cost.per is per for change in paid)
    ]


_WHAT_FOR = {Per.JOB: "training", Per.HOUR: "serving an hour"}


def _sum(found: Spend) -> str:
    if found.low is None or found.high is None:
        return "not known"
    if found.unknown:
        return f"at least {dollars(found.low)}, and {found.unknown} not known"
    return between(found.low, found.high)


def price(cost: Cost | Unpriced) -> str:
    """Return what one change costs, and how that comes about."""
    if isinstance(cost, Unpriced):
        return f"not known: {cost.why}"
    hourly = " an hour" if cost.per is Per.HOUR else ""
    return f"{between(cost.low, cost.high)}{hourly}: {cost.basis}"


def between(low: float, high: float) -> str:
    """Return a range of US dollars: `$0.70 to $1.30`."""
    first, last = dollars(low), dollars(high)
    return last if first == last else f"{first} to {last}"


def dollars(amount: float) -> str:
    """Return US dollars to the cent; what is less than one is said to be."""
    return "under $0.01" if 0 < amount < _CENT else f"${amount:,.2f}"


_CENT = 0.01


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
