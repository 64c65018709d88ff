"""The curves of a training as one SVG file that needs nothing else: no font, no script, no link.

It follows the reader's light or dark scheme, and says in words what it shows.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.curves import Curve, figure, share, thinned
from dpo_ops.reporters.style import PLAIN, Style, elide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 960, 300
_LEFT, _TOP, _BOTTOM = 58, 76, 44  # Around each panel: figures, titles, steps.
_GAP = 22
_TICKS = 5
_DOTS: Final = 400
"""Points of a curve; further ones could not be told apart."""
_TITLE = 90

# Plain classes and no variables: every renderer of SVG knows them.
_LOOK = """
text{font-family:system-ui,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px;fill:#57606a}
.title{font-size:15px;font-weight:600;fill:#1f2328}.name{font-size:13px;font-weight:600}
.name,.last{fill:#1f2328}.last{font-weight:600}.page{fill:#ffffff}
.grid{stroke:#d0d7de;stroke-width:1}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.c0{stroke:#0969da}.c1{stroke:#1a7f37}.c2{stroke:#8250df}
.d0{fill:#0969da}.d1{fill:#1a7f37}.d2{fill:#8250df}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}.title,.name,.last{fill:#f0f6fc}.page{fill:#0d1117}.grid{stroke:#3d444d}
.c0{stroke:#4493f8}.c1{stroke:#3fb950}.c2{stroke:#ab7df8}
.d0{fill:#4493f8}.d1{fill:#3fb950}.d2{fill:#ab7df8}
}
"""


def curves_svg(title: str, curves: Sequence[Curve], style: Style = PLAIN) -> str:
    """Return a picture of up to three curves, one panel each, under `title`."""
    told = "; ".join(_told(curve) for curve in curves)
    heading = html.escape(elide(style.clean(title), _TITLE))
    width = (WIDTH - _GAP) / max(1, len(curves))
    panels = (
        line
        for number, curve in enumerate(curves)
        for line in _panel(curve, number, number * width + _LEFT, width - _LEFT - _GAP)
    )
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"',
            ' aria-labelledby="title desc">',
            f'<title id="title">{heading}</title>',
            f'<desc id="desc">{html.escape(style.clean(told))}</desc>',
            f"<style>{_LOOK}</style>",
            f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
            f'<text class="title" x="{_LEFT}" y="30">{heading}</text>',
            *panels,
            "</svg>\n",
        )
    )


def _told(curve: Curve) -> str:
    known = curve.known
    if not known:
        return f"{curve.name}: not measured"
    (first, start), (last, end) = known[0], known[-1]
    return f"{curve.name}: {figure(start)} at step {first}, {figure(end)} at step {last}"


def _panel(curve: Curve, number: int, left: float, width: float) -> Iterator[str]:
    bottom, height = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    yield f'<text class="name" x="{left:.1f}" y="{_TOP - 16}">{html.escape(curve.name)}</text>'
    known = curve.known
    if not known:
        yield f'<text x="{left:.1f}" y="{_TOP + height / 2:.1f}">not measured</text>'
        return
    ticks = _ticks(*curve.axis)
    low, high = min(ticks[0], curve.axis[0]), max(ticks[-1], curve.axis[1])
    first, last = curve.steps[0], curve.steps[-1]

    def x(step: float) -> float:
        return left + width * (share(step, first, last) if last > first else 0.5)

    def y(value: float) -> float:
        return bottom - height * share(value, low, high)

    for tick in ticks:
        at = y(tick)
        yield f'<path class="grid" d="M{left:.1f} {at:.1f}h{width:.1f}"/>'
        yield f'<text x="{left - 6:.1f}" y="{at + 4:.1f}" text-anchor="end">{figure(tick)}</text>'
    for step, anchor in ((first, "start"), (last, "end")) if last > first else ((first, "middle"),):
        yield (
            f'<text x="{x(step):.1f}" y="{bottom + 18}" text-anchor="{anchor}">'
            f"{'step ' if step == first else ''}{step}</text>"
        )
    path = _path(
        [(x(step), y(value)) if value is not None else None for step, value in _dots(curve)]
    )
    yield f'<path class="curve c{number}" d="{path}"/>'
    step, value = known[-1]
    yield f'<circle class="d{number}" cx="{x(step):.1f}" cy="{y(value):.1f}" r="3.5"/>'
    yield (
        f'<text class="last" x="{left + width:.1f}" y="{_TOP - 16}" text-anchor="end">'
        f"{figure(value)}</text>"
    )


def _dots(curve: Curve) -> Iterator[tuple[float, float | None]]:
    """Yield the points to draw; of more than fit, the means of equal parts."""
    values = thinned(curve.values, _DOTS)
    places = thinned([float(step) for step in curve.steps], _DOTS)
    for place, value in zip(places, values, strict=True):
        if place is not None:
            yield place, value


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return the drawing of a line; a gap in it lifts the pen, a point alone is a dot."""
    parts, pen = [], False
    for point in points:
        if point:
            parts.append(f"{'L' if pen else 'M'}{point[0]:.1f} {point[1]:.1f}")
            parts += [] if pen else ["h0"]
        pen = point is not None
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Return a few round figures that reach over an axis; its two ends where none fit."""
    rough = (high - low) / (_TICKS - 1)
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 0.0
    if not size:
        return [low, high]
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-9))
    start, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if end - start > 2 * _TICKS:
        return [low, high]
    return [step * number for number in range(start, end + 1)]
