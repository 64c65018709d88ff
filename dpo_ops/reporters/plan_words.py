"""What there is to say about a plan in any format: counts, cost, chains, what each change is."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from dpo_ops.kinds.facts import Behaviour, Origin, fact
from dpo_ops.kinds.pricing import Cost, Per, Spend, Unpriced
from dpo_ops.planner import Action, Change, FieldChange, Plan, Verb
from dpo_ops.planner.diff import DECIDES
from dpo_ops.planner.spending import spending
from dpo_ops.reporters.style import dated
from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.resource import Address, Json


class Mark(StrEnum):
    """What a change is to a reader; its value is the word, `SYMBOLS` holds the symbol."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    WAIT = "wait"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    UNCHANGED = "unchanged"


SYMBOLS = {
    Mark.CREATE: "+",
    Mark.UPDATE: "~",
    Mark.REPLACE: "±",
    Mark.DELETE: "-",
    Mark.WAIT: ">",
    Mark.BLOCKED: "!",
    Mark.SKIPPED: "!",
    Mark.UNCHANGED: "=",
}
_WRITING = (Mark.CREATE, Mark.UPDATE, Mark.REPLACE, Mark.DELETE)
_LINKS = (Mark.CREATE, Mark.UPDATE, Mark.REPLACE, Mark.WAIT)
# As the planner says it: of a value that no spec gives, and of what is there.
_PINNED = "pinned by the plan"
_IN_PLACE = "in place: "


def marks(plan: Plan) -> dict[Address, Mark]:
    """Return what each change is to a reader, in the plan's order."""
    kept = blockers(plan)
    return {change.address: _mark(change, kept) for change in plan.changes}


def _mark(change: Change, kept: Mapping[Address, Address]) -> Mark:
    if change.blocked:
        return Mark.BLOCKED
    if change.address in kept:
        return Mark.SKIPPED
    if change.action is Action.NO_OP:
        return Mark.WAIT if change.steps else Mark.UNCHANGED
    return Mark(str(change.action))


def blockers(plan: Plan) -> dict[Address, Address]:
    """Return the blocked address that keeps each change that needs it from its turn."""
    kept = {change.address: change.address for change in plan.blocked}
    for change in plan.changes:  # What is needed stands first.
        cause = next((kept[need] for need in change.needs if need in kept), None)
        if cause and change.steps:
            kept[change.address] = cause
    return kept


def ids(change: Change) -> str:
    """Return the remote id after the change; of a removal, the ids that go."""
    if change.action is not Action.DELETE:
        return change.id
    return ", ".join(dict.fromkeys(last_segment(step.name) for step in change.steps))


def why(change: Change, kind: Mark, cause: Address | None) -> str:
    """Return the reason of a change; of one that is kept from its turn, `cause` is what does."""
    if kind is Mark.SKIPPED:
        return f"blocked: needs {cause}"
    reason = dated(change.reason)
    # A reader who waits does not look for what is in place.
    return f"still {reason.removeprefix(_IN_PLACE)}" if kind is Mark.WAIT else reason


def deletes(change: Change) -> str:
    """Return what goes besides, such as the deployment that a new one takes the place of."""
    verbs = [step.verb for step in change.steps]
    names = (last_segment(step.name) for step in change.steps if step.verb is Verb.DELETE)
    others = [name for name in dict.fromkeys(names) if name != change.id]
    if change.action is Action.DELETE or not others:
        return ""
    proof = ", once the new one answers" if Verb.PROBE in verbs else ""
    return f"then deletes {', '.join(others)}{proof}"


def summary(plan: Plan) -> str:
    """Return `3 to create, 0 to update, …`; waiting and blocked ones only where there are any."""
    counts = Counter(marks(plan).values())
    parts = [f"{counts[m]:,} to {m}" for m in _WRITING]
    parts += [f"{counts[Mark.WAIT]:,} to wait for"] if counts[Mark.WAIT] else []
    parts += [f"{counts[m]:,} {m}" for m in (Mark.BLOCKED, Mark.SKIPPED) if counts[m]]
    return ", ".join([*parts, f"{counts[Mark.UNCHANGED]:,} unchanged"])


def costs(plan: Plan) -> list[str]:
    """Return what the plan costs: for training once, for serving an hour; nothing if all is free.

    An unknown price is said to be unknown; it is never counted as nothing.
    """
    found = marks(plan)
    paid = [c for c in plan.changes if found[c.address] in _WRITING and _spends(c)]
    open_ = [change for change in paid if change.cost is None]
    lines = [
        f"{_WHAT_FOR[per]} {_sum(spending(paid, per))}"
        for per in Per
        if any(change.cost and change.cost.per is per for change in paid)
    ]
    if open_:
        why = "; ".join(dict.fromkeys(change.kind.paid for change in open_))
        lines.append(f"{'the rest is ' if lines else ''}not known ({why})")
    return lines


def _spends(change: Change) -> bool:
    made = any(step.verb in (Verb.CREATE, Verb.UNDELETE) for step in change.steps)
    more = any(_rises(field.before, field.after) for field in change.fields)
    return (made or more) and bool(change.kind.paid)


def _rises(before: Json, after: Json) -> bool:
    # Of what is paid for, a higher number of anything is taken to cost more.
    return _is_number(after) and after > (before if _is_number(before) else 0)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
        return f"{amount(cost)}: {cost.why}"
    return f"{amount(cost)}: {cost.basis}"


def amount(cost: Cost | Unpriced) -> str:
    """Return what something costs without how that comes about: `$0.70 to $1.30`."""
    if isinstance(cost, Unpriced):
        return "not known"
    adds = "adds " if cost.more else ""
    return f"{adds}{between(cost.low, cost.high)}{' an hour' if cost.per is Per.HOUR else ''}"


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
    found = marks(plan)
    for change in plan.changes:
        if found[change.address] not in _LINKS:
            continue
        before = [longest[need] for need in change.needs if need in longest]
        followed.update(need for need in change.needs if need in longest)
        longest[change.address] = (*max(before, key=len, default=()), change)
    ends = (chain for address, chain in longest.items() if address not in followed)
    return [chain for chain in ends if len(chain) > 1]


def told(change: Change) -> Sequence[int]:
    """Return which of a change's fields are worth a line without being asked.

    All in which it differs from what was there before, and what the plan itself chose; not what
    a first create sets only because the spec, which the reviewer has before them, says so.
    """
    every = differs(change)
    return [n for n, field in enumerate(change.fields) if every or field.reason == _PINNED]


def differs(change: Change) -> bool:
    """Return whether a change's fields are its differences from something, not all of it."""
    return change.action is not Action.CREATE or any(f.before is not None for f in change.fields)


def note(change: Change, field: FieldChange) -> str:
    """Return what there is to say of a value that has none before it, such as ` (pinned)`."""
    if field.reason == _PINNED:
        return " (pinned)"
    return " (new)" if field.before is None and differs(change) else ""


def terms(change: Change) -> Sequence[int]:
    """Return the fields of a first create that say what is paid or trained: shown in brief.

    What can't be changed afterwards, such as hyper-parameters, and every number and switch.
    """
    kind = change.kind
    if differs(change):
        return []
    if change.resource and change.resource.recipe:
        return [n for n, field in enumerate(change.fields) if field.reason == DECIDES]
    if not kind.paid:
        return []
    rows = ((n, field, fact(kind, field.path)) for n, field in enumerate(change.fields))
    return [
        n
        for n, field, row in rows
        if row and row.origin is Origin.SPEC and row.behaviour is not Behaviour.INPUT_ONLY
        if row.behaviour is Behaviour.IMMUTABLE or isinstance(field.after, int | float)
    ]
