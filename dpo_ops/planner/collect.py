"""What can be deleted, because nothing needs it any more: decided from what is given, and pure.

Only what carries the mark of the stack can go, or what a marked job made. It goes when no kept
state and no deployment refers to it, directly or through something else that stays, when it is
not under way, and when it is old enough. Whatever is in doubt stays.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dpo_ops.kinds import every_kind
from dpo_ops.kinds.facts import is_marked, name_of, stem_of
from dpo_ops.planner.change import Action, Change, Plan, Step, Verb
from dpo_ops.planner.mentions import held, mentions
from dpo_ops.resource import Address, Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from dpo_ops.kinds import Kind
    from dpo_ops.planner.mentions import Records
    from dpo_ops.resource import Json, State

MOST: Final = 20
SHARE: Final = 0.5
"""Above so many resources, or above this share of those with the mark, nothing is deleted
unless a number says how many may go."""
_OVER: Final = (Health.CURRENT, Health.FAILED)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SECONDS: Final = len("2026-11-23T10:20:30")


@dataclass(frozen=True, slots=True)
class Collected:
    """A plan that deletes `doomed` of the `marked` resources; the others are in it, with why."""

    plan: Plan
    doomed: int
    marked: int

    def refused(self, at_most: int | None) -> str:
        """Return why it is too much to be deleted, or nothing."""
        if at_most is not None:
            return f"that is above --at-most {at_most}" if self.doomed > at_most else ""
        if self.doomed > MOST:
            return f"that is above {MOST}"
        if self.doomed > SHARE * self.marked:
            return f"that is above {SHARE:.0%} of what carries the mark of the stack"
        return ""


def collect(
    account: str,
    stack: str,
    records: Records,
    kept: Sequence[tuple[str, State]],
    *,
    before: str = "",
) -> Collected:
    """Return the plan that deletes what nothing needs.

    Args:
        account: the id of the account.
        stack: whose mark counts.
        records: all that the account holds, deleted deployments included.
        kept: the states to which one must be able to go back, each with its name.
        before: what was created at this time or later stays, in RFC 3339 and UTC; empty: any age.
    """
    seen = _Seen(account, stack, held(records))
    seen.read()
    for words, state in kept:
        seen.keep((name, f"{words} refers to it") for name in seen.wanted(state))
        seen.keep(seen.protected(state))
    seen.keep((name, "") for name in seen.records if name not in seen.kinds)
    seen.keep((name, "") for name in seen.kinds if name not in seen.ours)
    seen.keep(seen.under_way())
    seen.keep(seen.young(before))
    return _planned(seen)


@dataclass(slots=True)
class _Seen:
    """What an account holds, what of it is ours, and what stays, with why."""

    account: str
    stack: str
    records: Mapping[str, Mapping[str, Json]]
    kinds: dict[str, Kind] = field(default_factory=dict)
    refers: dict[str, frozenset[str]] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    groups: dict[Address, list[str]] = field(default_factory=lambda: defaultdict(list))
    stems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    why: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        by_collection = {kind.collection: kind for kind in every_kind() if kind.retained}
        for name, record in self.records.items():
            self.refers[name] = mentions(record, self.account) - {name}
            self.stems[stem_of(last_segment(name))].append(name)
            if kind := by_collection.get(name.partition("/")[0]):
                self.kinds[name] = kind
        marked = {n for n in self.kinds if is_marked(self.records[n], self.stack)}
        self.ours = marked | set(self._made(marked))
        # What carries no mark goes first: its maker is what shows that it is ours.
        for name in sorted(self.ours, key=lambda n: (n in marked, n)):
            self.groups[self.group(name)].append(name)

    def _made(self, marked: set[str]) -> Iterator[str]:
        """Yield what carries no mark, but was made by what does, and by nothing else."""
        for name in marked:
            kind = self.kinds[name]
            made = f"{kind.product}/{stem_of(last_segment(name))}"
            makers = {
                maker
                for maker in self.refers.get(made, ())
                if maker.startswith(f"{kind.collection}/")
            }
            if made in self.kinds and made in self.refers[name] and makers <= marked:
                yield made

    def group(self, name: str) -> Address:
        """Return what goes or stays as one: a model, and the attempts to make it."""
        return Address(self.kinds[name].name, stem_of(last_segment(name)))

    def wanted(self, state: State) -> Iterator[str]:
        """Yield the names of what a state refers to, whatever collection they are in."""
        for resource in state.values():
            yield from self.stems.get(resource.id, ())
            named = [resource.body, resource.options, resource.external, resource.adopts]
            yield from sorted(mentions(named, self.account))
            if resource.recipe:
                yield from sorted(mentions(resource.recipe.decides, self.account))

    def protected(self, state: State) -> Iterator[tuple[str, str]]:
        """Yield every generation of what a state says is not to be deleted."""
        for name in sorted(self.ours):
            address = Address(self.kinds[name].name, name_of(last_segment(name)))
            resource = state.get(address)
            if resource and (resource.keeping.protected or resource.keeping.retained):
                yield name, f"a spec of {address} says so"
            elif state.policy.protects(address):
                yield name, f"a Stack protects {address}"

    def under_way(self) -> Iterator[tuple[str, str]]:
        for name in sorted(self.ours):
            health, message = self.kinds[name].health(self.records[name])
            if health not in (*_OVER, Health.NOT_FOUND):
                yield name, f"{last_segment(name)} is {message}"

    def young(self, before: str) -> Iterator[tuple[str, str]]:
        for name in sorted(self.ours):
            made = str(self.records[name].get("createTime") or "")
            if not before or not self.stands(name):
                continue
            if not _TIME.fullmatch(made):
                yield name, f"when {last_segment(name)} was created is not known"
            elif made[:_SECONDS] >= before[:_SECONDS]:
                yield name, f"{last_segment(name)} was created at {made}, which is too recent"

    def stands(self, name: str) -> bool:
        """Return whether something is there to be deleted, and not only a trace of it."""
        return self.kinds[name].health(self.records[name])[0] is not Health.NOT_FOUND

    def keep(self, seeds: Iterable[tuple[str, str]]) -> None:
        """Keep these, all that they refer to, and what belongs together with any of it."""
        queue = deque[str]()
        for name, reason in seeds:
            self._keep(name, reason, queue)
        while queue:
            name = queue.popleft()
            for other in self.groups[self.group(name)] if name in self.ours else ():
                self._keep(other, self.why[name], queue)
            for other in sorted(self.refers[name]):
                self._keep(other, f"{name} refers to it", queue)

    def _keep(self, name: str, reason: str, queue: deque[str]) -> None:
        if name in self.records and name not in self.why:
            self.why[name] = reason
            queue.append(name)


def _planned(seen: _Seen) -> Collected:
    doomed = {
        group: [name for name in names if seen.stands(name)]
        for group, names in sorted(seen.groups.items())
        if not any(name in seen.why for name in names)
    }
    doomed = {group: names for group, names in doomed.items() if names}
    home = {name: group for group, names in doomed.items() for name in names}
    dependents: dict[Address, dict[Address, None]] = {group: {} for group in doomed}
    for name, group in home.items():
        for other in seen.refers[name] & home.keys():
            if home[other] != group:
                dependents[home[other]][group] = None
    order = _dependents_first(dependents)
    going = set(order)
    goes = [
        _deletion(seen, group, doomed[group], tuple(sorted(dependents[group]))) for group in order
    ]
    stays = [_kept(seen, group, names) for group, names in sorted(seen.groups.items())]
    changes = (*goes, *(change for change in stays if change and change.address not in going))
    count = sum(len(change.steps) for change in goes)
    standing = sum(seen.stands(name) for name in seen.ours)
    return Collected(Plan(seen.account, seen.stack, changes), count, standing)


def _dependents_first(dependents: Mapping[Address, Collection[Address]]) -> list[Address]:
    """Return the groups in their order; those that refer to each other in a ring stay."""
    order: dict[Address, None] = {}
    while free := [
        group
        for group, others in dependents.items()
        if group not in order and order.keys() >= set(others)
    ]:
        order |= dict.fromkeys(free)
    return list(order)


def _deletion(
    seen: _Seen, group: Address, names: Sequence[str], dependents: tuple[Address, ...]
) -> Change:
    made = min(str(seen.records[name].get("createTime") or "") for name in names)
    reason = "no kept commit and no deployment refers to it" + (f"; of {made}" if made else "")
    return replace(
        _change(seen, group, names, reason),
        action=Action.DELETE,
        steps=tuple(Step(Verb.DELETE, name) for name in names),
        needs=dependents,
        reversible=False,
    )


def _kept(seen: _Seen, group: Address, names: Sequence[str]) -> Change | None:
    there = [name for name in names if seen.stands(name)]
    if not there:
        return None
    why = next((seen.why[name] for name in names if name in seen.why), "it is part of a ring")
    return _change(seen, group, there, f"kept: {why}")


def _change(seen: _Seen, group: Address, names: Sequence[str], reason: str) -> Change:
    health, _ = seen.kinds[names[0]].health(seen.records[names[0]])
    return Change(
        address=group,
        action=Action.NO_OP,
        id=", ".join(last_segment(name) for name in names),
        reason=reason,
        health=health,
    )
