"""Collects findings: the first few of each rule, then a count, so that output stays small."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import NamedTuple

from dpo_ops.errors import Finding, Place
from dpo_ops.pairs.rules import RULES


class Note(NamedTuple):
    """A broken rule at a place; `what` is empty where the rule says it well enough."""

    line: int
    column: int
    rule: str
    what: str


class Tally:
    """The findings of one file, which is called `shown`; at most `cap` of each rule are kept."""

    def __init__(self, shown: str, cap: int) -> None:
        self._shown = shown
        self._cap = cap
        self._kept: list[Note] = []
        self._count: Counter[str] = Counter()
        self._last: dict[str, tuple[int, int]] = {}

    def add(self, rule: str, line: int, column: int, what: str = "") -> None:
        """Note that `rule` is broken there; `what` says how, better than the rule itself."""
        self._count[rule] += 1
        self._last[rule] = (line, column)
        if self._count[rule] <= self._limit(rule):
            self._kept.append(Note(line, column, rule, what))

    def add_all(self, rule: str, first: list[Note], count: int, last: int) -> None:
        """Note `count` breaks of one rule, of which the `first` are known; `last` is a line."""
        for note in first:
            self.add(rule, note.line, note.column, note.what)
        self._count[rule] += count - len(first)
        if count:
            self._last[rule] = (last, 1)

    def extend(self, other: Tally, before: int) -> None:
        """Add what another tally noted; its line 1 is the line `before + 1` of this one."""
        room = {rule: self._limit(rule) - self._count[rule] for rule in other._count}
        for note in other._kept:
            if room[note.rule] > 0:
                room[note.rule] -= 1
                self._kept.append(note._replace(line=note.line + before))
        self._count.update(other._count)
        self._last.update({r: (line + before, at) for r, (line, at) in other._last.items()})

    def findings(self) -> tuple[Finding, ...]:
        """Return what was kept, in the order of the file, then what was left out."""
        kept = sorted(self._kept, key=itemgetter(0, 1))
        return (*map(self._finding, kept), *self._rest())

    def _finding(self, note: Note) -> Finding:
        broken = RULES[note.rule]
        place = Place(self._shown, note.line, note.column)
        what = note.what or broken.what
        return Finding(place, what, broken.why, broken.fix, note.rule, broken.severity)

    def _limit(self, rule: str) -> int:
        return min(1, self._cap) if RULES[rule].once else self._cap

    def _rest(self) -> list[Finding]:
        more = {rule: count - self._limit(rule) for rule, count in self._count.items()}
        return [self._more(rule, count) for rule, count in more.items() if count > 0]

    def _more(self, rule: str, count: int) -> Finding:
        what = f"and {count:,} more: {RULES[rule].what}"
        place = Place(self._shown, *self._last[rule])
        return Finding(place, what, rule=rule, severity=RULES[rule].severity)
