"""The full text for a job's summary: no header, no status, and room for a whole MiB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.ending import APPLIED, Ending
from dpo_ops.reporters.pull.body import body, whole
from dpo_ops.reporters.pull.outcome import parts
from dpo_ops.reporters.pull.words import name
from dpo_ops.reporters.style import PLAIN, Style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.executor.events import Report
    from dpo_ops.reporters.measured import Readings
    from dpo_ops.reporters.pull.subject import Invalid, Proposal
    from dpo_ops.resource import Address

LIMIT: Final = 1_000_000
"""Bytes; GitHub takes a summary of 1 MiB a step, and drops a longer one."""
_WHY = "too long for a summary; the plan's file holds all"


def summary(about: Proposal | Invalid, style: Style = PLAIN, *, limit: int = LIMIT) -> str:
    """Return all that there is to say about a plan, in at most `limit` bytes."""
    return body(about, whole(limit), style).fitted("", "", why=_WHY, limit=limit)


def step_summary(
    report: Report,
    ending: Ending = APPLIED,
    readings: Mapping[Address, Readings] | None = None,
    style: Style = PLAIN,
    *,
    limit: int = LIMIT,
) -> str:
    """Return how an apply ended, in at most `limit` bytes."""
    made = parts(report, ending, readings or {}, whole(limit), style)
    made.start = f"{_title(report, ending, style)}\n{made.start}"
    return made.fitted("", "", why="too long for a summary", limit=limit)


def _title(report: Report, ending: Ending, style: Style) -> str:
    what = "destroy" if ending.removal else "apply"
    where = f"account {name(report.plan.account, style)}, stack {name(report.plan.stack, style)}"
    return f"### dpo-ops {what} · {where}\n"
