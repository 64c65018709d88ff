"""Collects findings: the first few of each rule, then a count, so that output stays small."""

from __future__ import annotations

from collections import Counter

from dpo_ops.errors import Finding, Place
from dpo_ops.pairs.rules import RULES


class Tally:
    """The findings of one file, which is called `shown`; at most `cap` of each rule are kept."""

    def __init__(self, shown: str, cap: int) -> None:
        self._shown = shown
        self._cap = cap
        self._kept: list[Finding] = []
        self._count: Counter[str] = Counter()
        self._last: dict[str, tuple[int, int]] = {}

    def add(self, rule: str, line: int, column: int, what: str = "") -> None:
        """Note that `rule` is broken there; `what` says how, better than the rule itself."""
        self._count[rule] += 1
        self._last[rule] = (line, column)
        if self._count[rule] <= self._limit(rule):
            broken = RULES[rule]
            text = what or broken.what
            place = Place(self._shown, line, column)
            finding = Finding(place, text, broken.why, broken.fix, rule, broken.severity)
            self._kept.append(finding)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was kept, in the order it was noted, then what was left out."""
        return (*self._kept, *self._rest())

    def _limit(self, rule: str) -> int:
        return min(1, self._cap) if RULES[rule].once else self._cap

    def _rest(self) -> list[Finding]:
        more = {rule: count - self._limit(rule) for rule, count in self._count.items()}
        return [self._more(rule, count) for rule, count in more.items() if count > 0]

    def _more(self, rule: str, count: int) -> Finding:
        what = f"and {count:,} more: {RULES[rule].what}"
        place = Place(self._shown, *self._last[rule])
        return Finding(place, what, rule=rule, severity=RULES[rule].severity)
