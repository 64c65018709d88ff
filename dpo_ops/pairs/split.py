"""Divide a file of pairs into one to train on and one held out, by what their input says.

The side depends on the conversation alone: on the words of all messages but the system's, in
lower case, with single spaces. So the same question lands on the same side in every run, in
every file, and whatever else changes; and no question is on both sides.
"""

from __future__ import annotations

import json
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from dpo_ops.pairs.atomic import written
from dpo_ops.pairs.rows import lines, pair_of

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.pairs.rows import Pair


class Divided(NamedTuple):
    """How many rows went where; `lost` are the numbers of lines that are no pairs."""

    training: int
    held_out: int
    lost: tuple[int, ...]


def split(
    source: Path, training: Path, held_out: Path, *, share: float, seed: str, force: bool = False
) -> Divided:
    """Write the rows of `source`, byte for byte: about a `share` of them to `held_out`.

    `share` is above 0 and below 1; it holds for inputs, so with repeated inputs rows may differ.
    A larger share only adds to what is held out. A line that is no pair goes to neither.

    Raises:
        DpoOpsError: the source can't be read, or a target can't be written or exists.
    """
    count, lost = [0, 0], []
    with written((training, held_out), force=force) as files:
        for line in lines(source):
            pair = pair_of(line.data)
            if pair is None:
                lost.append(line.number)
                continue
            side = place(pair, seed) < share
            files[side].write(line.data + b"\n")
            count[side] += 1
    return Divided(count[0], count[1], tuple(lost))


def place(pair: Pair, seed: str) -> float:
    """Return where an input stands between 0 and 1: evenly spread, and the same for ever."""
    said = [[m.role, _plain(m.text)] for m in pair.messages if m.role != "system"]
    key = json.dumps([seed, said], ensure_ascii=False)
    return int.from_bytes(sha256(key.encode()).digest()[:8]) / 2**64


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
