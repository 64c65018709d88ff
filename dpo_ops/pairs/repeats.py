"""Find pairs that stand twice in a file, and pairs that contradict each other, by their keys.

C does the walking: sets and selections over arrays. Only what stands twice is looked at in
Python. A large file is taken in slices of its keys, so that memory stays small.
"""

from __future__ import annotations

import sys
from collections import Counter
from heapq import nsmallest
from itertools import compress, count
from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.pairs.tally import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.pairs.keys import Keys
    from dpo_ops.pairs.tally import Tally

# At this number of keys a set takes some 25 MB.
_SLICE: Final = 250_000
_WORD: Final = 8
_SPARE: Final = 1000


class Repeat(NamedTuple):
    """A line (from 1), the first line with the same pair, and whether its sides are swapped."""

    line: int
    first: int
    swapped: bool


def note_repeats(keys: Keys, tally: Tally, cap: int) -> None:
    """Note each pair that repeats or contradicts one before it, at most `cap` of each in words."""
    same = _Some("duplicate-pair", "the same pair as in line {}", cap)
    swapped = _Some("contradictory-pair", "the same input as in line {}, the sides swapped", cap)
    for repeat in repeats(keys):
        (swapped if repeat.swapped else same).add(repeat)
    same.note(tally)
    swapped.note(tally)


class _Some:
    """The first repeats of a kind in the order of the file, and the number of all."""

    def __init__(self, rule: str, what: str, cap: int) -> None:
        self._rule, self._what, self._cap = rule, what, cap
        self._first: list[Repeat] = []
        self._total = self._last = 0

    def add(self, repeat: Repeat) -> None:
        self._total += 1
        self._last = max(self._last, repeat.line)
        self._first.append(repeat)
        if len(self._first) > self._cap + _SPARE:
            self._first = nsmallest(self._cap, self._first)

    def note(self, tally: Tally) -> None:
        first = nsmallest(self._cap, self._first)
        notes = [Note(r.line, 1, self._rule, self._what.format(r.first)) for r in first]
        tally.add_all(self._rule, notes, self._total, self._last)


def repeats(keys: Keys) -> Iterator[Repeat]:
    """Yield each pair that stands in an earlier line, one slice of the keys after the other."""
    slices = 1
    while len(keys) > slices * _SLICE and slices < 2**_WORD:
        slices *= 2
    for number in range(slices):
        yield from _repeats(keys, _selection(keys, slices, number) if slices > 1 else None)


def _selection(keys: Keys, slices: int, number: int) -> bytes:
    """Return a 1 for each line whose key is in the slice: the lowest byte of the key decides."""
    lowest = keys.pairs.tobytes()[_LOWEST::_WORD]
    return lowest.translate(bytes(byte % slices == number for byte in range(256)))


_LOWEST: Final = 0 if sys.byteorder == "little" else _WORD - 1


def _repeats(keys: Keys, selection: bytes | None) -> Iterator[Repeat]:
    pairs = list(compress(keys.pairs, selection) if selection else keys.pairs)
    if len(set(pairs)) == len(pairs) - max(0, pairs.count(0) - 1):
        return
    twice = {pair for pair, times in Counter(pairs).items() if times > 1 and pair}
    lines = compress(count(1), selection) if selection else count(1)
    firsts: dict[int, int] = {}
    for line, pair in zip(lines, pairs, strict=False):
        if pair in twice:
            first = firsts.setdefault(pair, line)
            if first != line:
                yield Repeat(line, first, keys.sides[line - 1] != keys.sides[first - 1])
