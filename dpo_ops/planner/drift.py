"""What the account holds otherwise than it was left, apart from what was never applied.

The same comparison as for a plan, read the other way round. That a deployment carries the mark of
the very spec that describes it now tells a change made behind the specs' back from a change of the
specs that is still to be applied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS, kind_of
from dpo_ops.planner.change import Action, Change, FieldChange, Verb
from dpo_ops.planner.parts import dependents_of
from dpo_ops.resource import Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from dpo_ops.errors import Finding
    from dpo_ops.planner.change import Plan
    from dpo_ops.planner.plan import Accounted
    from dpo_ops.planner.releases import Release
    from dpo_ops.resource import Accepted, Address, State


class Sort(StrEnum):
    """What has happened to something."""

    CHANGED = "changed"
    MISSING = "missing"
    EXPIRED = "expired"
    FAILED = "failed"
    IDLE = "idle"
    UNMANAGED = "unmanaged"


@dataclass(frozen=True, slots=True)
class Drifted:
    """One thing that is not as it was left.

    `accepted` is who lives with it and until when; it is there past its date as well, and then
    `counts` is true. What has no spec does not count where no Stack is named: it may have one in
    another repository. `ours` is false for what a spec only refers to: nothing here mends it.
    """

    address: Address
    sort: Sort
    id: str
    message: str
    fields: tuple[FieldChange, ...] = ()
    accepted: Accepted | None = None
    counts: bool = True
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Drift:
    """What has drifted, what the specs say that was not applied yet, and how much is in place."""

    account: str
    stack: str
    drifted: tuple[Drifted, ...]
    pending: tuple[tuple[Address, str], ...]
    in_place: int
    doubts: tuple[Finding, ...] = ()
    """What is not known of the commits before, where it would have been asked."""

    @property
    def found(self) -> bool:
        """Whether anything has drifted that nobody accepts."""
        return any(one.counts for one in self.drifted)


def drift(
    desired: State,
    observed: Accounted,
    fresh: Plan,
    idle: Collection[Address],
    today: str,
    before: Release | None = None,
) -> Drift:
    """Return what has drifted.

    Args:
        desired: what the specs say.
        observed: what the account holds.
        fresh: the plan that would bring the two together.
        idle: what runs and had no traffic.
        today: the date as YYYY-MM-DD, by which what is accepted lapses.
        before: what the specs said before the commit that is checked out.
    """
    needed = _needed(desired, observed)
    found: list[Drifted] = []
    pending: list[tuple[Address, str]] = []
    quiet = 0
    gone = _gone(before, desired, absent(desired, observed))
    for change in fresh.changes:
        one = _drifted(change, observed, needed) or gone.get(change.address)
        if one:
            found.append(one)
            later = [field for field in change.fields if field not in one.fields]
            if one.fields and later:
                pending.append((change.address, _differs(later)))
        elif change.address in idle:
            found.append(_idle(change))
        elif change.blocked or change.action is not Action.NO_OP:
            pending.append((change.address, change.reason))
        else:
            quiet += 1
    found += [_unmanaged(*left, named=desired.named) for left in observed.strays]
    kept = [_accepted(one, desired.policy.accepted, today) for one in found]
    return Drift(fresh.account, fresh.stack, tuple(kept), tuple(pending), quiet)


def absent(desired: State, observed: Accounted) -> tuple[Address, ...]:
    """Return what should serve and has left no trace, though all that it needs is there.

    The account can't say whether it was never made, or was deleted and purged since.
    """
    return tuple(
        address
        for address, resource in desired.items()
        if kind_of(resource).answers and not resource.external
        for seen in [observed.resources[address]]
        if seen.health is Health.NOT_FOUND and seen.record is None and not seen.earlier
        if all(observed.resources[need].health is Health.CURRENT for need in resource.needs)
    )


def _gone(
    before: Release | None, desired: State, addresses: Iterable[Address]
) -> dict[Address, Drifted]:
    """Return as missing what the specs described in the very same way before."""
    if before is None or before.desired is None:
        return {}
    then = {address: resource.id for address, resource in before.desired.items()}
    message = _NEVER.format(before.commit)
    ids = {address: desired[address].id for address in addresses}
    return {
        address: Drifted(address, Sort.MISSING, id_, message)
        for address, id_ in ids.items()
        if then.get(address) == id_
    }


_NEVER = (
    "is not in the account, though commit {0.short} of {0.date:.10} described it already: it was"
    " never applied, or was deleted and purged since"
)


def _drifted(change: Change, observed: Accounted, needed: Collection[Address]) -> Drifted | None:
    seen = observed.resources[change.address]
    if seen.conflict:
        return _one(change, Sort.CHANGED, seen.conflict)
    if seen.health is Health.FAILED:
        return _one(change, Sort.FAILED, seen.message)
    if seen.health is Health.NOT_FOUND and seen.record is not None:
        ran_out = change.kind.ran_out(seen.record)
        return _one(change, Sort.EXPIRED if ran_out else Sort.MISSING, ran_out or seen.message)
    referred = bool(change.resource and change.resource.external)
    if seen.health is Health.NOT_FOUND and (referred or change.address in needed):
        made = "is not in the account, though what was made from it is"
        return _one(
            change, Sort.MISSING, "is gone; its spec only refers to it" if referred else made
        )
    if theirs := _by_hand(change, seen.record or {}):
        message = change.reason if theirs == change.fields else _differs(theirs)
        return replace(_one(change, Sort.CHANGED, message), fields=theirs)
    return None


def _by_hand(change: Change, record: Mapping[str, object]) -> tuple[FieldChange, ...]:
    """Return the fields that differ although the spec says of them what was last applied."""
    resource = change.resource
    if resource is None or any(step.verb is Verb.CREATE for step in change.steps):
        return ()
    claims = change.kind.claims
    if claims and claims(record) != (resource.stack, resource.address.name):
        return ()  # It is still to be taken over: nothing of it was applied yet.
    said = ((f, change.kind.applied(resource, record, f.path, f.after)) for f in change.fields)
    return tuple(field for field, applied in said if applied is not False)


def _differs(fields: Iterable[FieldChange]) -> str:
    return f"differs in {', '.join(field.path for field in fields)}"


def _one(change: Change, sort: Sort, message: str) -> Drifted:
    ours = not (change.resource and change.resource.external)
    return Drifted(change.address, sort, change.id, message, ours=ours)


def _idle(change: Change) -> Drifted:
    message = "runs, and has answered nothing for a day; it is paid for by the second"
    return Drifted(change.address, Sort.IDLE, change.id, message)


def _unmanaged(address: Address, record: Mapping[str, object], *, named: bool) -> Drifted:
    kind, id_ = KINDS[address.kind], last_segment(str(record["name"]))
    message = f"carries the mark of this stack, has no spec, and is {kind.health(record)[1]}"
    if not named:
        message += "; it may have one in another repository without a named Stack"
    return Drifted(address, Sort.UNMANAGED, id_, message, counts=named)


def _needed(desired: State, observed: Accounted) -> set[Address]:
    """Return what something that exists was made from."""
    there = (Health.CURRENT, Health.IN_PROGRESS)
    return {
        address
        for address, dependents in dependents_of(desired).items()
        if any(observed.resources[one.address].health in there for one in dependents)
    }


def _accepted(one: Drifted, entries: Sequence[Accepted], today: str) -> Drifted:
    """Return it with who accepts it. A lapsed entry is shown, and does not count any more."""
    matching = list(_matching(one, entries))
    if not matching:
        return one
    entry = max(matching, key=lambda entry: entry.until)
    return replace(one, accepted=entry, counts=one.counts and entry.until < today)


def _matching(one: Drifted, entries: Sequence[Accepted]) -> Iterator[Accepted]:
    for entry in entries:
        if not fnmatchcase(str(one.address), entry.address):
            continue
        if entry.sort and entry.sort != one.sort:
            continue
        # An entry for one field does not cover a second one that drifts beside it.
        if entry.path and {field.path for field in one.fields} != {entry.path}:
            continue
        yield entry
