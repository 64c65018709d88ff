"""Which spec refers to which: unknown names, circles, and the order that follows."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from dpo_ops.kinds.values import look_up
from dpo_ops.loader.envelope import is_name
from dpo_ops.loader.tree import nearest
from dpo_ops.loader.words import likely, listed, quoted
from dpo_ops.resource import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.errors import Place
    from dpo_ops.kinds.facts import Reference
    from dpo_ops.loader.envelope import Draft, Lost
    from dpo_ops.loader.findings import Log

# To guess costs time that grows with the number of names; after these, a list will do.
_GUESSES = 20


def connect(drafts: Mapping[Address, Draft], lost: Lost, log: Log) -> list[Address]:
    """Fill in the links of each draft and return the order in which to make the resources.

    The order is empty when there is none, because of circles.
    """
    unknown = 0
    for draft in drafts.values():
        for reference, name in _references(draft):
            target = Address(reference.kind, name)
            if "/" in name:
                _full(draft, reference, name, log)
            elif target in drafts:
                draft.links[reference.path] = target
            elif not lost.may_hold(name):
                unknown += 1
                _unknown(draft, reference, target, drafts, log, guess=unknown <= _GUESSES)
    return _order(drafts, log)


def _references(draft: Draft) -> Iterator[tuple[Reference, str]]:
    for reference in draft.kind.references:
        value = look_up(draft.value, reference.path.split("."))
        if isinstance(value, str) and value:
            yield reference, value


def _full(draft: Draft, reference: Reference, name: str, log: Log) -> None:
    """Report a full resource name where only the name of a spec can stand."""
    if not reference.full:
        return
    path = reference.path
    what = f"{path}: {quoted(name)} is no name of a spec"
    why = f"here stands the name of a {reference.kind} of these specs"
    log.report(_place(draft, path), what, why, f"write {reference.full}", rule="full-name")


def _unknown(
    draft: Draft,
    reference: Reference,
    target: Address,
    drafts: Mapping[Address, Draft],
    log: Log,
    *,
    guess: bool,
) -> None:
    path = reference.path
    names = [address.name for address in drafts if address.kind == target.kind]
    others = [address for address in drafts if address.name == target.name]
    near = likely(target.name, [name for name in names if is_name(name)]) if guess else None
    why = f"{others[0]} is another kind" if others else ""
    if not others:
        why = f"the specs have {listed(names)}" if names else f"the specs have no {target.kind}"
    instead = f"write {reference.full}" if reference.full else "give its full resource name"
    fix = f"add a {target.kind} of this name, or {instead} for one that exists already"
    fix = f"did you mean {near}?" if near else fix
    what = f"{path}: there is no {target.kind} {quoted(target.name)}"
    log.report(_place(draft, path), what, why, fix, rule="unknown-reference")


def _place(draft: Draft, path: str) -> Place:
    return nearest(draft.spec, path.split("."))


def _order(drafts: Mapping[Address, Draft], log: Log) -> list[Address]:
    graph = {address: set(drafts[address].links.values()) for address in sorted(drafts)}
    for _ in range(_GUESSES):
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle: list[Address] = error.args[1]
        _circle(circle, drafts, log)
        # Each link of the circle is given as "is needed by"; without one, the next is found.
        graph[circle[1]].discard(circle[0])
    return []


def _circle(circle: list[Address], drafts: Mapping[Address, Draft], log: Log) -> None:
    first = min(circle)
    turn = circle.index(first)
    ring = [*circle[turn:-1], *circle[:turn], first][::-1]
    needed = ring[1]
    path = next(path for path, target in drafts[first].links.items() if target == needed)
    what = f"{path}: " + " → ".join(map(str, ring)) + " is a circle"
    why = "each would have to exist before the other"
    log.report(_place(drafts[first], path), what, why, "break it", rule="reference-circle")
