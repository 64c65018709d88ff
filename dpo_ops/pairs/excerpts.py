"""The text around the places that findings point at, read from the file once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.rows import lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

BEFORE, AFTER = 36, 200
"""Characters that are kept on either side of the place."""


class Excerpt(NamedTuple):
    """What stands before a place and from it on; the flags say where the line goes on."""

    left: str
    right: str
    cut_left: bool
    cut_right: bool


def excerpts(path: Path, places: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Excerpt]:
    """Return the text around each `(line, column)`, from 1; none for a line that is not there.

    Reads no further than the last of the places. A file that can't be read has no excerpts.
    """
    columns: dict[int, list[int]] = {}
    for number, column in places:
        columns.setdefault(number, []).append(column)
    found: dict[tuple[int, int], Excerpt] = {}
    last = max(columns, default=0)
    try:
        for line in lines(path):
            if line.number > last:
                break
            for column in columns.get(line.number, ()):
                found[line.number, column] = _excerpt(line.data, column - 1)
    except DpoOpsError:
        return {}
    return found


def _excerpt(data: bytes, at: int) -> Excerpt:
    # A column counts characters; what is no UTF-8 counts one each, as where it was found.
    text = str(data, "utf-8", "replace")
    start, end = max(0, at - BEFORE), at + AFTER
    return Excerpt(text[start:at], text[at:end], start > 0, end < len(text))
