"""No text from a pull request, from data or from the server breaks out of its place."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dpo_ops.reporters.pull import (
    Header,
    Stage,
    comment,
    drift_issue,
    header_of,
    held,
    outcome,
    step_summary,
    summary,
    with_status,
)
from dpo_ops.reporters.pull.status import BEGIN, END, LIMIT, OUTCOME
from dpo_ops.reporters.style import one_line
from tests.profile import tries
from tests.reporters.cases import HOSTILE
from tests.reporters.pull import scenes
from tests.reporters.pull.page import page
from tests.reporters.pull.scenes import HEADER, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PIECES = (
    "@octocat", "@acme/team", "#123", "GH-7", "acme/x#9", "</details>", "<details>", "</summary>",
    "<img src=x onerror=y>", "<b>", "<!--", "-->", "--!>", BEGIN, END, "<!-- dpo_ops {} -->",
    "```", "````", "~~~", "`", "``", "|", "\\|", "\n", "\r\n", "\u2028", "\x1b[31m", "\x9b2J",
    "\u202e", "::set-output name=a::b", "[l](http://evil)", "![i](http://evil)", "<http://evil>",
    "[r]: http://evil", "[^1]", "[^1]: n", "https://evil.example", "HTTP://evil.example",
    "www.evil.example", "WWW.evil.example", "a@evil.example", "mailto:a@b.example",
    "- ", "+ ", "* ", "1. ", "1) ", "# ", "> ", "---", "===", ":-", "    ",
    "\t", "[ ] ", "&lt;", "&#60;",
    "$x$", "$$", "$`x`$", ":tada:", ":+1:", ":100:", "**", "__", "~~", "\\", '"]', "%%{init:",
    "end",
    "#quot;", "click n0", "😀", "偏", "\u200d", "x",
)  # fmt: skip
FRAGMENTS = st.sampled_from(PIECES)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=4), min_size=1, max_size=5).map("".join)
SEEN = TEXTS.map(lambda text: text if one_line(text) else f"x{text}")  # After ESC it would go.
SLOTS = st.lists(SEEN, min_size=1, max_size=9)
often = settings(
    max_examples=tries(15, long=40), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
seldom = settings(often, max_examples=tries(8, long=15))
ROW = re.compile(
    r'flowchart LR|  n\d+(?:\["[\w ./#;-]*"\]|\(\["[\w ./#;-]*"\]\))|  n\d+ --> n\d+'
    r"|  class(?:Def)? [a-z0-9,]+ [a-z0-9:#,-]+",
    re.ASCII,
)


def slots(texts: Sequence[str]) -> Callable[[], str]:
    return cycle(texts).__next__


def plain() -> str:
    return "plain"


def pages(text: Callable[[], str]) -> list[str]:
    """Return every text that this package makes, with `text` in every place for one."""
    status = replace(STATUS, run=f"r{text()}", at=text(), note=text())
    header = Header(*(text() for _ in range(4)), plan=text(), approved=text(), signature=text())
    found = scenes.report(text)
    came = outcome(found, readings=scenes.readings(found))
    about = scenes.proposal(text)
    made = comment(about, header, status)
    return [
        made,
        with_status(made, replace(status, stage=Stage.APPLIED), came, header=header),
        comment(scenes.proposal(text, offline=True), header, replace(status, stage=Stage.OFFLINE)),
        comment(scenes.invalid(text), header, replace(status, stage=Stage.INVALID)),
        comment(scenes.invalid(text, specs=False), header, status),
        summary(about),
        step_summary(found, readings=scenes.readings(found)),
        held(found.plan),
        drift_issue(text(), scenes.drift(text), status),
    ]


EXPECTED = [page(text) for text in pages(plain)]


@often
@example([HOSTILE])
@example(["- x"])
@example(["==="])
@example(["```"])
@example(["```\n</details> @everyone"])
@given(SLOTS)
def test_the_page_is_built_as_with_harmless_text(texts: list[str]):
    for text, expected in zip(pages(slots(texts)), EXPECTED, strict=True):
        made = page(text)
        assert made.tags == expected.tags
        assert made.links == expected.links
        assert len(made.comments) == len(expected.comments)
        assert made.live == []
        for diagram, other in zip(made.diagrams, expected.diagrams, strict=True):
            assert_only_nodes(diagram.rstrip("\n").split("\n"), other.count("\n"))


def assert_only_nodes(lines: list[str], number: int) -> None:
    """Hold the lines of a diagram against what the package itself writes."""
    assert len(lines) == number
    if lines[0].startswith("flowchart"):
        assert all(map(ROW.fullmatch, lines))
    else:
        assert lines[1] == "xychart-beta"


@seldom
@given(SLOTS, st.integers(1, 400))
def test_no_limit_is_exceeded(texts: list[str], times: int):
    text = slots([one * times for one in texts])
    made = comment(scenes.proposal(text), HEADER, STATUS)
    found = scenes.report(text)
    came = outcome(found, readings=scenes.readings(found))
    status = replace(STATUS, stage=Stage.FAILED, note=text(), at=text(), run=text())
    whole = with_status(made, status, came)
    assert came in whole or came.strip() in whole
    assert "left out: too long for a comment" not in whole
    told = step_summary(found, limit=20_000)
    for page_, limit in (
        (whole, LIMIT),
        (came, OUTCOME),
        (held(found.plan), OUTCOME),
        (summary(scenes.proposal(text), limit=40_000), 40_000),
        (comment(scenes.invalid(text), HEADER, status), LIMIT),
        (drift_issue(text()[:40], scenes.drift(text), status), LIMIT + 1_000),
        (told, 20_000),
    ):
        assert len(page_.encode()) <= limit
        assert len(page_.encode("utf-16-le")) // 2 <= limit


@often
@given(SLOTS)
def test_a_status_written_twice_is_written_once(texts: list[str]):
    text = slots(texts)
    status = replace(STATUS, stage=Stage.RUNNING, note=text())
    made = comment(scenes.proposal(text), HEADER, STATUS)
    came = outcome(scenes.report(text))
    once = with_status(made, status, came)
    assert with_status(once, status, came) == once
    assert header_of(once) == HEADER
    assert with_status(once, STATUS) == made
