"""What each resource is: one file a kind. Pure: no I/O, no clock, no randomness.

To add a kind, write its file and name it in `_ALL`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.kinds.dataset import DATASET
from dpo_ops.kinds.deployment import DEPLOYMENT
from dpo_ops.kinds.dpo_job import DPO_JOB
from dpo_ops.kinds.facts import Kind
from dpo_ops.kinds.stack import DEFAULT_STACK, STACK, StackSpec

if TYPE_CHECKING:
    from dpo_ops.resource import Resource

_ALL = (DATASET, DPO_JOB, DEPLOYMENT)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""The kinds of resource by name; `Stack`, which is no resource, is not among them."""


def every_kind() -> tuple[Kind, ...]:
    """Return the kinds, and the facts that hold instead where something is made here."""
    own = (kind.made_here for kind in _ALL)
    return (*_ALL, *(kind for kind in own if kind))


def kind_of(resource: Resource) -> Kind:
    """Return the facts that hold for `resource`: as it is made here, or is elsewhere, or is not."""
    kind = KINDS[resource.address.kind]
    if resource.external and kind.elsewhere:
        return kind.elsewhere
    return kind.made_here if resource.recipe and kind.made_here else kind


__all__ = ["DEFAULT_STACK", "KINDS", "STACK", "Kind", "StackSpec", "every_kind", "kind_of"]
