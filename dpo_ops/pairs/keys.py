"""Short keys that tell pairs apart: 9 bytes a row, so that millions can be compared.

Two rows have one key if they hold the same pair, whatever their key order, spaces and escapes.
The reverse holds but for an accident: of 3 million rows two unlike ones share a key with a
chance of one in four million.

The hash is Python's own, of 64 bits with a secret start: as fast as any here, for a text need
not be encoded first. So keys hold within one run only, and between processes that were forked.
"""

from __future__ import annotations

import json
from array import array
from itertools import repeat
from operator import lt, xor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.pairs.rows import Pair


class Columns(NamedTuple):
    """The keys of some rows. `pairs` holds the same for a row with its sides swapped.

    `sides` says which way round they stand, 0 or 1.
    """

    pairs: array[int]
    sides: bytes


class Keys:
    """The keys of the lines of a file, in their order; all zeros for a line without a pair."""

    def __init__(self) -> None:
        self.pairs = array("q")
        self.sides = bytearray()

    def __len__(self) -> int:
        return len(self.sides)

    def make_room(self, lines: int) -> None:
        """Add `lines` lines that hold no pair as yet."""
        self.pairs.frombytes(bytes(8 * lines))
        self.sides += bytes(lines)

    def place(self, at: Sequence[int], keys: Columns) -> None:
        """Set the keys of the lines whose indexes are `at`, in rising order."""
        if at[-1] - at[0] + 1 == len(at):
            place = slice(at[0], at[-1] + 1)
            self.pairs[place], self.sides[place] = keys
            return
        for line, pair, side in zip(at, *keys, strict=True):
            self.pairs[line], self.sides[line] = pair, side

    def join(self, other: Keys) -> None:
        """Add the keys of the lines of the next part of the file."""
        self.pairs += other.pairs
        self.sides += other.sides


class Said(NamedTuple):
    """One pair: what stands for all of it that is no text, then the texts, the sides last.

    `tools` is canonical JSON, empty where there are none; `mark` stands for it, too.
    """

    mark: int
    texts: tuple[str, ...]
    tools: str = ""


def said_in(pair: Pair) -> Said:
    """Return the mark and the texts of a pair."""
    roles, texts = zip(*pair.messages, strict=True) if pair.messages else ((), ())
    return Said(_mark(roles, pair.tools), (*texts, pair.preferred, pair.other), pair.tools)


def said_in_good(row: dict[str, Any]) -> Said:
    """Return the mark and the texts of a row that was accepted: each content is a string."""
    asked = row["input"]
    [preferred], [other] = row["preferred_output"], row["non_preferred_output"]
    said = [message["content"] for message in asked["messages"]]
    texts = (*said, preferred["content"], other["content"])
    roles = _ROLES[-len(said) :]
    if asked.get("tools"):
        tools = json.dumps(asked["tools"], sort_keys=True)
        return Said(_mark(roles, tools), texts, tools)
    return Said(_mark(roles, ""), texts)


# What an accepted row has: a user message, and perhaps a system message before it.
_ROLES: Final = ("system", "user")


def _mark(roles: tuple[str, ...], tools: str) -> int:
    return hash((roles, tools))


def input_key(pair: Pair) -> int:
    """Return what stands for all of a pair but its sides."""
    said = said_in(pair)
    return hash((said.mark, *said.texts[:-2]))


def keys_of(mark: int, columns: Sequence[Sequence[str]]) -> Columns:
    """Return the keys of rows, given a column for each message and then one for each side."""
    *before, preferred, other = columns
    one, two = list(map(hash, preferred)), list(map(hash, other))
    inputs = map(hash, zip(repeat(mark, len(one)), *before, strict=True))
    # The sides count the same either way round.
    pairs = map(xor, inputs, map(xor, one, two))
    return Columns(array("q", list(pairs)), bytes(map(lt, one, two)))
