"""What was measured while a job trained: a table and curves to read, rows for programs."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.reporters.curves import Curve, aligned, chart, sparkline
from dpo_ops.reporters.curves_svg import curves_svg
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.markdown import code, defused, table
from dpo_ops.reporters.measured import curves_of, latest, step_document
from dpo_ops.reporters.style import PLAIN, Style, Tone, count, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.reporters.measured import Reading, Readings
    from dpo_ops.resource import Health, Json
    from dpo_ops.trainers import Measured

MOST: Final = 20
"""Steps in a table that does not show all of them."""
_COLUMNS: Final = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "margin": "margin",
    "accuracy": "accuracy",
    "learning_rate": "rate",
    "tokens_per_s": "tokens/s",
    "seconds": "seconds",
}
_ALWAYS = 4  # Columns that even the narrowest screen has room for: step to margin.
_SPARK = 24
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Metrics:
    """One job and what was measured of it.

    `name` is its address, or its id where no spec describes it; `source` is where the figures
    come from: the job's full name, or a file. `state` is how the job is, in words.
    """

    name: str
    source: str
    health: Health
    state: str
    readings: Readings

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Loss, margin and accuracy over the steps; the last on an axis from 0 to 1."""
        return curves_of(self.readings)


def metrics_text(
    found: Metrics,
    style: Style = PLAIN,
    *,
    whole: bool = False,
    curves: bool = False,
    table: bool = True,
) -> str:
    """Return the steps as a `table`, all of them where `whole`, and charts where `curves`."""
    lines = [*_table(found, style, whole=whole)] if table or not found.readings.rows else [""]
    lines += _charts(found, style) if curves else ()
    lines += wrap(style.clean(_end(found, whole=whole or not table)), style.width)
    return "".join(f"{line}\n" for line in lines)


def _table(found: Metrics, style: Style, *, whole: bool) -> Iterator[str]:
    rows = found.readings.steps
    if rows:
        yield from table_lines(rows if whole else some(rows), rows, style)
        yield ""
    else:
        yield from wrap(style.clean(found.readings.note), style.width)


def _charts(found: Metrics, style: Style) -> Iterator[str]:
    for curve in found.curves:
        if drawn := chart(curve, style.width, style=style):
            yield from (*drawn, "")


def table_lines(
    shown: Sequence[Measured],
    rows: Sequence[Measured],
    style: Style = PLAIN,
    *,
    head: bool = True,
) -> Iterator[str]:
    """Yield the steps that are to be shown, in columns that have a figure in any of `rows`.

    The last columns are left out where the screen has no room for them.
    """
    names = _measured_columns(rows)
    widths = {name: max(len(_COLUMNS[name]), 9 if name != "step" else 5) for name in names}
    while len(names) > _ALWAYS and sum(widths[n] + 2 for n in names) - 2 > style.width:
        names.pop()
    if head:
        line = "  ".join(_COLUMNS[name].rjust(widths[name]) for name in names)
        yield style.paint(line, Tone.STRONG)
    for row in shown:
        yield "  ".join(_cell(row, name).rjust(widths[name]) for name in names)


def _measured_columns(rows: Sequence[Measured]) -> list[str]:
    return [n for n in _COLUMNS if n == "step" or any(getattr(row, n) is not None for row in rows)]


def _cell(row: Measured, name: str) -> str:
    return str(row.step) if name == "step" else aligned(getattr(row, name))


def some(rows: Sequence[Measured], most: int = MOST) -> list[Measured]:
    """Return at most `most` rows, evenly spread, with the first and the last."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(n * (len(rows) - 1) / (most - 1))] for n in range(most)]


def _end(found: Metrics, *, whole: bool) -> str:
    rows, parts = found.readings.rows, []
    if last := found.readings.last:
        parts.append(f"{found.name}: {latest(last)}; {found.state}")
    else:
        parts.append(f"{found.name}: {found.state}")
    if not whole and len(rows) > MOST:
        parts.append(f"{MOST} of {len(rows):,} steps are shown, --all shows each")
    if skipped := found.readings.skipped:
        lines = count(skipped, "line")
        parts.append(f"{lines} of the file {'is no step' if skipped == 1 else 'are no steps'}")
    return "; ".join(parts)


def metrics_markdown(found: Metrics, style: Style = PLAIN, *, whole: bool = False) -> str:
    """Return the table and the curves, as lines of blocks, in Markdown."""
    rows = found.readings.steps
    head = f"### dpo-ops metrics · {code(found.name, style)}\n\n"
    end = f"{defused(_end(found, whole=whole), style)}\n"
    if not rows:
        note = defused(found.readings.note, style)
        return f"{head}{note}\n\n{end}" if note else f"{head}{end}"
    names = _measured_columns(rows)
    cells = [[_cell(row, name) for name in names] for row in (rows if whole else some(rows))]
    curves = [
        [curve.name, code(sparkline(curve.values, _SPARK), style)]
        for curve in found.curves
        if curve.known
    ]
    tables = [table([_COLUMNS[name] for name in names], cells)]
    tables += [table(["", f"step {rows[0].step} to {rows[-1].step}"], curves)] if curves else []
    return head + "\n".join([*tables, end])


def metrics_svg(found: Metrics, style: Style = PLAIN) -> str:
    """Return the curves as a picture."""
    return curves_svg(f"{found.name} · {found.state}", found.curves, style)


def metrics_document(found: Metrics) -> dict[str, Any]:
    """Return every step as JSON."""
    readings = found.readings
    return {
        "version": VERSION,
        "job": found.name,
        "source": found.source,
        "health": str(found.health),
        "state": found.state,
        "note": readings.note,
        "skipped": readings.skipped,
        "steps": [{**step_document(r.measured), "others": dict(r.others)} for r in readings.rows],
    }


def metrics_csv(found: Metrics) -> str:
    """Return every step as CSV, with a column for each figure in any of them."""
    rows = found.readings.rows
    others = list(dict.fromkeys(key for row in rows for key in row.others))
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    first = list(step_document(rows[0].measured)) if rows else ["step"]
    out.writerow([*first, *map(_harmless, others)])
    out.writerows(_csv_row(row, others) for row in rows)
    return text.getvalue()


def _csv_row(row: Reading, others: Sequence[str]) -> list[Json]:
    own = step_document(row.measured).values()
    return [*own, *(_harmless(row.others.get(key)) for key in others)]


def _harmless(value: Json) -> Json:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    line = PLAIN.clean(value)
    return f"'{line}" if line.startswith(_FORMULA) else line
