"""Compare two files of pairs: what was added, removed, edited, flipped and moved.

How rows are matched, each at most once, as multisets, in this order:

1. *The same*: input and both sides mean the same. It is *moved* where its order among the rows
   that are the same changed, and *rewritten* where only its bytes differ (spaces, key order,
   unknown fields).
2. *Flipped*: the same input, with the two sides swapped.
3. *Edited*: the same input; first where one side is the same, so the other one was edited, then
   where both are different.
4. What is left was *removed* from the one file, or *added* to the other. A pair whose input was
   edited is a pair removed and one added.

A row that can't be read as a pair is compared by its bytes. Time is linear in the rows (but for
n log n where rows moved); memory is some 200 bytes a row, and does not grow with their length.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from dpo_ops.pairs.join import NONE, Matching
from dpo_ops.pairs.order import moved
from dpo_ops.pairs.rows import (
    INPUT,
    OTHER,
    PREFERRED,
    Pair,
    fingerprint,
    line_at,
    lines,
    pair_of,
)
from dpo_ops.pairs.tokens import ESTIMATE, measure
from dpo_ops.resource import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dpo_ops.pairs.tokens import Tokenizer


class Fate(StrEnum):
    """What became of a row; its value is the word for it."""

    ADDED = "added"
    REMOVED = "removed"
    FLIPPED = "flipped"
    EDITED_PREFERRED = "edited preferred"
    EDITED_OTHER = "edited non-preferred"
    EDITED_BOTH = "edited both"
    MOVED = "moved"
    REWRITTEN = "rewritten"
    SAME = "same"


EDITED = (Fate.EDITED_PREFERRED, Fate.EDITED_OTHER, Fate.EDITED_BOTH)
SHOWN = (Fate.FLIPPED, *EDITED, Fate.REMOVED, Fate.ADDED, Fate.MOVED)
"""The fates that samples are shown of, the most telling first."""


class Side(NamedTuple):
    """A row in one of the two files: its line from 1, and what it says, where it can be read."""

    line: int
    pair: Pair | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that changed; what was added has no `before`, what was removed no `after`."""

    fate: Fate
    before: Side | None
    after: Side | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two files differ. `counts` has every fate; `moved` and `rewritten` are also `same`.

    `tokens_before` and `tokens_after` are those of the rows whose bytes differ, so their
    difference is that of the files. `unreadable` counts such rows that are no pairs.
    """

    rows_before: int
    rows_after: int
    counts: Mapping[Fate, int]
    tokens_before: Tokens
    tokens_after: Tokens
    unreadable: int
    samples: tuple[Sample, ...]

    @property
    def edited(self) -> int:
        """How many pairs were edited, on whichever side."""
        return sum(self.counts[fate] for fate in EDITED)

    @property
    def equal(self) -> bool:
        """Whether the files hold the same pairs in the same order."""
        return not any(self.counts[fate] for fate in SHOWN)


def compare(
    before: Path, after: Path, *, tokenizer: Tokenizer = ESTIMATE, samples: int = 3
) -> Comparison:
    """Return how `after` differs from `before`, with at most `samples` rows of each fate.

    Raises:
        DpoOpsError: a file can't be read.
    """
    old, new = _Table(before), _Table(after)
    matching = Matching(len(old.raw), len(new.raw))
    matching.join(old.raw.__getitem__, new.raw.__getitem__)
    # What has not the same bytes is parsed, and nothing else: most rows of most edits have.
    old.read(matching.before, tokenizer)
    new.read(matching.after, tokenizer)
    rewritten = len(matching.join(old.prints.__getitem__, new.prints.__getitem__))
    same = len(new.raw) - len(matching.after)
    fates = {Fate.MOVED: _moved(matching), **_match(matching, old.prints, new.prints)}
    counts = {fate: len(rows) for fate, rows in fates.items()}
    return Comparison(
        rows_before=len(old.raw),
        rows_after=len(new.raw),
        counts={**counts, Fate.REWRITTEN: rewritten, Fate.SAME: same},
        tokens_before=old.tokens,
        tokens_after=new.tokens,
        unreadable=old.unreadable + new.unreadable,
        samples=tuple(_samples(fates, matching, old, new, samples)),
    )


class _Table:
    """The rows of one file, each as a digest of its bytes and as the place where it stands."""

    def __init__(self, path: Path) -> None:
        self.raw: list[bytes] = []
        self.prints: dict[int, bytes] = {}
        self.tokens = Tokens(0, 0, 0)
        self.unreadable = 0
        self._path = path
        self._at, self._numbers = array("Q"), array("Q")
        for line in lines(path):
            self.raw.append(blake2b(line.data, digest_size=16).digest())
            self._at.append(line.at)
            self._numbers.append(line.number)

    def read(self, rows: Sequence[int], tokenizer: Tokenizer) -> None:
        """Read these rows: take their fingerprints, and count their tokens."""
        prompt = preferred = other = 0
        with self._path.open("rb") as file:
            for row in rows:
                pair = pair_of(line_at(file, self._at[row]))
                if pair is None:
                    self.unreadable += 1
                    self.prints[row] = self.raw[row] * 2
                    continue
                self.prints[row] = fingerprint(pair)
                found = measure(pair, tokenizer)
                prompt += found.prompt
                preferred += found.preferred
                other += found.other
        self.tokens = Tokens(prompt, preferred, other, estimated=tokenizer.estimated)

    def side(self, row: int) -> Side:
        """Return one row for showing it."""
        with self._path.open("rb") as file:
            return Side(self._numbers[row], pair_of(line_at(file, self._at[row])))


def _moved(matching: Matching) -> Sequence[int]:
    """Return the rows of `after` that are the same, but stand elsewhere among those."""
    same = [row for row, partner in enumerate(matching.partners) if partner != NONE]
    return [same[index] for index in moved([matching.partners[row] for row in same])]


def _match(
    matching: Matching, old: Mapping[int, bytes], new: Mapping[int, bytes]
) -> dict[Fate, Sequence[int]]:
    """Return the rows by fate, as indices into `after`; what was removed, into `before`."""

    def join(key: Callable[[bytes], bytes]) -> Sequence[int]:
        return matching.join(lambda row: key(old[row]), lambda row: key(new[row]))

    return {
        Fate.FLIPPED: matching.join(old.__getitem__, lambda row: _swapped(new[row])),
        Fate.EDITED_OTHER: join(lambda print_: print_[INPUT] + print_[PREFERRED]),
        Fate.EDITED_PREFERRED: join(lambda print_: print_[INPUT] + print_[OTHER]),
        Fate.EDITED_BOTH: join(lambda print_: print_[INPUT]),
        Fate.REMOVED: matching.before,
        Fate.ADDED: matching.after,
    }


def _swapped(print_: bytes) -> bytes:
    return print_[INPUT] + print_[OTHER] + print_[PREFERRED]


def _samples(
    fates: Mapping[Fate, Sequence[int]], matching: Matching, old: _Table, new: _Table, most: int
) -> Iterator[Sample]:
    for fate in SHOWN:
        for row in fates[fate][:most]:
            partner = row if fate is Fate.REMOVED else matching.partners[row]
            before = None if fate is Fate.ADDED else old.side(partner)
            after = None if fate is Fate.REMOVED else new.side(row)
            yield Sample(fate, before, after)
