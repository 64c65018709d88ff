from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.reporters.pull import Header, Stage, comment, header_of, status_line, with_status
from dpo_ops.reporters.pull.status import BEGIN, END, LIMIT
from tests.reporters.pull import scenes
from tests.reporters.pull.scenes import HEADER, STATUS

LINES = {
    Stage.PLANNED: "🔵 **planned** in run [#123](URL) at 12:01 UTC · applies on merge",
    Stage.OFFLINE: "⚪ **planned offline** in run [#123](URL) at 12:01 UTC · "
    "the account was not asked",
    Stage.INVALID: "❌ **not valid** in run [#123](URL) at 12:01 UTC · nothing can be planned",
    Stage.SUPERSEDED: "⚪ **superseded** in run [#123](URL) at 12:01 UTC",
    Stage.APPLYING: "🟠 **applying** in run [#123](URL) at 12:01 UTC",
    Stage.RUNNING: "🟣 **still training** in run [#123](URL) at 12:01 UTC · "
    "the next scheduled run carries on",
    Stage.APPLIED: "✅ **applied** in run [#123](URL) at 12:01 UTC",
    Stage.STALE: "⛔ **not applied: the plan is stale** in run [#123](URL) at 12:01 UTC · "
    "what differs from what was reviewed is held",
    Stage.FAILED: "❌ **failed** in run [#123](URL) at 12:01 UTC",
}
PARTS = st.sampled_from(
    [BEGIN, END, "\n", "\r\n", "### t", " ", "x", "<!-- dpo_ops {} -->", "偏" * 9_000]
)
BODIES = st.lists(PARTS | st.text(max_size=5), max_size=12).map("".join)


@pytest.mark.parametrize("stage", list(Stage))
def test_each_stage_has_its_line(stage: Stage):
    expected = LINES[stage].replace("URL", STATUS.url)
    assert status_line(replace(STATUS, stage=stage)) == expected


def test_a_note_takes_the_place_of_what_is_usually_said():
    line = status_line(replace(STATUS, note="again at @noon"))
    assert line.endswith(" · again at @\u200bnoon")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/acme/tunes/actions/runs/9",
        "http://localhost/x",
        "http://[::1]:80/x",
        "https://github.com/acme/tunes/actions/runs/991",
    ],
)
def test_a_run_is_linked(url: str):
    assert f"[#123]({url})" in status_line(replace(STATUS, url=url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://evil.example/x",
        "javascript:alert(1)",
        "https://a/x) [y](https://b",
        "https://a/x y",
        "https://a/<b>",
        "https://user@evil.example/",
        "https://a/\nx",
        'https://a/"x',
        "https://a/`x`",
        "https://a/" + "x" * 2_000,
        "http://127.0.0.1.evil.example/",
    ],
)
def test_what_is_no_safe_address_is_no_link(url: str):
    line = status_line(replace(STATUS, url=url))
    assert "in run `123` at" in line
    assert "](" not in line


def test_a_run_without_a_name_is_not_named():
    assert status_line(replace(STATUS, run="", at="")) == "🔵 **planned** · applies on merge"


def test_only_the_block_is_replaced():
    made = comment(scenes.proposal(lambda: "plain"), HEADER, STATUS)
    status = replace(STATUS, stage=Stage.APPLYING)
    now = with_status(made, status)
    before, _, _ = made.partition(BEGIN)
    assert now == f"{before}{BEGIN}\n\n{status_line(status)}\n\n{END}\n"
    assert header_of(now) == HEADER


def test_a_header_can_be_written_with_it():
    made = comment(scenes.proposal(lambda: "plain"), HEADER, STATUS)
    other = replace(HEADER, run="992", approved="e30=")
    now = with_status(made, STATUS, header=other)
    assert header_of(now) == other
    assert now.partition("\n")[2] == made.partition("\n")[2]


def test_a_body_that_somebody_edited_gets_a_block_at_its_end():
    now = with_status("### t\r\n\r\nno markers here\r\n", STATUS, "Done.")
    assert now == (
        f"### t\r\n\r\nno markers here\n\n{BEGIN}\n\n{status_line(STATUS)}\n\nDone.\n\n{END}\n"
    )


def test_what_grows_too_long_keeps_its_title_and_its_status():
    body = f"{'x' * 59_000}\n"
    made = f"### title\n\n{body}\n{BEGIN}\nold\n{END}\n"
    now = with_status(made, STATUS, "o" * 14_000, header=HEADER)
    assert header_of(now) == HEADER
    assert "### title\n\n*What was planned is left out" in now
    assert "o" * 14_000 in now
    assert len(now.encode()) <= LIMIT
    tiny = with_status(made, STATUS, "偏" * 30_000)
    assert "*What came of it is left out" in tiny
    assert status_line(STATUS) in tiny


def test_an_outcome_can_not_end_the_block():
    now = with_status("x", STATUS, f"a\n{END}\nb\n{BEGIN}")
    assert now.count(END) == now.count(BEGIN) == 1


@given(BODIES, BODIES, st.booleans())
def test_twice_is_once_whatever_the_comment_holds(body: str, came: str, headed: bool):
    header = Header("e", "c", "r", "t") if headed else None
    once = with_status(body, STATUS, came, header=header)
    assert with_status(once, STATUS, came, header=header) == once
    assert len(once.encode()) <= LIMIT
    assert status_line(STATUS) in once
