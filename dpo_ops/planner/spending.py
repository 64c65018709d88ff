"""What the changes of a plan cost, and whether that is more than the stack allows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding
from dpo_ops.kinds.pricing import Cost, Per, Spend, Unpriced, spend
from dpo_ops.planner.change import Action, Change, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpo_ops.kinds.pricing import Prices
    from dpo_ops.resource import State

_CREATING = (Verb.CREATE, Verb.UNDELETE)


def creates(change: Change) -> bool:
    """Return whether a change makes something, which may be charged for."""
    return any(step.verb in _CREATING for step in change.steps)


def priced(change: Change, desired: State, prices: Prices) -> Change:
    """Return the change with what it costs, where it creates or enlarges what is charged for."""
    resource = change.resource
    if resource is None:
        return change
    needs = [desired[need] for need in resource.needs if need in desired]
    if creates(change):
        return replace(change, cost=change.kind.price(resource, needs, prices))
    if change.action is not Action.UPDATE or change.record is None:
        return change
    # What the spec leaves to the server, such as the hardware of a shape, the record says.
    # What the platform was asked is how it will be.
    later = replace(resource, options={**change.record, **resource.options})
    before = {field.path: field.before for field in change.fields if "." not in field.path}
    earlier = replace(
        resource,
        body={**resource.body, **before},
        options={**resource.options, **change.record},
    )
    now, then = (change.kind.price(one, needs, prices) for one in (later, earlier))
    return replace(change, cost=_more(now, then))


def _more(now: Cost | Unpriced | None, then: Cost | Unpriced | None) -> Cost | Unpriced | None:
    """Return by how much an update makes something dearer; None where it does not."""
    if isinstance(now, Unpriced):
        # What has no price is not dearer where there is no more of it.
        if not isinstance(then, Unpriced) or now.why != then.why:
            return now
        return now if now.least > then.least or now.most > then.most else None
    if now is None or then is None:
        return now
    if isinstance(then, Unpriced):
        return Unpriced(f"until now {then.why}", now.per)
    low, high = _added(now, then)
    basis = f"{now.basis}, until now {then.basis}"
    return Cost(low, high, now.per, basis, more=True) if high else None


def _added(now: Cost, then: Cost) -> tuple[float, float]:
    """Return how much is added at the least and at the most, whatever the load; never less than 0.

    Within its bounds each follows the load, so that the ends of what is added lie at the bounds.
    """
    loads = (now.low, now.high, then.low, then.high)
    added = [
        min(max(load, now.low), now.high) - min(max(load, then.low), then.high) for load in loads
    ]
    return max(0.0, min(added)), max(0.0, *added)


def spending(changes: Iterable[Change], per: Per) -> Spend:
    """Return what all changes add to the costs, once for training or an hour for serving."""
    return spend((change.cost for change in changes), per)


def within(changes: Sequence[Change], limit: float | None) -> tuple[Change, ...]:
    """Return the changes; those that train are blocked where together they may cost too much.

    The upper end of the estimate counts, and what has no price is above any limit.
    """
    if limit is None:
        return tuple(changes)
    found = spending(changes, Per.JOB)
    if not found.unknown and (found.high or 0) <= limit:
        return tuple(changes)
    return tuple(_refused(c, found, limit) if _trains(c) else c for c in changes)


def _trains(change: Change) -> bool:
    return creates(change) and change.cost is not None and change.cost.per is Per.JOB


def _refused(change: Change, found: Spend, limit: float) -> Change:
    what, why, fix = _unknown(change, limit) if found.unknown else _above(found, limit)
    return change.stopped(Finding(change.where(), what, why, fix, "max-cost"))


def _unknown(change: Change, limit: float) -> tuple[str, str, str]:
    what = f"what training costs is not known, and maxCost is {dollars(limit)}"
    why = change.cost.why if isinstance(change.cost, Unpriced) else "that of another job is not"
    return what, why, "remove maxCost from the Stack, or train from a model whose price is known"


def _above(found: Spend, limit: float) -> tuple[str, str, str]:
    low, high = dollars(found.low or 0), dollars(found.high or 0)
    what = f"training would cost up to {high}, above maxCost {dollars(limit)}"
    why = f"the estimate for all jobs of this plan is {low} to {high}"
    fix = "raise maxCost in the Stack, or train on fewer pairs, for fewer epochs or fewer jobs"
    return what, why, fix


def dollars(amount: float) -> str:
    """Return an amount to the cent, and below one to six digits that count: `$0.0025`."""
    if amount >= _CENT or not amount:
        return f"${amount:,.2f}"
    return f"${Decimal(f'{amount:.6g}'):f}"


_CENT = 0.01
