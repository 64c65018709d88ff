"""How the files of datasets differ from those of the base branch, as sections of a comment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.kinds.pricing import Cost
from dpo_ops.pairs.diff import Fate
from dpo_ops.pairs.prices import prices
from dpo_ops.reporters.markdown import Section, alert, code, defused, fenced, folded, table
from dpo_ops.reporters.pairs_text import texts_of, told_of
from dpo_ops.reporters.pairs_words import cost_change, differences, signed, token_change, unread
from dpo_ops.reporters.pull.words import name, said, titled_name, trains
from dpo_ops.reporters.style import count
from dpo_ops.reporters.values import both

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.pairs.diff import Comparison, Sample
    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.pull.subject import DataChange, Proposal
    from dpo_ops.reporters.style import Style
    from dpo_ops.resource import Resource

FLIPPED, CHANGED = 10, 20
"""Priorities: swapped answers are a mistake more often than anything else in a diff of data."""
_JOBS = 5
_SIGNS = {Fate.REMOVED: "-", Fate.ADDED: "+"}


def flips(change: DataChange) -> int:
    """Return of how many pairs the two answers were swapped."""
    return change.comparison.counts[Fate.FLIPPED] if change.comparison else 0


def data_section(change: DataChange, about: Proposal, style: Style, *, shown: bool) -> Section:
    """Return one dataset as a section, folded unless it is to be `shown`."""
    found, flipped = change.comparison, flips(change)
    title = f"{titled_name(change.address, style)}: {_title(change)}"
    parts = [f"{_files(change, style)}\n"]
    if change.note:
        parts.append(f"{said(change.note, style)}\n")
    if flipped:
        what = f"**{count(flipped, 'pair')} flipped**"
        line = f"{what}: what was preferred is now rejected. Is that meant?"
        parts.append(alert("WARNING", [line]))
    if found:
        parts.append(_told(change, found, about.plan, style))
        parts += _samples(found, about.samples, style)
    text = folded(title, "\n".join(parts), shown=shown)
    return Section(text, FLIPPED if flipped else CHANGED)


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


def _told(change: DataChange, found: Comparison, plan: Plan, style: Style) -> str:
    rows = [(code(sign, style), f"{number:,}", what) for sign, number, what in differences(found)]
    lines = [f"- tokens of an epoch: {defused(token_change(found), style)}\n"]
    jobs = [c for c in plan.changes if change.address in c.needs and trains(c)]
    if jobs:
        lines += _costs(change, found, jobs[:_JOBS], plan, style)
    else:
        lines.append(f"- cost of an epoch, LoRA: {said(_banded(found), style)}\n")
    lines += [f"- {unread(found.unreadable)}\n"] if found.unreadable else []
    return f"{table(('', 'pairs', ''), rows)}\n{''.join(lines)}"


def _banded(found: Comparison) -> str:
    return cost_change(found, prices().bands)


def _costs(
    change: DataChange, found: Comparison, jobs: Sequence[Change], plan: Plan, style: Style
) -> Iterator[str]:
    """Yield by how much each job that trains on the data gets dearer or cheaper by it."""
    data = next((c.resource for c in plan.changes if c.address == change.address), None)
    if data is None or data.content is None:
        return
    content = data.content
    sides = [
        replace(data, content=replace(content, tokens=tokens))
        for tokens in (found.tokens_before, found.tokens_after)
    ]
    for job in jobs:
        before, after = (_money(job, side) for side in sides)
        if before is not None and after is not None:
            more = defused(signed(after - before), style)
            yield f"- cost of {name(job.address, style)}: {more}\n"


def _money(job: Change, data: Resource) -> float | None:
    """Return the middle of what a job on the data would cost; None where that is not known."""
    cost = job.kind.price(job.resource, [data], prices()) if job.resource else None
    return (cost.low + cost.high) / 2 if isinstance(cost, Cost) else None


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
