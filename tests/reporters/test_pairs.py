"""How findings, histograms and sums of money look."""

from __future__ import annotations

import pytest

from dpo_ops.pairs.excerpts import Excerpt
from dpo_ops.pairs.stats import lengths
from dpo_ops.reporters.pairs_check import marked
from dpo_ops.reporters.pairs_words import axis, bars, columns, share, signed
from dpo_ops.reporters.style import Style, cells


def shown(left: str, right: str, *, cut: bool = False, width: int = 80) -> tuple[str, str]:
    text, mark = marked(Excerpt(left, right, cut, False), Style(width=width))
    return text, mark


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize(
    "left", ["", "x", '{"a": ', "long text " * 9, "空はなぜ青い" * 8, "a\tb\x1b[0m"]
)
@pytest.mark.parametrize("right", ["", '"here"', "here " * 60, "青い" * 60])
def test_the_mark_stands_below_its_place_and_the_line_fits(
    left: str, right: str, width: int
) -> None:
    text, mark = shown(left, right, width=width)
    assert cells(text) <= width
    assert mark.strip() == "^"
    at = cells(mark) - 1
    # What stands above the mark is the first letter of what is right of the place.
    before = next(n for n in range(len(text) + 1) if cells(text[:n]) >= at)
    assert text[before : before + 1] == right[:1]
    assert "\x1b" not in text


def test_a_line_that_goes_on_says_so() -> None:
    text, _ = shown("x" * 36, "y" * 200, cut=True)
    assert text.strip().startswith("…")
    assert text.endswith("…")


def test_a_histogram_has_a_bar_for_each_bucket() -> None:
    one = lengths({1: 8, 2: 1, 8: 4})
    other = lengths({64: 1})
    exponents = columns([one, other])
    assert axis(exponents) == "up to 1 … 64"
    assert bars(one, exponents) == "█▁·▄···"
    assert bars(other, exponents) == "······█"
    assert bars(lengths({}), columns([lengths({})])) == axis(columns([])) == ""


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 9, "0%"),
        (9, 9, "100%"),
        (1, 10**6, "0.1%"),
        (10**6 - 1, 10**6, "99.9%"),
        (0, 0, "0%"),
    ],
)
def test_a_share_is_nothing_or_all_only_where_it_is(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


def test_money_more_and_less() -> None:
    assert [signed(a) for a in (1.5, -0.001, 0)] == ["$1.50 more", "under $0.01 less", "$0.00"]
