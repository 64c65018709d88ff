"""The settings of a set of specs: the name that marks what it owns, the account, defaults.

A Stack is not a resource: nothing is created for it, and at most one stands in a set of specs.
Without one, or without a name, what the specs own is marked `default`, as are those of any other
specs without one: then nothing is deleted for having no spec.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field as Value

from dpo_ops.kinds.facts import Spec
from dpo_ops.kinds.values import DATE
from dpo_ops.resource import Accepted, Policy


class Deletions(Spec):
    """How much one plan may delete; what a new generation replaces is not counted."""

    max: Annotated[int, Value(ge=0)] | None = None
    """How many resources one plan may delete."""
    maxShare: Annotated[float, Value(ge=0, le=1)] | None = None
    """The share of what is there that one plan may delete: 0.5 is half."""


class AcceptedDrift(Spec):
    """Drift that somebody lives with for a while."""

    address: Annotated[str, Value(min_length=1)]
    """Of what, such as Deployment/einstein or Deployment/*."""
    sort: Literal["changed", "missing", "expired", "failed", "idle", "unmanaged"] | None = None
    """Which sort of drift; any, if left out."""
    path: str | None = None
    """The one field that may differ, such as maxReplicaCount; any, if left out."""
    owner: Annotated[str, Value(min_length=1)]
    """Who answers for it."""
    until: Annotated[str, Value(pattern=DATE)]
    """The last day on which it is accepted, such as 2027-01-31."""
    reason: Annotated[str, Value(min_length=1)]
    """Why; it is shown."""


class DriftSpec(Spec):
    """How drift is looked at."""

    accept: list[AcceptedDrift] | None = None
    """What is accepted for a while; it is shown, and does not count."""


class StackSpec(Spec):
    """What holds for all specs beside it."""

    account: str | None = None
    """The Fireworks account that these specs are for; any other is refused."""
    maxCost: Annotated[float, Value(gt=0)] | None = None
    """US dollars that the training in one plan may cost, by the upper end of its estimate."""
    deletions: Deletions | None = None
    """How much one plan may delete."""
    protected: list[str] | None = None
    """Addresses to protect, as protect in a spec does, such as Deployment/einstein."""
    baseModels: list[str] | None = None
    """The base models that may be tuned and served, such as accounts/fireworks/models/llama-*."""
    accelerators: list[str] | None = None
    """The GPUs that may serve, such as NVIDIA_H100_80GB or NVIDIA_*; an unknown one may not."""
    drift: DriftSpec | None = None
    """How drift is looked at; no plan depends on it."""
    defaults: dict[str, dict[str, Any]] = Value(default_factory=dict)
    """By kind, what its specs say unless they say otherwise."""

    def policy(self) -> Policy:
        """Return what the stack allows."""
        deletions = self.deletions or Deletions()
        return Policy(
            max_cost=self.maxCost,
            max_deletes=deletions.max,
            max_delete_share=deletions.maxShare,
            base_models=tuple(self.baseModels or ()),
            accelerators=tuple(self.accelerators or ()),
            protected=tuple(self.protected or ()),
            accepted=tuple(
                Accepted(a.address, a.owner, a.until, a.reason, a.sort or "", a.path or "")
                for a in (self.drift and self.drift.accept) or ()
            ),
        )


STACK = "Stack"
DEFAULT_STACK = "default"
