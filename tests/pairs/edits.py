"""Two files of pairs that differ by edits whose numbers are known."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from dpo_ops.pairs.diff import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = tuple(fate for fate in Fate if fate is not Fate.REWRITTEN)
_CYCLE = (
    Fate.FLIPPED,
    Fate.EDITED_PREFERRED,
    Fate.EDITED_OTHER,
    Fate.EDITED_BOTH,
    Fate.REMOVED,
    Fate.ADDED,
    Fate.MOVED,
)
_STEP = 13
"""Every thirteenth row is edited, each time in the next way; a moved row goes to the end."""


def text(seed: str, words: int) -> str:
    chosen = random.Random(seed).choices  # noqa: S311
    return f"{seed} " + " ".join(chosen(_WORDS, k=words))


_WORDS = ("the", "a", "of", "preference", "tuning", "learns", "pairs", "answer", "river")


def make(number: int, words: int) -> dict[str, Any]:
    return as_row(
        text(f"q{number}", words), text(f"good{number}", words), text(f"bad{number}", words)
    )


def as_row(prompt: str, preferred: str, other: str) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": prompt}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": other}],
    }


def fate_of(number: int, rows: int) -> Fate:
    turn, rest = divmod(number, _STEP)
    if rest:
        return Fate.SAME
    fate = _CYCLE[turn % len(_CYCLE)]
    # Only rows of the first half move to the end: so they are the fewest that can have moved.
    return Fate.SAME if fate is Fate.MOVED and number >= rows // 2 else fate


def write_edited(
    before: Path, after: Path, rows: int, *, words: int = 5, spaced: bool = False
) -> dict[Fate, int]:
    """Write both files, and return how many rows have each fate."""
    known = dict.fromkeys(Fate, 0)
    separators = (" , ", " : ") if spaced else (", ", ": ")
    with before.open("w") as old, after.open("w") as new:
        moving = []
        for number in range(rows):
            row, fate = make(number, words), fate_of(number, rows)
            known[fate] += 1
            old.write(json.dumps(row) + "\n")
            if fate is Fate.MOVED:
                moving.append(row)
                continue
            new.writelines(
                json.dumps(made, separators=separators) + "\n" for made in edited(row, fate)
            )
        new.writelines(json.dumps(row, separators=separators) + "\n" for row in moving)
    # What moved and what stands beside an added row is the same too.
    known[Fate.SAME] += known[Fate.MOVED] + known[Fate.ADDED]
    return known


def edited(row: dict[str, Any], fate: Fate) -> Iterator[dict[str, Any]]:
    sides = ("preferred_output", "non_preferred_output")
    changed = {
        side: [{"role": "assistant", "content": f"new {side} {row['input']}"}] for side in sides
    }
    match fate:
        case Fate.REMOVED:
            return
        case Fate.ADDED:
            yield row
            yield {**row, "input": {"messages": [{"role": "user", "content": f"more {row}"}]}}
        case Fate.FLIPPED:
            yield {**row, sides[0]: row[sides[1]], sides[1]: row[sides[0]]}
        case Fate.EDITED_PREFERRED:
            yield {**row, sides[0]: changed[sides[0]]}
        case Fate.EDITED_OTHER:
            yield {**row, sides[1]: changed[sides[1]]}
        case Fate.EDITED_BOTH:
            yield {**row, **changed}
        case _:
            yield row
