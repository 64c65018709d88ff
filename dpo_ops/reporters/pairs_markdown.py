"""Statistics, differences and costs of pairs as Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.reporters.markdown import code, defused, fenced, fitted, folded, table
from dpo_ops.reporters.pairs_text import cost_text, sample_lines
from dpo_ops.reporters.pairs_words import (
    cost_change,
    differences,
    remarks,
    table_of,
    token_change,
    unread,
)
from dpo_ops.reporters.style import PLAIN, Style, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.kinds.pricing import Band
    from dpo_ops.pairs.cost import Costs
    from dpo_ops.pairs.diff import Comparison
    from dpo_ops.pairs.stats import Statistics


def stats_markdown(found: Statistics, style: Style = PLAIN) -> str:
    """Return the statistics of pairs as Markdown."""
    head, *rows = table_of(found)
    cells = [(*row[:-1], code(row[-1], style)) for row in rows]
    said = "".join(f"- **{name}**: {defused(text, style)}\n" for name, text in remarks(found))
    left_out = unread(found.unreadable)
    start = f"### dpo-ops pairs stats\n\n**{count(found.rows, 'pair')}**"
    start += f"; {left_out}" if left_out else ""
    return f"{start}\n\n{table(head, cells)}\n{said}"


def diff_markdown(
    names: tuple[str, str], found: Comparison, bands: Sequence[Band], style: Style = PLAIN
) -> str:
    """Return how two files of pairs differ as Markdown; samples are folded away."""
    before, after = (code(name, style) for name in names)
    rows = (count(found.rows_before, "row"), count(found.rows_after, "row"))
    start = f"### dpo-ops pairs diff\n\n{before} ({rows[0]}) → {after} ({rows[1]})\n\n"
    told = [(code(s, style), f"{number:,}", what) for s, number, what in differences(found)]
    start += table(("", "pairs", ""), told)
    start += f"\n- tokens of an epoch: {defused(token_change(found), style)}\n"
    start += f"- cost of an epoch, LoRA: {defused(cost_change(found, bands), style)}\n"
    left_out = unread(found.unreadable)
    start += f"- {left_out}\n" if left_out else ""
    samples = [
        folded(f"{sample.fate}", fenced(sample_lines(names, sample, style)))
        for sample in found.samples
    ]
    return fitted(start, samples, "", what="samples")


def cost_markdown(found: Costs, style: Style = PLAIN) -> str:
    """Return what training on pairs costs as Markdown."""
    return f"### dpo-ops pairs cost\n\n{fenced(cost_text(found, style).splitlines())}"
