"""What a spec only refers to: it is looked at, and waited for where something needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import Finding
from dpo_ops.kinds import kind_of
from dpo_ops.planner.change import Step, Verb
from dpo_ops.planner.parts import change_of
from dpo_ops.resource import Health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.planner.change import Change
    from dpo_ops.resource import Observed, Resource

_PATHS = ("id", "adopt.name", "adopt")


def refer(resource: Resource, seen: Observed, dependents: Sequence[Resource]) -> Change:
    """Return the change that changes nothing, or says why what needs it can't be made."""
    reason = f"only referred to: {seen.message}"
    if seen.health is Health.NOT_FOUND:
        what = f"there is no {seen.id} to refer to: {seen.message}"
        why = "its spec only refers to it, and nothing is made in its place"
        fix = "correct the name, or write a spec that makes it"
        finding = Finding(resource.where(*_PATHS), what, why, fix, "external")
        return change_of(resource, seen).stopped(finding)
    if seen.health is Health.CURRENT or not dependents:
        return change_of(resource, seen, reason=reason)
    # What will never be of use ends the wait for it as a failure.
    wait = Step(Verb.WAIT, f"{kind_of(resource).collection}/{seen.id}")
    return change_of(resource, seen, reason=reason, steps=(wait,))
