"""Removals: what is destroyed as it was asked for, and what a spec that is gone left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds import KINDS, kind_of
from dpo_ops.kinds.facts import Fate
from dpo_ops.planner.change import Action, Change, Plan, Step, Verb
from dpo_ops.planner.order import dependency_order
from dpo_ops.planner.parts import blocked, change_of, dependents_of, superseded
from dpo_ops.resource import Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.planner.plan import Accounted
    from dpo_ops.resource import Address, Json, Observed, Policy, Resource, State


def teardown(desired: State, observed: Accounted, *, everything: bool = False) -> Plan:
    """Return the changes that remove what the specs describe, dependents first.

    What was expensive to make is kept unless `everything` is asked for.
    """
    dependents = dependents_of(desired)
    changes = []
    for address in reversed(dependency_order(desired)):
        change = _remove(desired, address, observed.resources[address], everything=everything)
        first = tuple(dependent.address for dependent in dependents[address])
        changes.append(replace(change, needs=first))
    return Plan(observed.account, desired.stack, tuple(changes))


def _remove(desired: State, address: Address, seen: Observed, *, everything: bool) -> Change:
    resource = desired[address]
    kind = kind_of(resource)
    names = [*seen.names, *superseded(resource, seen)]
    if resource.external:
        names = []
        reason = "left alone: its spec only refers to it"
    elif seen.conflict:
        names = []
        reason = f"left alone: {seen.conflict}"
    elif not names and seen.health is not Health.NOT_FOUND:
        reason = "left alone: it does not carry the mark of this stack"
    elif not names:
        reason = "not in the account"
    elif resource.keeping.protected:
        return blocked(
            resource,
            seen,
            f"{resource.address} is protected",
            "its spec says so",
            "set protect: false and apply, then destroy it",
        )
    elif desired.policy.protects(address):
        what, why = f"{address} is protected", "protected in the Stack names it"
        return blocked(resource, seen, what, why, "take it out of protected, then destroy it")
    elif _is_kept(resource, everything=everything):
        names = []
        reason = f"kept: {kind.retained or 'its spec says so'}"
    else:
        reason = "destroy was asked for"
    return change_of(
        resource,
        seen,
        action=Action.DELETE if names else Action.NO_OP,
        id=last_segment(names[0]) if names else seen.id,
        reason=reason,
        steps=tuple(Step(Verb.DELETE, name) for name in names),
        reversible=not names or kind.undeletable,
    )


def stray(address: Address, record: Mapping[str, Json], *, named: bool) -> Finding:
    """Return the warning about something that costs money and that no spec describes.

    Where no Stack is `named`, it may well have one: in another repository without a name.
    """
    what = f"{last_segment(str(record['name']))} carries the mark of this stack, and no spec"
    if named:
        what, why = f"{what} describes it", "it goes on costing money"
        fix = "bring its spec back, or remove it with --prune"
    else:
        what = f"{what} here describes it"
        why = "it costs money, and may be that of another repository without a named Stack"
        fix = "find out whose it is; a Stack document with a name in each of them tells them apart"
    return Finding(str(address), what, why, fix, "stray", Severity.WARNING)


def left_beside(resource: Resource, seen: Observed) -> Iterator[Finding]:
    """Yield a warning for each earlier generation that is retained and costs money."""
    if not kind_of(resource).supersedes:
        return
    for record in seen.earlier:
        id_ = last_segment(str(record["name"]))
        yield Finding(
            resource.where("deletionPolicy"),
            f"{id_}, an earlier generation, is kept beside {seen.id}",
            "deletionPolicy is retain; it goes on costing money",
            "delete it by hand once nobody needs it, or remove deletionPolicy and apply",
            "retained",
            Severity.WARNING,
        )


def pruned(address: Address, record: Mapping[str, Json], before: Policy | None = None) -> Change:
    """Return the change that deletes what has no spec any more, or says what protects it.

    `before` is what the commit before protected.
    """
    kind, id_ = KINDS[address.kind], last_segment(str(record["name"]))
    change = Change(
        address=address,
        action=Action.DELETE,
        id=id_,
        reason="carries the mark of this stack, and no spec describes it",
        health=kind.health(record)[0],
        steps=(Step(Verb.DELETE, f"{kind.collection}/{id_}"),),
        reversible=kind.undeletable,
        record=record,
    )
    fate = kind.fate(record)
    if fate is Fate.RETAINED:
        return replace(change, action=Action.NO_OP, steps=(), reason="kept: its spec said retain")
    if fate is Fate.PROTECTED:
        what, why = f"{id_} is protected", "its spec said so, and that it is gone does not lift it"
        fix = "set protect: false in a spec of it and apply, or delete it by hand"
        return change.stopped(Finding(str(address), what, why, fix, "protected"))
    if before and before.protects(address):
        what, why = f"{id_} is protected", "the commit before protects it, in its spec or the Stack"
        fix = "take that away in a commit of its own, and prune after a later one"
        return change.stopped(Finding(str(address), what, why, fix, "protected"))
    return change


def _is_kept(resource: Resource, *, everything: bool) -> bool:
    asked = everything or resource.keeping.deleted
    return resource.keeping.retained or bool(kind_of(resource).retained and not asked)
