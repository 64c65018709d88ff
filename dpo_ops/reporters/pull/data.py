"""How the files of datasets differ from those of the base branch, as sections of a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.pairs.diff import Fate
from dpo_ops.pairs.prices import prices
from dpo_ops.reporters.markdown import Section, alert, code, defused, fenced, folded, table
from dpo_ops.reporters.pairs_text import texts_of, told_of
from dpo_ops.reporters.pairs_words import cost_change, differences, token_change, unread
from dpo_ops.reporters.pull.words import name, said, titled_name
from dpo_ops.reporters.style import count
from dpo_ops.reporters.values import both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.pairs.diff import Comparison, Sample
    from dpo_ops.reporters.pull.subject import DataChange
    from dpo_ops.reporters.style import Style

FLIPPED, CHANGED = 10, 20
"""Priorities: swapped answers are a mistake more often than anything else in a diff of data."""
_SIGNS = {Fate.REMOVED: "-", Fate.ADDED: "+"}


def data_section(change: DataChange, samples: int, style: Style) -> Section:
    """Return one dataset as a section, open where answers were swapped."""
    found = change.comparison
    flipped = found.counts[Fate.FLIPPED] if found else 0
    title = f"{titled_name(change.address, style)}: {_title(change)}"
    parts = [f"{_files(change, style)}\n"]
    if change.note:
        parts.append(f"{said(change.note, style)}\n")
    if flipped:
        pairs = count(flipped, "pair")
        line = f"**{pairs} flipped**: what was preferred is now rejected. Is that meant?"
        parts.append(alert("WARNING", [line]))
    if found:
        parts.append(_told(found, style))
        parts += _samples(found, samples, style)
    body = "\n".join(parts)
    shown = bool(flipped)
    return Section(folded(title, body, shown=shown), FLIPPED if flipped else CHANGED)


def _title(change: DataChange) -> str:
    """Return what was added, removed, edited and flipped in short, or that it is new, or gone."""
    found = change.comparison
    if found is None:
        rows = count(change.rows, "pair")
        sides = (change.before is not None, change.after is not None)
        words = {(False, True): f"new, {rows}", (True, False): f"gone, {rows} less"}
        return words.get(sides, f"{rows}, not compared")
    counts = found.counts
    flipped = counts[Fate.FLIPPED]
    numbers = (
        ("+", counts[Fate.ADDED]),
        ("−", counts[Fate.REMOVED]),  # noqa: RUF001  -- a minus sign, as wide as the plus
        ("~", found.edited + flipped),
    )
    told = " ".join(f"{sign}{number:,}" for sign, number in numbers if number)
    if told:
        return f"{told} pairs" + (f" (⚠ {flipped:,} flipped)" if flipped else "")
    return f"{count(counts[Fate.MOVED], 'pair')} moved" if counts[Fate.MOVED] else "the same pairs"


def _files(change: DataChange, style: Style) -> str:
    """Return the file, or from which to which; with the rows where they are known."""
    found = change.comparison
    before = name(change.before or "nothing", style)
    after = name(change.after or "nothing", style)
    if not found:
        return after if change.before in (change.after, None) else f"{before} → {after}"
    rows = (count(found.rows_before, "row"), count(found.rows_after, "row"))
    if change.before == change.after:
        return f"{after}: {rows[0]} → {rows[1]}"
    return f"{before} ({rows[0]}) → {after} ({rows[1]})"


def _told(found: Comparison, style: Style) -> str:
    rows = [(code(sign, style), f"{number:,}", what) for sign, number, what in differences(found)]
    tokens = defused(token_change(found), style)
    cost = defused(cost_change(found, prices().bands), style)
    lines = [f"- tokens of an epoch: {tokens}\n", f"- cost of an epoch, LoRA: {cost}\n"]
    lines += [f"- {unread(found.unreadable)}\n"] if found.unreadable else []
    return f"{table(('', 'pairs', ''), rows)}\n{''.join(lines)}"


def _samples(found: Comparison, most: int, style: Style) -> list[str]:
    """Return at most `most` rows of each fate, as they read before and after."""
    shown: dict[Fate, list[Sample]] = {}
    for sample in found.samples:
        shown.setdefault(sample.fate, []).append(sample)
    lines = [
        line
        for samples in shown.values()
        for sample in samples[: max(0, most)]
        for line in _sample(sample, style)
    ]
    return [fenced(lines, "diff")] if lines else []


def _sample(sample: Sample, style: Style) -> Iterator[str]:
    sides = (sample.before, sample.after)
    where = " → ".join(f"line {side.line:,}" for side in sides if side)
    yield f"@@ {sample.fate} · {where} @@"
    old, new = map(texts_of, sides)
    if not old and not new:
        yield "  not a pair"
        return
    for part in told_of(sample.fate):
        if old and new and old[part] != new[part]:
            first, second = both(old[part], new[part], style)
            yield f"- {part}: {first}"
            yield f"+ {part}: {second}"
        else:
            sign = _SIGNS.get(sample.fate, " ")
            yield f"{sign} {part}: {both((new or old)[part], '', style)[0]}"
