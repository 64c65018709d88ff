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

from dpo_ops.errors import DpoOpsError, Finding, Place
from dpo_ops.pairs.atomic import written
from dpo_ops.pairs.rows import lines, pair_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dpo_ops.pairs.rows import Pair


class Divided(NamedTuple):
    """How many rows went where, and how many are no pairs, and so are in neither file."""

    training: int
    held_out: int
    lost: int


class Rule(NamedTuple):
    """What is held out: about a `share` of the inputs, above 0 and below 1, drawn by `seed`."""

    share: float
    seed: str = ""


def split(  # noqa: PLR0913  -- three files and three choices
    source: Path,
    training: Path,
    held_out: Path,
    rule: Rule,
    *,
    refuse: Callable[[Finding], None],
    skip: bool = False,
    force: bool = False,
) -> Divided:
    """Write the rows of `source`, byte for byte, to the side that each belongs to.

    A larger share only adds to what is held out. With repeated inputs the share of the rows
    differs from that of the inputs. `refuse` hears of each line that is no pair; then nothing is
    written, unless `skip` leaves such lines out.

    Raises:
        DpoOpsError: a line is no pair, the source can't be read, or a target can't be written.
    """
    count, lost = [0, 0], 0
    with written((training, held_out), force=force) as files:
        for line in lines(source):
            pair = pair_of(line.data)
            if pair is None:
                lost += 1
                refuse(Finding(Place(str(source), line.number), "is no preference pair"))
                continue
            side = place(pair, rule.seed) < rule.share
            files[side].write(line.data + b"\n")
            count[side] += 1
        if lost and not skip:
            what = f"{lost:,} of {sum(count) + lost:,} rows are no pairs; nothing was written"
            fix = "`dpo-ops pairs check` says why; mend them, or leave them out with --skip-bad"
            raise DpoOpsError(what, fix=fix)
    return Divided(count[0], count[1], lost)


def place(pair: Pair, seed: str) -> float:
    """Return where an input stands between 0 and 1: evenly spread, and the same for ever."""
    said = [[m.role, _plain(m.text)] for m in pair.messages if m.role != "system"]
    key = json.dumps([seed, said], ensure_ascii=False)
    return int.from_bytes(sha256(key.encode()).digest()[:8]) / 2**64


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
