"""Figures over steps as characters: a line of blocks, or a chart of a few rows.

Every curve is drawn a second way for screens that show ASCII only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.style import PLAIN, Style, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Figure = float | None
"""A figure that is not known is None; one that is not finite is taken for such."""

NARROWEST: Final = 24
"""Columns; a chart is never narrower."""
_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.-:=+*#"
_FURTHEST = 1e300  # So that no difference and no sum of figures is infinite.
_BRAILLE = 0x2800
# The bits of a cell of braille, by row from above, then by column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LABEL = 9


def sparkline(values: Sequence[Figure], width: int, *, ascii_only: bool = False) -> str:
    """Return `values` as one line of at most `width` characters; a gap is a space.

    Where there are more values than columns, each column shows the mean of its part.
    """
    signs = _ASCII if ascii_only else _BLOCKS
    columns = thinned(values, width)
    low, high = bounds(columns)
    return "".join(" " if v is None else _sign(signs, share(v, low, high)) for v in columns)


def thinned(values: Sequence[Figure], most: int) -> list[Figure]:
    """Return at most `most` figures: the means of equal parts of `values`, None for a gap."""
    usable = [_usable(value) for value in values]
    parts = max(0, min(most, len(usable)))
    cuts = [part * len(usable) // parts for part in range(parts + 1)] if parts else []
    return [_mean(usable[a:b]) for a, b in pairwise(cuts)]


def bounds(values: Sequence[Figure]) -> tuple[float, float]:
    """Return the least and the greatest figure; made wider where all are one."""
    known = [value for value in map(_usable, values) if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if high - low <= max(abs(low), abs(high)) * 1e-9:
        room = max(abs(low) * 0.1, 1e-12) if low else 0.5
        low, high = low - room, high + room
    return low, high


def share(value: float, low: float, high: float) -> float:
    """Return where `value` lies between `low` and `high`, from 0 to 1."""
    return max(0.0, min(1.0, (value - low) / (high - low)))


def figure(value: Figure) -> str:
    """Return a figure in at most nine characters: `0.6931`, `12.5`, `1.2e-05`; `-` for none."""
    if value is None or not math.isfinite(value):
        return "-"
    text = f"{value:.4g}"
    return text if len(text) <= _LABEL else f"{value:.1e}"


def aligned(value: Figure) -> str:
    """Return a figure as `figure` does, but always with four digits, to stand below others."""
    short = figure(value)
    text = short if value is None or short == "-" else f"{value:#.4g}".rstrip(".")
    return text if len(text) <= _LABEL else short


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure over steps. `low` and `high` fix the axis; else it is as long as the curve."""

    name: str
    steps: Sequence[int]
    values: Sequence[Figure]
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> list[tuple[int, float]]:
        """The steps whose figure is known, with it."""
        pairs = zip(self.steps, map(_usable, self.values), strict=True)
        return [(step, value) for step, value in pairs if value is not None]

    @property
    def axis(self) -> tuple[float, float]:
        """The two ends of the axis."""
        low, high = bounds(self.values)
        return (low if self.low is None else self.low, high if self.high is None else self.high)


def chart(curve: Curve, width: int, *, rows: int = 5, style: Style = PLAIN) -> list[str]:
    """Return a chart of at most `width` columns, at least NARROWEST; none without a figure."""
    known = curve.known
    if not known:
        return []
    room = max(NARROWEST, width) - _LABEL - 2
    bar, corner, line = ("|", "+", "-") if style.ascii_only else ("│", "└", "─")
    low, high = curve.axis
    labels = {0: figure(high), rows - 1: figure(low)}
    first, last = str(curve.steps[0]), str(curve.steps[-1])
    title = f"{curve.name}, from {figure(known[0][1])} to {figure(known[-1][1])}"
    drawn = _plain(curve, room, rows) if style.ascii_only else _braille(curve, room, rows)
    feet = "step " + (first if first == last else f"{first}{last.rjust(room - 5 - len(first))}")
    return [
        style.paint(title, Tone.STRONG),
        *(f"{labels.get(n, ''):>{_LABEL}} {bar}{text}".rstrip() for n, text in enumerate(drawn)),
        f"{'':{_LABEL}} {corner}{line * room}",
        f"{'':{_LABEL}}  {feet}",
    ]


def _braille(curve: Curve, columns: int, rows: int) -> Iterator[str]:
    cells = [[0] * columns for _ in range(rows)]
    for x, y in _points(curve, columns * 2, rows * 4):
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    for row in cells:
        yield "".join(chr(_BRAILLE + bits) if bits else " " for bits in row)


def _plain(curve: Curve, columns: int, rows: int) -> Iterator[str]:
    cells = [[" "] * columns for _ in range(rows)]
    for x, y in _points(curve, columns, rows):
        cells[y][x] = "*"
    yield from map("".join, cells)


def _points(curve: Curve, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield the dots of the curve, from the upper left; each is joined to the one before it."""
    low, high = curve.axis
    before: tuple[int, int] | None = None
    for x, value in _by_column(curve, width):
        y = round((1 - share(value, low, high)) * (height - 1))
        left, above = before or (x, y)
        at = above
        for step in range(left, x + 1):
            to = above + round((y - above) * (step - left) / (x - left)) if x > left else y
            yield from ((step, dot) for dot in range(min(at, to), max(at, to) + 1))
            at = to
        before = (x, y)


def _by_column(curve: Curve, width: int) -> Iterator[tuple[int, float]]:
    """Yield each column that has figures, from the left, with the mean of them."""
    first, last = curve.steps[0], curve.steps[-1]
    columns: dict[int, list[Figure]] = {}
    for step, value in curve.known:
        at = round((step - first) / (last - first) * (width - 1)) if last > first else 0
        columns.setdefault(at, []).append(value)
    for at, values in columns.items():
        mean = _mean(values)
        if mean is not None:
            yield at, mean


def _usable(value: Figure) -> Figure:
    if value is None or not math.isfinite(value):
        return None
    return max(-_FURTHEST, min(_FURTHEST, value))


def _mean(values: Sequence[Figure]) -> Figure:
    known = [value for value in values if value is not None]
    # Each is divided first: the sum of many large figures would be infinite.
    return sum(value / len(known) for value in known) if known else None


def _sign(signs: str, part: float) -> str:
    return signs[round(part * (len(signs) - 1))]
