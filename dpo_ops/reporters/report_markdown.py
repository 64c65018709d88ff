"""How an apply ended, as Markdown for a job's summary or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.reporters.ending import APPLIED, WORDS, Ending, headline, hints
from dpo_ops.reporters.markdown import LIMIT, code, cut_table, defused, fitted
from dpo_ops.reporters.report_text import TIMED, why
from dpo_ops.reporters.style import PLAIN, Style, elapsed
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from dpo_ops.executor.events import Answered, Ended, Report


def report_markdown(
    report: Report, style: Style = PLAIN, *, ending: Ending = APPLIED, limit: int = LIMIT
) -> str:
    """Return how it ended as Markdown of at most about `limit` bytes."""
    changed = [end for end in report.ended if end.outcome != "in-sync"]
    rows = [_row(end, style) for end in changed]
    head = ("resource", "outcome", "id", "waited", "")
    sections = [cut_table(head, rows, limit=limit // 2)] if rows else []
    sections += [_answer(answer, style) for answer in report.answers]
    sections += [outputs_table(report, style, limit // 4)] if report.outputs else []
    where = f"account {code(report.plan.account, style)}, stack {code(report.plan.stack, style)}"
    next_ = (f"{defused(h.said, style)} {code(h.command, style)}" for h in hints(report, ending))
    said = " ".join([f"**{headline(report, ending)}**", *map(str.strip, next_)])
    name = "destroy" if ending.removal else "apply"
    start = f"### dpo-ops {name} · {where}\n\n{said}\n"
    return fitted(start, sections, "", what="sections", limit=limit)


def _row(end: Ended, style: Style) -> tuple[str, ...]:
    waited = elapsed(end.waited) if end.waited >= 1 and end.outcome in TIMED else ""
    word = WORDS[end.outcome]
    return code(end.address, style), word, code(end.id, style), waited, defused(why(end), style)


def _answer(answer: Answered, style: Style) -> str:
    asked, said = defused(answer.prompt, style), defused(answer.answer, style)
    return f"{code(answer.address, style)} was asked:\n\n> {asked}\n\nand answered:\n\n> {said}\n"


def outputs_table(report: Report, style: Style, limit: int) -> str:
    """Return the names that others need as a table of at most about `limit` bytes."""
    rows = [
        (code(f"{address}.{key}", style), code(value, style))
        for address, values in report.outputs.items()
        for key, value in qualify(values, report.plan.account).items()
        if value is not None
    ]
    return cut_table(("output", "value"), rows, limit=limit)
