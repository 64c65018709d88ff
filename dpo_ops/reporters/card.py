"""A model card: what a model was made from, how, what was measured, and how to make it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpo_ops import __version__
from dpo_ops.kinds.pricing import Cost
from dpo_ops.reporters.curves import figure
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.history import COMMIT, commit_document
from dpo_ops.reporters.markdown import code, defused, fenced, table
from dpo_ops.reporters.measured import step_document
from dpo_ops.reporters.plan_words import price
from dpo_ops.reporters.shapes import COUNT, TEXT, list_of, published, record
from dpo_ops.reporters.style import PLAIN, Style, count, dated
from dpo_ops.reporters.values import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.kinds.pricing import Unpriced
    from dpo_ops.pairs.stats import Statistics
    from dpo_ops.planner.releases import Commit
    from dpo_ops.reporters.measured import Readings
    from dpo_ops.resource import Content, Json

_DIGITS = 6  # Of a dollar: small jobs cost less than a cent.


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that held while it was trained; `sent` says whether the specs said so.

    None: there is no spec of it, only the job.
    """

    path: str
    value: Json
    sent: bool | None


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one model. Empty, or None: not known here.

    `commit` is the first that wants it. `account` is None where it was not asked. `paths` and
    `values` are as the command line named them.
    """

    model: str
    address: str
    stack: str
    account: str | None
    state: str
    created: str
    base: str
    weights: str
    trainer: str
    data: Content | None
    digest: str
    statistics: Statistics | None
    settings: Sequence[Setting]
    readings: Readings | None
    cost: Cost | Unpriced | None
    serving: Sequence[str]
    commit: Commit | None
    paths: Sequence[str]
    values: Sequence[str]


def card_markdown(card: Card, style: Style = PLAIN) -> str:
    """Return the card in Markdown. What comes from specs, data or the server is only text."""
    parts = (
        f"# Model card: {code(card.model, style)}\n",
        table(("", ""), _facts(card, style)),
        *_data(card, style),
        *_settings(card, style),
        *_measured(card),
        *_again(card, style),
        f"*Written by dpo-ops {__version__}.*\n",
    )
    return "\n".join(parts)


def _facts(card: Card, style: Style) -> Iterator[tuple[str, str]]:
    commit = card.commit
    said = (
        ("spec", code(card.address, style)),
        ("stack", code(card.stack, style)),
        ("account", code(card.account, style) if card.account else "not asked"),
        ("state", defused(card.state, style)),
        ("created", style.clean(dated(card.created))),
        ("base model", code(card.base, style)),
        ("weights", code(card.weights, style)),
        ("trained by", defused(card.trainer, style)),
        ("commit", f"{code(commit.id, style)} {defused(_of(commit), style)}" if commit else ""),
        ("estimated cost", defused(price(card.cost), style) if card.cost else ""),
        ("served by", ", ".join(code(id_, style) for id_ in card.serving)),
    )
    return ((name, value) for name, value in said if value)


def _of(commit: Commit) -> str:
    return f"{commit.date[:10]} {commit.author}: {commit.subject}"


def _data(card: Card, style: Style) -> Iterator[str]:
    yield "## Data\n"
    if not card.digest:
        yield "The file that it was trained on is not known here.\n"
        return
    found, stats = card.data, card.statistics
    rows: list[tuple[str, str]] = [("sha256", code(card.digest, style))]
    if found:
        rows += [("file", code(_file(found), style)), ("bytes", f"{found.size:,}")]
        rows += [("pairs", f"{found.rows:,}")] if found.rows else []
    if stats:
        rows += [
            ("tokens", f"{_about(stats)}{sum(_tokens(stats)):,}"),
            ("prompt, median and longest", f"{stats.prompt.p50:,}, {stats.prompt.longest:,}"),
            ("preferred is longer in", f"{count(stats.bias.longer, 'pair')}"),
            ("non-preferred is longer in", f"{count(stats.bias.shorter, 'pair')}"),
            ("duplicates", f"{stats.duplicates:,}"),
            ("scripts", defused(", ".join(f"{k} {v:,}" for k, v in stats.scripts.items()), style)),
        ]
    yield table(("", ""), rows)
    if not stats:
        yield "The file itself is not at hand, so it was not counted.\n"


def _file(found: Content) -> str:
    return found.path.partition(":")[2] or found.path


def _about(stats: Statistics) -> str:
    return "about " if stats.tokens.estimated else ""


def _tokens(stats: Statistics) -> tuple[int, int, int]:
    return stats.tokens.prompt, stats.tokens.preferred, stats.tokens.other


def _settings(card: Card, style: Style) -> Iterator[str]:
    yield "## Hyper-parameters\n"
    if not card.settings:
        yield "They are not known here.\n"
        return
    rows = [
        (code(one.path, style), code(shown(one.value, style), style), _whence(one))
        for one in card.settings
    ]
    yield table(("setting", "value", "said by"), rows)


def _whence(one: Setting) -> str:
    if one.sent is None:
        return "the job"
    return "the specs" if one.sent else "the platform"


def _measured(card: Card) -> Iterator[str]:
    yield "## What was measured\n"
    last = card.readings.last if card.readings else None
    if last is None:
        yield "There are no metrics of its training here.\n"
        return
    names = ("loss", "margin", "accuracy")
    figures = ((name, getattr(last, name)) for name in names)
    rows = [("step", f"{last.step:,}" + (f" of {last.steps:,}" if last.steps else ""))]
    rows += [(name, figure(value)) for name, value in figures if value is not None]
    yield table(("at the last step", ""), rows)
    yield "Measured on the pairs that it was trained on, not on held-out ones.\n"


def _again(card: Card, style: Style) -> Iterator[str]:
    yield "## To make it again\n"
    if card.commit is None:
        yield "No commit that is at hand wants it, so there is nothing to check out.\n"
        return
    # The mask and the style go over each line: what is quoted for a shell may be anything.
    given = " ".join(shlex.quote(path) for path in card.paths)
    values = "".join(f" --values {shlex.quote(path)}" for path in card.values)
    lines = [f"git checkout {card.commit.id}", f"dpo-ops plan {given}{values}"]
    yield fenced([*map(style.clean, lines), style.clean(f"dpo-ops apply {given}{values}")], "sh")
    yield (
        "The ids follow from the data and the settings: the same commit makes a model of this name."
        " Where it still exists, nothing is trained.\n"
    )


def card_document(card: Card) -> dict[str, Any]:
    """Return the card as JSON."""
    last = card.readings.last if card.readings else None
    cost, stats = card.cost, card.statistics
    return {
        "version": VERSION,
        "tool": f"dpo-ops {__version__}",
        "model": card.model,
        "address": card.address or None,
        "account": card.account,
        "stack": card.stack,
        "state": card.state,
        "created": card.created or None,
        "baseModel": card.base,
        "weights": card.weights or None,
        "trainer": card.trainer,
        "data": {
            "sha256": card.digest or None,
            "path": _file(card.data) if card.data else None,
            "bytes": card.data.size if card.data else None,
            "rows": (card.data.rows or None) if card.data else None,
            "tokens": sum(_tokens(stats)) if stats else None,
            "duplicates": stats.duplicates if stats else None,
        },
        "settings": [{"path": s.path, "value": s.value, "sent": s.sent} for s in card.settings],
        "lastStep": step_document(last) if last else None,
        "cost": {"low": round(cost.low, _DIGITS), "high": round(cost.high, _DIGITS)}
        if isinstance(cost, Cost)
        else None,
        "servedBy": list(card.serving),
        "commit": commit_document(card.commit) if card.commit else None,
    }


_MAYBE_TEXT = {"type": ["string", "null"]}
_MAYBE_COUNT = {**COUNT, "type": ["integer", "null"]}
_MONEY = {"type": "number", "minimum": 0}
CARD_SCHEMA = published(
    "card",
    {
        "tool": TEXT,
        "model": {**TEXT, "description": "its id"},
        "address": {**_MAYBE_TEXT, "description": "what its spec calls it"},
        "account": {**_MAYBE_TEXT, "description": "null: it was not asked"},
        "stack": TEXT,
        "state": TEXT,
        "created": _MAYBE_TEXT,
        "baseModel": TEXT,
        "weights": _MAYBE_TEXT,
        "trainer": TEXT,
        "data": record(
            {
                "sha256": _MAYBE_TEXT,
                "path": _MAYBE_TEXT,
                "bytes": _MAYBE_COUNT,
                "rows": _MAYBE_COUNT,
                "tokens": {**_MAYBE_COUNT, "description": "an estimate"},
                "duplicates": _MAYBE_COUNT,
            }
        ),
        "settings": list_of(
            record(
                {
                    "path": TEXT,
                    "value": {},
                    "sent": {
                        "type": ["boolean", "null"],
                        "description": "whether the specs said so; else it is the platform's",
                    },
                }
            )
        ),
        "lastStep": {"type": ["object", "null"], "description": "as in metrics"},
        "cost": {
            "anyOf": [record({"low": _MONEY, "high": _MONEY}), {"type": "null"}],
            "description": "US dollars, an estimate; null: not known",
        },
        "servedBy": list_of(TEXT),
        "commit": {"anyOf": [record(COMMIT), {"type": "null"}]},
    },
)
