from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops.reporters.curves import (
    NARROWEST,
    Curve,
    aligned,
    chart,
    figure,
    sparkline,
    thinned,
)
from dpo_ops.reporters.curves_svg import curves_svg
from dpo_ops.reporters.style import Style, cells
from tests.reporters import cases

# No deadline: a busy machine is no failure.
EASY = settings(deadline=None, max_examples=60)
SVG = "{http://www.w3.org/2000/svg}"
figures = st.none() | st.floats() | st.floats(-10, 10)
several = st.lists(figures, max_size=200)


@st.composite
def curves(draw: st.DrawFn, name: str = "loss") -> Curve:
    values = draw(st.lists(figures, min_size=1, max_size=60))
    start, stride = draw(st.integers(0, 10**12)), draw(st.integers(1, 1000))
    low, high = draw(st.sampled_from([(None, None), (0.0, 1.0)]))
    return Curve(name, [start + stride * n for n in range(len(values))], values, low, high)


def test_a_line_of_blocks_goes_from_low_to_high():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, ascii_only=True) == "_.-:=+*#"


def test_what_is_not_known_is_a_gap():
    assert sparkline([1, None, math.nan, math.inf, 2], 9) == "▁   █"
    assert sparkline([None, None], 9) == "  "
    assert sparkline([], 9) == sparkline([1.0], 0) == ""


def test_a_flat_line_lies_in_the_middle():
    assert sparkline([0.5, 0.5, 0.5], 9) == "▄▄▄"


def test_more_figures_than_columns_are_means():
    assert thinned([1, 3, None, 5, None, None], 3) == [2, 5, None]
    assert sparkline([0, 0, 0, 7, 7, 7], 2) == "▁█"


@EASY
@given(several, st.integers(0, 120), st.booleans())
def test_a_line_is_never_wider_than_asked(values: list[float | None], width: int, plain: bool):
    line = sparkline(values, width, ascii_only=plain)
    assert len(line) == cells(line) == min(width, len(values))
    assert line.isascii() or not plain


@EASY
@given(curves(), st.integers(0, 130), st.integers(2, 9), st.booleans())
def test_a_chart_fits(curve: Curve, width: int, rows: int, plain: bool):
    lines = chart(curve, width, rows=rows, style=Style(ascii_only=plain))
    assert len(lines) == (rows + 3 if curve.known else 0)
    # The line of steps holds two numbers, which are never cut.
    assert all(cells(line) <= max(width, NARROWEST) for line in lines[1:-1])
    assert all(line.isascii() for line in lines) or not plain


@EASY
@given(figures)
def test_a_figure_is_short(value: float | None):
    assert len(figure(value)) <= 9
    assert len(aligned(value)) <= 9


def test_figures_stand_below_each_other():
    assert [aligned(v) for v in (0.64, 1.0, 1234.5, 8e-6, None)] == [
        "0.6400",
        "1.000",
        "1234",
        "8.000e-06",
        "-",
    ]


def test_a_chart_shows_where_it_goes():
    assert chart(Curve("loss", [1, 2, 3], [3.0, 2.0, 1.0]), 26, rows=3) == [
        "loss, from 3 to 1",
        "        3 │⠉⠓⠦⣄⣀",
        "          │    ⠈⠙⠲⠤⣄⣀",
        "        1 │         ⠈⠉⠓⠲⠤⣄",
        "          └───────────────",
        "           step 1        3",
    ]


def test_a_chart_in_ascii():
    assert chart(Curve("x", [1, 2], [0.0, 1.0]), 24, rows=3, style=Style(ascii_only=True)) == [
        "x, from 0 to 1",
        "        1 |         ****",
        "          |    ******",
        "        0 |*****",
        "          +-------------",
        "           step 1      2",
    ]


@EASY
@given(st.lists(curves(), max_size=3), st.text(max_size=200))
def test_a_picture_is_well_formed_and_says_what_it_shows(drawn: list[Curve], title: str):
    root = ET.fromstring(curves_svg(title, drawn))  # noqa: S314  -- it is our own
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title") is not None
    assert len(root.findall(f"{SVG}circle")) == sum(bool(curve.known) for curve in drawn)
    for number in re.findall(r"-?[0-9.]+", "".join(p.attrib["d"] for p in root.iter(f"{SVG}path"))):
        assert -1 <= float(number) <= 961


def test_a_picture_needs_nothing_from_elsewhere_and_follows_the_scheme():
    picture = curves_svg("tune", [Curve("loss", [1, 2], [0.7, 0.5])])
    assert "prefers-color-scheme:dark" in picture
    assert not re.search(r"<script|<image|href|@import|url\(", picture)
    assert "loss: 0.7 at step 1, 0.5 at step 2" in picture


def test_a_picture_holds_no_markup_from_outside():
    picture = curves_svg(cases.HOSTILE, [])
    root = ET.fromstring(picture)  # noqa: S314  -- it is our own
    assert [child.tag for child in root if child.tag.endswith("img")] == []
    assert "<img" not in picture


@pytest.mark.parametrize("values", [[0.5], [None, 0.5, None]])
def test_a_single_figure_is_drawn(values: list[float | None]):
    picture = curves_svg("x", [Curve("loss", list(range(1, len(values) + 1)), values)])
    assert 'class="curve c0" d="M' in picture
