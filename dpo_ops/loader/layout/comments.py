"""The comments of a YAML file, and where each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Stand(Enum):
    """Where a comment stands."""

    SIDE = "behind something, on its line"
    BELOW = "below such a comment, in its column, so that it goes on with it"
    OWN = "on a line of its own"


@dataclass(slots=True)
class Comment:
    """One comment, from its `#` on.

    `column` counts from 0; `offset` is its distance from the first character of its line, and
    `gap` from what stands before it. `blank` says that a blank line stands above it.
    """

    text: str
    stand: Stand
    column: int
    offset: int
    gap: int
    blank: bool


def standing(comment: Comment, stand: Stand) -> Comment:
    """Return a comment that stands elsewhere now, where it has no column of its own."""
    if comment.stand is stand:
        return comment
    return replace(comment, stand=stand, offset=0, blank=False)


def on_own_lines(comments: list[Comment]) -> list[Comment]:
    """Return comments each on a line of its own."""
    return [standing(comment, Stand.OWN) for comment in comments]


def behind(comments: list[Comment]) -> list[Comment]:
    """Return comments of which the first stands behind something, and the others below it."""
    stands = (Stand.BELOW if number else Stand.SIDE for number in range(len(comments)))
    return [standing(comment, stand) for comment, stand in zip(comments, stands, strict=True)]


def settled(comments: list[Comment]) -> list[Comment]:
    """Return comments of which only the first stands on a line with something else."""
    made: list[Comment] = []
    for comment in comments:
        goes_on = bool(made) and made[-1].stand is not Stand.OWN
        fits = {Stand.SIDE: not made, Stand.BELOW: goes_on, Stand.OWN: True}[comment.stand]
        made.append(comment if fits else standing(comment, Stand.OWN))
    return made
