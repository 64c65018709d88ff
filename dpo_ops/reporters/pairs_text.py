"""Statistics, differences and costs of pairs for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.pairs.diff import Fate
from dpo_ops.reporters.pairs_words import (
    SYMBOLS,
    cost_change,
    differences,
    remarks,
    table_of,
    token_change,
    tokenizer,
    unread,
)
from dpo_ops.reporters.plan_words import between
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, count, pad, wrap
from dpo_ops.reporters.values import both

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.kinds.pricing import Band
    from dpo_ops.pairs.cost import Costs
    from dpo_ops.pairs.diff import Comparison, Sample, Side
    from dpo_ops.pairs.stats import Statistics

_TONES = {
    "+": Tone.GOOD,
    "-": Tone.BAD,
    "~": Tone.CHANGE,
    "!": Tone.BAD,
    ">": Tone.CHANGE,
    "=": Tone.QUIET,
}
_INDENT = " " * 6


def stats_text(found: Statistics, style: Style = PLAIN) -> str:
    """Return the statistics of pairs for reading, with small histograms."""
    return _joined(_stats(found, style))


def _joined(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _stats(found: Statistics, style: Style) -> Iterator[str]:
    yield count(found.rows, "pair")
    yield from wrap(unread(found.unreadable), style.width)
    yield ""
    yield from _aligned(table_of(found), style)
    yield ""
    for name, said in remarks(found):
        yield from wrap(style.clean(said), style.width, first=f"{name + ':':<17}", rest=" " * 17)


def _aligned(rows: Sequence[tuple[str, ...]], style: Style) -> Iterator[str]:
    """Yield rows of cells: the first and the last from the left, numbers from the right."""
    widths = [max(cells(row[n]) for row in rows) for n in range(len(rows[0]))]
    for number, (name, *numbers, last) in enumerate(rows):
        middle = (cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True))
        line = "  ".join([pad(name, widths[0]), *middle, last]).rstrip()
        yield style.paint(line, Tone.STRONG) if not number else line


def diff_text(
    names: tuple[str, str], found: Comparison, bands: Sequence[Band], style: Style = PLAIN
) -> str:
    """Return how two files of pairs differ: counts, samples, and what it does to the cost."""
    return _joined(_diff(names, found, bands, style))


def _diff(
    names: tuple[str, str], found: Comparison, bands: Sequence[Band], style: Style
) -> Iterator[str]:
    for sample in found.samples:
        yield from sample_lines(names, sample, style)
        yield ""
    before, after = map(style.clean, names)
    rows = (count(found.rows_before, "row"), count(found.rows_after, "row"))
    yield from wrap(f"{before} ({rows[0]}) → {after} ({rows[1]})", style.width, rest="  ")
    told = list(differences(found))
    width = max(len(f"{number:,}") for _, number, _ in told)
    for symbol, number, what in told:
        painted = style.paint(f"  {symbol}", _TONES[symbol])
        yield f"{painted} {number:>{width},} {what}"
    yield from wrap(unread(found.unreadable), style.width)
    yield from wrap(token_change(found), style.width, first="tokens of an epoch: ")
    cost = cost_change(found, bands)
    yield from wrap(cost, style.width, first="cost of an epoch, LoRA: ", rest="  ")


def sample_lines(names: tuple[str, str], sample: Sample, style: Style) -> Iterator[str]:
    """Yield the lines of one pair that changed."""
    symbol = SYMBOLS[sample.fate]
    sides = zip(names, (sample.before, sample.after), strict=True)
    where = " → ".join(f"{style.clean(name)}:{side.line}" for name, side in sides if side)
    head = style.paint(f"  {symbol} {sample.fate}", _TONES[symbol])
    yield f"{head}  {where}"
    yield from _body(sample, style)


def _body(sample: Sample, style: Style) -> Iterator[str]:
    old, new = texts_of(sample.before), texts_of(sample.after)
    if not old and not new:
        yield f"{_INDENT}not a pair"
        return
    for name in told_of(sample.fate):
        if old and new and old[name] != new[name]:
            first, second = both(old[name], new[name], style)
            yield f"{_INDENT}{name}:"
            yield from wrap(first, style.width, first=f"{_INDENT}  - ", rest=f"{_INDENT}    ")
            yield from wrap(second, style.width, first=f"{_INDENT}  + ", rest=f"{_INDENT}    ")
        else:
            text = both((new or old)[name], "", style)[0]
            yield from wrap(text, style.width, first=f"{_INDENT}{name}: ", rest=f"{_INDENT}  ")


def told_of(fate: Fate) -> tuple[str, ...]:
    """Return which parts of a pair are worth showing: all, unless one side says it."""
    return {
        Fate.EDITED_PREFERRED: ("input", "preferred"),
        Fate.EDITED_OTHER: ("input", "non-preferred"),
        Fate.MOVED: ("input",),
    }.get(fate, ("input", "preferred", "non-preferred"))


def texts_of(side: Side | None) -> dict[str, str]:
    """Return the last message and the two answers of a pair; nothing where it can't be read."""
    if side is None or side.pair is None:
        return {}
    asked = side.pair.messages[-1].text if side.pair.messages else ""
    return {"input": asked, "preferred": side.pair.preferred, "non-preferred": side.pair.other}


def cost_text(found: Costs, style: Style = PLAIN) -> str:
    """Return what training on pairs costs, for reading."""
    return _joined(_cost(found, style))


def _cost(found: Costs, style: Style) -> Iterator[str]:
    tokens, about = found.tokens, "about " if found.tokens.estimated else ""
    yield f"{count(found.rows, 'pair')}, {count(found.epochs, 'epoch')}"
    yield from wrap(unread(found.unreadable), style.width)
    yield f"training tokens: {about}{tokens.billable(found.epochs):,}"
    sums = f"{tokens.prompt:,} + {tokens.preferred:,} + {tokens.other:,}"
    yield f"  = {found.epochs} x (2 x {sums}): prompts, preferred, non-preferred"
    said = tokenizer(style.clean(found.tokenizer), estimated=tokens.estimated)
    yield from wrap(said, style.width, first="tokenizer: ", rest="  ")
    if found.estimate:
        error = found.estimate.billable() / max(1, tokens.billable()) - 1
        yield f"  without it the estimate would be {error:+.1%} off"
    yield ""
    if found.unpriced:
        yield from wrap(style.clean(found.unpriced), style.width, first="cost: not known: ")
    else:
        yield from _aligned(_prices(found), style)
    note = f"±30%; prices of {found.source}, as of {found.as_of}"
    yield from wrap(note, style.width)


def _prices(found: Costs) -> list[tuple[str, ...]]:
    rows: dict[str, list[str]] = {}
    for quote in found.quotes:
        rows.setdefault(quote.band, []).append(between(quote.cost.low, quote.cost.high))
    return [("base model", "LoRA", "all parameters", ""), *((b, *c, "") for b, c in rows.items())]
