"""Match equal keys of two sequences as multisets, in time linear in their lengths."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

NONE = -1
"""What a partner is where there is none."""


class Matching:
    """Which row of `before` each row of `after` continues; a row has at most one partner.

    `partners` holds for each row of `after` an index into `before`, or `NONE`. `before` and
    `after` are the indices that still have no partner, ascending.
    """

    def __init__(self, before: int, after: int) -> None:
        self.partners = array("q", [NONE]) * after
        self.before: Sequence[int] = range(before)
        self.after: Sequence[int] = range(after)
        self._taken = bytearray(before)

    def join(
        self, before: Callable[[int], Hashable], after: Callable[[int], Hashable]
    ) -> Sequence[int]:
        """Match those without a partner whose keys are equal; return the new ones of `after`.

        Of several equal keys the first on either side match each other, so that what did not
        move is not said to have moved.
        """
        first, following = _chains(before, self.before)
        joined, left = array("q"), array("q")
        for index in self.after:
            key = after(index)
            partner = first.pop(key, NONE)
            if partner == NONE:
                left.append(index)
                continue
            joined.append(index)
            self.partners[index] = partner
            self._taken[partner] = True
            if partner in following:
                first[key] = following.pop(partner)
        if joined:
            self.before = array("q", (i for i in self.before if not self._taken[i]))
            self.after = left
        return joined


def _chains(
    key: Callable[[int], Hashable], indices: Sequence[int]
) -> tuple[dict[Hashable, int], dict[int, int]]:
    """Return the first index of each key, and for an index the next one of the same key."""
    first: dict[Hashable, int] = {}
    following: dict[int, int] = {}
    for index in reversed(indices):
        said = key(index)
        if said in first:
            following[index] = first[said]
        first[said] = index
    return first, following
