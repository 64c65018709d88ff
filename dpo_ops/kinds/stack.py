"""The settings of a set of specs: the name that marks what it owns, the account, defaults.

A Stack is not a resource: nothing is created for it, and at most one stands in a set of specs.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field as Value

from dpo_ops.kinds.facts import Spec


class StackSpec(Spec):
    """What holds for all specs beside it."""

    account: str | None = None
    """The Fireworks account that these specs are for; any other is refused."""
    maxCost: Annotated[float, Value(gt=0)] | None = None
    """US dollars that the training in one plan may cost, by the upper end of its estimate."""
    defaults: dict[str, dict[str, Any]] = Value(default_factory=dict)
    """By kind, what its specs say unless they say otherwise."""


STACK = "Stack"
DEFAULT_STACK = "default"
