"""Pages about pairs: whole in themselves, without scripts, and safe whatever the data says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops.errors import Finding, Place
from dpo_ops.pairs.diff import compare
from dpo_ops.pairs.excerpts import Excerpt
from dpo_ops.pairs.prices import prices
from dpo_ops.pairs.stats import statistics
from dpo_ops.reporters.pairs import Checked, CheckedFile, check_html, diff_html, stats_html
from dpo_ops.reporters.style import Style
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from collections.abc import Callable

VOID = {"meta", "line"}
HOSTILE = st.one_of(
    st.sampled_from(
        ["<script>alert(1)</script>", "</pre><img src=x onerror=a()>", "{{ 7*7 }}", "{% raw %}",
         '" onload="a()', "'><svg/onload=a()>", "</style><link href=//x>", "&lt;", "\u202e\x1b[31m",
         "javascript:a()", "]]>", "<!--", "\ud800"]
    ),
    st.text(max_size=30),
)  # fmt: skip


class Page(HTMLParser):
    """Notes the elements and attributes of a page, and that each is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def check(text: str) -> str:
    place = Place(text, 1, 2)
    finding = Finding(place, text, text, text, "wrong-type")
    excerpt = Excerpt(text, text, cut_left=True, cut_right=True)
    return check_html(Checked((CheckedFile(text, 3, 9, "ab" * 32),), (finding,), {place: excerpt}))


def _rows(*texts: str) -> str:
    return "".join(json.dumps(as_row(text, text + "a", text + "b")) + "\n" for text in texts)


def diff(text: str) -> str:
    with TemporaryDirectory() as folder:
        before, after = Path(folder) / "before", Path(folder) / "after"
        before.write_text(_rows("q", "r", text))
        after.write_text(_rows("q", "s") + "no pair\n")
        found = compare(before, after)
    return diff_html((text, text), found, prices().bands)


def stats(text: str) -> str:
    row = as_row("q", "good", "bad")
    row["input"]["messages"][0]["role"] = text
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pairs"
        path.write_text(json.dumps(row) + "\n")
        return stats_html(statistics([path]))


PAGES = (check, diff, stats)


@pytest.mark.parametrize("make", PAGES)
@settings(max_examples=40, deadline=None)
@given(text=HOSTILE)
def test_nothing_that_data_says_becomes_part_of_the_page(
    make: Callable[[str], str], text: str
) -> None:
    harmless, page = Page(make("x")), Page(make(text))
    # What data says may leave an element out, but brings no new one and no new attribute.
    assert set(page.elements) <= set(harmless.elements) | {"pre", "mark", "p"}
    assert page.attributes <= harmless.attributes
    assert "49" not in page.text or "49" in text
    assert not re.search(r"[\x00-\x08\x1b\u202e]", page.text)


@pytest.mark.parametrize("make", PAGES)
def test_a_page_asks_for_nothing_and_runs_nothing(make: Callable[[str], str]) -> None:
    text = make("x")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.elements)
    assert not {n for n in page.attributes if n.startswith("on") or n in {"src", "href", "style"}}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_a_histogram_has_a_bar_for_each_bucket() -> None:
    text = stats("user")
    assert text.count("<rect") == 4
    assert "up to 8: 1" in text


def test_secrets_are_masked_in_pages() -> None:
    def mask(text: str) -> str:
        return text.replace("hunter2", "***")

    text = check_html(
        Checked((), (Finding(Place("hunter2", 1, 1), "hunter2", rule="wrong-type"),)),
        Style(mask=mask),
    )
    assert "hunter2" not in text
    assert "***" in text


def test_a_difference_tells_samples_and_what_is_left_out() -> None:
    text = diff("x")
    assert "removed" in text
    assert "1 line left out" in text
