"""What came of a plan: what was done, what was held, what answers, how the training went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.planner.approval import NOW, PLANNED, STALE
from dpo_ops.reporters.ending import APPLIED, WORDS, Ending, headline, hints
from dpo_ops.reporters.markdown import Section, cut_table, fenced, folded, size
from dpo_ops.reporters.measured import latest
from dpo_ops.reporters.pull.body import BRIEF, Body, Extent
from dpo_ops.reporters.pull.charts import charts
from dpo_ops.reporters.pull.status import OUTCOME
from dpo_ops.reporters.pull.words import name, said, titled_name
from dpo_ops.reporters.report_markdown import outputs_table
from dpo_ops.reporters.report_text import TIMED, why
from dpo_ops.reporters.style import PLAIN, Style, count, elapsed, elide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.errors import Finding
    from dpo_ops.executor.events import Answered, Ended, Report
    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.measured import Readings
    from dpo_ops.resource import Address

_HEAD = ("", "resource", "outcome", "id", "waited", "")
_SYMBOLS = {
    "done": "✅",
    "in-sync": "✅",
    "failed": "❌",
    "blocked": "⛔",
    "skipped": "⚪",
    "still-running": "🟣",
    "not-started": "⚪",
}
_URGENCY = ("failed", "blocked", "skipped", "not-started", "still-running", "done")
_ANSWERS, _CURVES, _OUTPUTS = 1, 2, 3
_LISTED = 5_000
_LONGEST = 300
_FENCES = 2 * _LONGEST + 200  # A text may be nothing but backticks.
_WHY = "all of it is in the job's summary"


def outcome(
    report: Report,
    ending: Ending = APPLIED,
    readings: Mapping[Address, Readings] | None = None,
    style: Style = PLAIN,
    *,
    limit: int = OUTCOME,
) -> str:
    """Return what was done as Markdown of at most `limit` bytes, for the status block."""
    made = parts(report, ending, readings or {}, BRIEF, style)
    return made.fitted("", "", why=_WHY, limit=limit)


def held(plan: Plan, style: Style = PLAIN, *, limit: int = OUTCOME) -> str:
    """Return each change that is not the one that was reviewed: as it was, and as it would be."""
    text = _held(plan, limit, style)
    return text or "Nothing is held.\n"


def parts(
    report: Report,
    ending: Ending,
    readings: Mapping[Address, Readings],
    extent: Extent,
    style: Style,
) -> Body:
    """Return how it ended, of which `extent` says how much is shown."""
    next_ = [said(hint.said, style) for hint in hints(report, ending)[:3]]
    made = Body(" ".join([f"**{headline(report, ending)}**", *next_]) + "\n", [])
    listed = min(extent.listed, _LISTED) if extent.rows else extent.listed
    ends = [end for end in report.ended if end.outcome != "in-sync"]
    ends.sort(key=lambda end: _URGENCY.index(end.outcome))
    rows = [_row(end, style) for end in ends[: extent.rows]]
    if rows:
        more = len(ends) - len(rows)
        made.sections.append(Section(cut_table(_HEAD, rows, limit=listed, more=more)))
    if stale := _held(report.plan, listed, style):
        made.sections.append(Section(stale))
    made.add(report.answers, extent, lambda answer: Section(_answer(answer, style), _ANSWERS))
    drawn = [(address, read, text) for address, read in readings.items() if (text := charts(read))]
    made.add(drawn, extent, lambda one: _curves(*one, style))
    if report.outputs:
        text = folded("Names to use", outputs_table(report, style, listed))
        made.sections.append(Section(text, _OUTPUTS))
    return made


def _row(end: Ended, style: Style) -> tuple[str, ...]:
    waited = elapsed(end.waited) if end.waited >= 1 and end.outcome in TIMED else ""
    word, text = WORDS[end.outcome], said(why(end), style)
    return (
        _SYMBOLS[end.outcome],
        name(end.address, style),
        word,
        name(end.id, style),
        waited,
        text,
    )


def _held(plan: Plan, limit: int, style: Style) -> str:
    stale = [(c, f) for c in plan.blocked for f in c.blocked if f.rule == STALE]
    if not stale:
        return ""
    what = f"{count(len(stale), 'change')} held: not what was reviewed"
    start = f"**{what}.** To have it done: {said(stale[0][1].fix, style)}.\n\n"
    lines: list[str] = []
    left = limit - size(start) - _FENCES
    for number, (change, finding) in enumerate(stale):
        told = list(_before_and_after(change, finding, style))
        left -= sum(size(line) + 1 for line in told)
        if left < 0:
            lines.append(f"  and {len(stale) - number:,} more")
            break
        lines += told
    return start + fenced(lines, "diff")


def _before_and_after(change: Change, finding: Finding, style: Style) -> Iterator[str]:
    """Yield the lines of one held change: what was reviewed, and what it would be now."""
    yield f"@@ {elide(style.clean(change.address), 100)} @@"
    before, between, after = finding.why.removeprefix(PLANNED).partition(NOW)
    if not between:
        yield f"  {elide(style.clean(finding.why or finding.what), _LONGEST)}"
        return
    yield f"- {elide(style.clean(before), _LONGEST)}"
    yield f"+ {elide(style.clean(after), _LONGEST)}"


def _answer(answer: Answered, style: Style) -> str:
    asked, text = said(answer.prompt, style), said(answer.answer, style)
    who = name(answer.address, style)
    return f"{who} was asked:\n\n> {asked}\n\nand answered:\n\n> {text}\n"


def _curves(address: Address, read: Readings, drawn: str, style: Style) -> Section:
    told = f": {latest(read.last)}" if read.last else ""
    return Section(folded(f"How {titled_name(address, style)} learned{told}", drawn), _CURVES)
