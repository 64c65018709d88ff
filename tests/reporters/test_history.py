"""History, lineage and cards as text and Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dpo_ops.planner.lineage import Graph
from dpo_ops.reporters import Style
from dpo_ops.reporters.card import card_markdown
from dpo_ops.reporters.history import history_markdown, history_text
from dpo_ops.reporters.lineage import Lineage, lineage_markdown, lineage_text
from dpo_ops.reporters.style import cells
from tests.reporters.cases import HOSTILE, JOB, SERVE
from tests.reporters.history import bare, card, made_history, made_lineage

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = (history_text, lineage_text)
MARKDOWN: list[Callable[[str], str]] = [
    lambda text: history_markdown(made_history(text)),
    lambda text: lineage_markdown(made_lineage(text)),
    lambda text: lineage_markdown(made_lineage(text, offline=True)),
    lambda text: card_markdown(card(text)),
]


def test_a_history_in_80_columns():
    text = history_text(made_history("Ada"))
    assert text == (
        "3333333 2026-11-01 Ada: Ada\n"
        "    its specs can't be used: abc1234:specs/a.yaml:3:4: is wrong · so · mend\n"
        "2222222 2026-11-01 Ada: Ada\n"
        "    no model changed\n"
        "1111111 2026-11-01 Ada: Ada\n"
        f"    ready     DPOJob/tune → {JOB.id}\n"
        f"              data sha256 616161616161 · served by {SERVE.id}\n"
        "\n"
        "3 commits; account Ada, stack Ada\n"
    )


def test_offline_it_says_so():
    text = history_text(made_history("x", offline=True))
    assert "3 commits of stack x; the account was not asked: no key\n" in text
    assert "ready" not in text
    assert "The account was not asked: x" in lineage_text(made_lineage("x", offline=True))


def test_a_lineage_is_two_trees():
    text = lineage_text(made_lineage("Ada"))
    up, _, down = text.partition("\nwhat came of it\n")
    assert text.startswith(f"models/{JOB.id} (DPOJob/tune) ")
    assert f"├─ dpoJobs/{JOB.id}-a1 completed" in up
    assert "└─ commit 1111111 2026-11-01 Ada: Ada" in up
    assert down.startswith(f"└─ deployments/{SERVE.id} (Deployment/serve) ready")


def test_a_screen_without_letters_for_trees():
    text = lineage_text(made_lineage("Ada"), Style(ascii_only=True))
    assert "|- dpoJobs/" in text
    assert not set("├└│─") & set(text)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("text", ["Ada", HOSTILE, "偏" * 60, "word " * 60])
def test_no_line_is_wider_than_the_screen(width: int, text: str):
    style = Style(width=width)
    for made in (
        history_text(made_history(text), style),
        lineage_text(made_lineage(text), style),
        lineage_text(made_lineage(text, offline=True), style),
    ):
        # Only a name that is too long for a line may stand out, and then alone.
        wide = [line for line in made.splitlines() if cells(line) > width]
        assert not [line for line in wide if len(line.strip("│├└─ ").split()) > 1]
        assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(made)


@pytest.mark.parametrize("write", MARKDOWN)
def test_hostile_text_stays_text_in_markdown(write: Callable[[str], str]):
    said = write(HOSTILE)
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(said)
    outside = re.sub(r"(`+).*?\1", "", said, flags=re.DOTALL)
    for markup in ("<img", "<!--", "@octocat", "[l](", "**x**", "http://"):
        assert markup not in outside, markup
    cells_ = {line.count("|") for line in re.sub(r"\\\|", "", outside).splitlines() if "|" in line}
    assert cells_ <= {3, 4, 9}


def test_a_card_says_what_is_known():
    text = card_markdown(card())
    for part in (
        "# Model card: `a/b`",
        "| estimated cost | \\$0.50 to \\$1.50: a/b |",
        "| sha256 | `5555",
        "| `b` | `0.1` | the platform |",
        "| loss | 0.5 |",
        "| step | 4 of 4 |",
        "git checkout 1111111111",
        "dpo-ops plan a/b --values a/b",
    ):
        assert part in text, part


def test_a_card_of_a_model_that_little_is_known_of_says_so():
    text = card_markdown(bare())
    for part in (
        "The file that it was trained on is not known here.",
        "They are not known here.",
        "There are no metrics of its training here.",
        "No commit that is at hand wants it",
        "not known: who knows",
    ):
        assert part in text, part


def test_what_is_to_be_typed_is_quoted():
    text = card_markdown(card("a; rm -rf ~ `x` $(y)\n```\n# z"))
    block = text.partition("## To make it again\n\n")[2]
    fence = re.match(r"`+", block)
    assert fence
    assert len(fence[0]) > 3
    assert "dpo-ops plan 'a; rm -rf ~ `x` $(y) ``` # z' --values 'a; " in block


def test_when_something_of_a_lineage_was_deleted_is_said_to_the_minute():
    whole = Graph("acme")
    whole.known("models/m", state="ready")
    whole.known("deployments/d", state="deleted at 2026-11-28T16:33:47.274136Z")
    whole.link("deployments/d", "models/m")
    found = Lineage("models/m", "default", "acme", whole)
    for said in (lineage_text(found), lineage_markdown(found)):
        assert "deleted at 2026-11-28 16:33 UTC" in said
        assert "274136Z" not in said
