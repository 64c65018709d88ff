"""What becomes of an older job that still runs when a newer one is made, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.kinds import kind_of
from dpo_ops.kinds.pricing import Cost, Unpriced
from dpo_ops.planner.change import Step, Verb
from dpo_ops.planner.parts import superseded
from dpo_ops.planner.spending import creates, dollars
from dpo_ops.resource import Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.kinds.facts import Kind
    from dpo_ops.kinds.pricing import Prices
    from dpo_ops.planner.change import Change
    from dpo_ops.resource import Address, Json, Observed, Resource, State

_FATES = {"cancel": "is cancelled first", "finish": "is waited for first"}
_VERBS = {"cancel": Verb.CANCEL, "finish": Verb.WAIT}


def under_way(kind: Kind, earlier: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """Return the earlier generations that are still being made, and are paid for to their end."""
    if not kind.paid or kind.supersedes:
        return []
    return [r for r in earlier if kind.health(r)[0] is Health.IN_PROGRESS]


def superseding(resource: Resource, running: Sequence[Mapping[str, Json]]) -> list[Step]:
    """Return what happens first to the earlier generations that are still being made."""
    verb = _VERBS.get(_policy(resource))
    collection = kind_of(resource).collection
    names = [f"{collection}/{last_segment(r['name'])}" for r in running]
    return [Step(verb, name) for name in names] if verb else []


def changed_since(resource: Resource, seen: Observed) -> str:
    """Return since which generation something changed, and what becomes of that one."""
    before = seen.earlier[-1]
    which = f"changed since {last_segment(before['name'])}, which"
    if under_way(kind_of(resource), [before]):
        return f"{which} {_running(before)} and {_fate(resource)}"
    goes = superseded(resource, seen)
    return f"{which} {'goes once the new one answers' if goes else 'is kept'}"


def fates(resource: Resource, running: Sequence[Mapping[str, Json]], seen: Observed) -> str:
    """Return what becomes of what else is under way, as far as `changed_since` does not say it."""
    said = seen.earlier[-1] if seen.earlier and seen.record is None else None
    return "".join(
        f"; {last_segment(r['name'])}, which {_running(r)}, {_fate(resource)}"
        for r in running
        if r is not said
    )


def told_of_cost(
    change: Change, desired: State, seen: Mapping[Address, Observed], prices: Prices | None
) -> Change:
    """Return the change with what the older jobs cost that it finds under way.

    Without `prices` it says only that they are paid for.
    """
    resource = change.resource
    if resource is None or not creates(change):
        return change
    running = under_way(change.kind, seen[change.address].earlier)
    needs = [desired[need] for need in resource.needs if need in desired]
    held = [r for need in needs for r in _records(seen[need.address])]
    said = ""
    for older in running:
        name = "it" if len(running) == 1 else last_segment(older["name"])
        cost = change.kind.sunk(resource, older, needs, held, prices) if prices else None
        said += f"; {_spent(resource, name)}{_at_most(cost)}"
    return replace(change, reason=change.reason + said)


def _spent(resource: Resource, name: str) -> str:
    if _policy(resource) == "cancel":
        return f"what {name} has cost so far is lost"
    return f"{name} is paid for all the same"


def _at_most(cost: Cost | Unpriced | None) -> str:
    if cost is None:
        return ""
    if isinstance(cost, Unpriced):
        return f", how much is not known: {cost.why}"
    return f", at most {dollars(cost.high)}"


def _records(seen: Observed) -> list[Mapping[str, Json]]:
    return [*seen.earlier, *([seen.record] if seen.record else [])]


def _policy(resource: Resource) -> str:
    return str(resource.options.get("onSupersede"))


def _fate(resource: Resource) -> str:
    return _FATES.get(_policy(resource), "goes on beside it")


def _running(record: Mapping[str, Json]) -> str:
    since = record.get("createTime")
    return f"has been running since {since}" if since else "still runs"
