"""Which of the rows that stayed changed their order."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def moved(positions: Sequence[int]) -> list[int]:
    """Return the fewest indices without which `positions`, all different, ascend.

    Those are the rows that somebody must have moved. In n log n steps at most; in n where
    nothing moved.
    """
    if all(first < second for first, second in pairwise(positions)):
        return []
    kept = _longest_ascent(positions)
    return [index for index in range(len(positions)) if not kept[index]]


def _longest_ascent(positions: Sequence[int]) -> bytearray:
    """Return for each index whether it is in one longest ascending subsequence."""
    lowest: list[int] = []  # The smallest position that an ascent of each length can end in.
    ends: list[int] = []
    previous = array("q")
    for index, position in enumerate(positions):
        length = bisect_left(lowest, position)
        previous.append(ends[length - 1] if length else -1)
        # A slice of one element replaces what is there, or appends at the end.
        lowest[length : length + 1] = [position]
        ends[length : length + 1] = [index]
    kept = bytearray(len(positions))
    index = ends[-1]
    while index >= 0:
        kept[index] = True
        index = previous[index]
    return kept
