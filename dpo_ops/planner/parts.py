"""What the decisions about a resource are put together from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding
from dpo_ops.kinds import kind_of
from dpo_ops.planner.change import Action, Change
from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from dpo_ops.resource import Address, Observed, Resource, State


def change_of(resource: Resource, seen: Observed, **said: object) -> Change:
    """Return the change of `resource` that does nothing, with what is `said` of it instead."""
    start = Change(
        address=resource.address,
        action=Action.NO_OP,
        id=seen.id,
        reason="",
        health=seen.health,
        resource=resource,
        needs=resource.needs,
        record=seen.record,
    )
    return replace(start, **said)  # type: ignore[arg-type]  # -- replace() checks the names


def blocked(resource: Resource, seen: Observed, what: str, why: str, fix: str) -> Change:
    """Return the change that can not be made, and why."""
    return change_of(resource, seen).stopped(Finding(resource.where(), what, why, fix))


def superseded(resource: Resource, seen: Observed) -> list[str]:
    """Return, as `collection/id`, the earlier generations that go once the new one is proven."""
    kind = kind_of(resource)
    if not kind.supersedes or resource.keeping.retained:
        return []
    return [f"{kind.collection}/{last_segment(record['name'])}" for record in seen.earlier]


def dependents_of(desired: State) -> dict[Address, list[Resource]]:
    """Return by address which resources need it."""
    found: dict[Address, list[Resource]] = defaultdict(list)
    for resource in desired.values():
        for need in resource.needs:
            found[need].append(resource)
    return found
