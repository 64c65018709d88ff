"""Short keys that tell pairs apart: 17 bytes a row, so that millions can be compared.

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
from typing import TYPE_CHECKING, Any, NamedTuple

from dpo_ops.pairs.rows import Message, Pair

if TYPE_CHECKING:
    from collections.abc import Sequence


class Columns(NamedTuple):
    """The keys of some rows. `pairs` holds the same for a row with its sides swapped.

    `sides` says which way round they stand, 0 or 1. `inputs` stands for all but the sides.
    """

    pairs: Sequence[int]
    sides: Sequence[int]
    inputs: Sequence[int]


class Keys:
    """The keys of the lines of a file, in their order; all zeros for a line without a pair."""

    def __init__(self) -> None:
        self.pairs = array("q")
        self.sides = bytearray()
        self.inputs = array("q")

    def __len__(self) -> int:
        return len(self.sides)

    def make_room(self, lines: int) -> None:
        """Add `lines` lines that hold no pair as yet."""
        self.pairs.frombytes(bytes(8 * lines))
        self.sides += bytes(lines)
        self.inputs.frombytes(bytes(8 * lines))

    def place(self, at: Sequence[int], keys: Columns) -> None:
        """Set the keys of the lines whose indexes are `at`, in rising order."""
        if at[-1] - at[0] + 1 == len(at):
            place = slice(at[0], at[-1] + 1)
            self.pairs[place] = array("q", keys.pairs)
            self.sides[place] = bytes(keys.sides)
            self.inputs[place] = array("q", keys.inputs)
            return
        for line, pair, side, said in zip(at, *keys, strict=True):
            self.pairs[line], self.sides[line], self.inputs[line] = pair, side, said

    def join(self, other: Keys) -> None:
        """Add the keys of the lines of the next part of the file."""
        self.pairs += other.pairs
        self.sides += other.sides
        self.inputs += other.inputs


def key_of(pair: Pair) -> Columns:
    """Return the key of one pair."""
    texts = [message.text for message in pair.messages]
    return keys_of(mark_of(pair), [[t] for t in (*texts, pair.preferred, pair.other)])


def mark_of(pair: Pair) -> int:
    """Return what stands for all of a pair that is not the text of a message."""
    return hash((tuple(message.role for message in pair.messages), pair.tools))


def keys_of(mark: int, columns: Sequence[Sequence[str]]) -> Columns:
    """Return the keys of rows, given a column for each message and then one for each side."""
    *before, preferred, other = [list(map(hash, column)) for column in columns]
    inputs = list(map(hash, zip(repeat(mark), *before)))
    sides = list(map(lt, preferred, other))
    # The same either way round.
    both = map(xor, preferred, other)
    return Columns(list(map(hash, zip(inputs, both, strict=True))), sides, inputs)


def pair_of_good(row: dict[str, Any]) -> Pair:
    """Return the pair of a row that was accepted, in which each content is a string."""
    said = row["input"]
    messages = tuple(Message(m["role"], m["content"]) for m in said["messages"])
    [preferred], [other] = row["preferred_output"], row["non_preferred_output"]
    tools = json.dumps(said["tools"], sort_keys=True) if said.get("tools") else ""
    return Pair(messages, tools, preferred["content"], other["content"])
