"""The curves of a training as Mermaid charts. All words in them are ours, so none is hostile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.markdown import fenced
from dpo_ops.reporters.measured import curves_of

if TYPE_CHECKING:
    from dpo_ops.reporters.curves import Curve
    from dpo_ops.reporters.measured import Readings

MOST: Final = 60
"""Points of a curve; each stands for the mean of its part of the steps."""
SHOWN: Final = ("loss", "margin")
# Mermaid's own colour for a first line is hardly seen on white.
_LOOK = (
    '%%{init: {"xyChart": {"width": 700, "height": 280},'
    ' "themeVariables": {"xyChart": {"plotColorPalette": "#0969da"}}}}%%'
)
_LARGEST = 1e9  # What is larger is an accident, and would flatten all that is not.
_DIGITS, _DECIMALS = 2, 12
_LEAST = 1e-9  # What differs by less of one is level: fewer digits than are written.


def charts(readings: Readings) -> str:
    """Return a chart each of loss and margin over the steps; none of fewer than two figures."""
    curves = (curve for curve in curves_of(readings) if curve.name in SHOWN)
    return "\n".join(filter(None, map(chart, curves)))


def chart(curve: Curve) -> str:
    """Return one curve as a block of Mermaid; empty where there are fewer than two figures."""
    known = [(step, value) for step, value in curve.known if abs(value) <= _LARGEST]
    points = _even(known)
    if not points:
        return ""
    low, high = min(points), max(points)
    flat = high - low < _LEAST * max(1.0, abs(low), abs(high))
    room = max(abs(high) * 0.1, 0.1) if flat else (high - low) * 0.05
    first, last = known[0][0], known[-1][0]
    decimals = _decimals(room)
    lowest, highest = low - room, high + room
    return fenced(
        [
            _LOOK,
            "xychart-beta",
            f'  title "{curve.name}"',
            f'  x-axis "step" {first} --> {last}',
            f"  y-axis {lowest:.{decimals}f} --> {highest:.{decimals}f}",
            f"  line [{', '.join(f'{point:.{decimals}f}' for point in points)}]",
        ],
        "mermaid",
    )


def _even(known: list[tuple[int, float]]) -> list[float]:
    """Return at most MOST figures at even distances, as the chart draws them.

    Each is the mean of the steps nearest to it; where there are none, it lies between those
    beside it.
    """
    if len(known) < 2 or known[0][0] == known[-1][0]:  # noqa: PLR2004  -- a line has two ends
        return []
    (first, _), (last, _) = known[0], known[-1]
    number = min(MOST, len(known), last - first + 1)
    parts: dict[int, list[float]] = {}
    for step, value in known:
        parts.setdefault(round((step - first) / (last - first) * (number - 1)), []).append(value)
    means = {part: math.fsum(values) / len(values) for part, values in parts.items()}
    places = sorted(means)
    points = []
    for part in range(number):
        before = max(place for place in places if place <= part)
        after = min(place for place in places if place >= part)
        share = (part - before) / (after - before) if after > before else 0.0
        points.append(means[before] + share * (means[after] - means[before]))
    return points


def _decimals(spread: float) -> int:
    """Return how many digits behind the point tell figures of such a spread apart."""
    return min(_DECIMALS, max(0, _DIGITS - math.floor(math.log10(spread))))
