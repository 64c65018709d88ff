"""What each resource is: one file a kind. Pure: no I/O, no clock, no randomness.

To add a kind, write its file and name it in `_ALL`.
"""

from __future__ import annotations

from dpo_ops.kinds.dataset import DATASET
from dpo_ops.kinds.deployment import DEPLOYMENT
from dpo_ops.kinds.dpo_job import DPO_JOB
from dpo_ops.kinds.facts import Kind
from dpo_ops.kinds.stack import DEFAULT_STACK, STACK, StackSpec

_ALL = (DATASET, DPO_JOB, DEPLOYMENT)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""The kinds of resource by name; `Stack`, which is no resource, is not among them."""

__all__ = ["DEFAULT_STACK", "KINDS", "STACK", "Kind", "StackSpec"]
