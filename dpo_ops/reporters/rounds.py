"""What one round of `reconcile --every` came to: a line for a log, a document for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import DpoOpsError, SpecError
from dpo_ops.planner import fingerprint
from dpo_ops.reporters.documents import VERSION, error_document, report_document
from dpo_ops.reporters.ending import APPLIED, WORDS, Ending
from dpo_ops.reporters.style import elapsed

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

    from dpo_ops.executor.events import Report

_FAILED = ("failed", "blocked", "skipped")
_UNFINISHED = ("still-running", "not-started")


class Verdict(StrEnum):
    """How a round ended."""

    IN_SYNC = "in-sync"
    DONE = "done"
    RUNNING = "running"
    """Something goes on without us; the next round carries on."""
    FAILED = "failed"
    """Something failed or is blocked."""
    ERROR = "error"
    """There was no plan: broken specs, or an account that can't be seen."""


WENT_WELL = (Verdict.IN_SYNC, Verdict.DONE, Verdict.RUNNING)


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of the loop: its report, or the error that left it without one.

    `at` is when it ended, in UTC; `took_s` and `pause_s` (until the next) are in seconds.
    """

    number: int
    at: datetime
    took_s: float
    pause_s: float
    result: Report | DpoOpsError

    @property
    def report(self) -> Report | None:
        """The report, where there is one."""
        return None if isinstance(self.result, DpoOpsError) else self.result

    @property
    def error(self) -> DpoOpsError | None:
        """What left it without a report."""
        return self.result if isinstance(self.result, DpoOpsError) else None

    @property
    def verdict(self) -> Verdict:
        """How it ended."""
        return verdict_of(self.result)


def verdict_of(result: Report | DpoOpsError) -> Verdict:
    """Return what a round came to."""
    if isinstance(result, DpoOpsError):
        return Verdict.ERROR
    outcomes = {end.outcome.value for end in result.ended}
    if outcomes.intersection(_FAILED):
        return Verdict.FAILED
    if outcomes.intersection(_UNFINISHED):
        return Verdict.RUNNING
    return Verdict.DONE if "done" in outcomes else Verdict.IN_SYNC


def news_of(result: Report | DpoOpsError) -> Hashable:
    """Return a value that is the same for rounds of which the second says nothing new.

    Times, waits and request ids are no news.
    """
    if isinstance(result, SpecError):
        return tuple(map(str, result.findings))
    if isinstance(result, DpoOpsError):
        return type(result).__name__, result.what, result.where, result.why
    ended = tuple((str(end.address), end.outcome.value, end.id) for end in result.ended)
    return fingerprint(result.plan), ended, tuple(map(str, result.plan.warnings))


def round_line(round_: Round) -> str:
    """Return it in a line, such as `2026-11-20T10:00:00Z round 3: in sync, 4 resources`."""
    return f"{_time(round_.at)} round {round_.number}: {_said(round_)}"


def _said(round_: Round) -> str:
    report, next_ = round_.report, f"; next in {elapsed(round_.pause_s)}"
    if report is None:
        return f"error{next_}"
    if round_.verdict is Verdict.IN_SYNC:
        number = len(report.ended)
        return f"in sync, {number} {'resource' if number == 1 else 'resources'}{next_}"
    count = Counter(end.outcome.value for end in report.ended)
    return ", ".join(f"{count[o]} {word}" for o, word in WORDS.items() if count[o]) + next_


def round_document(round_: Round, ending: Ending = APPLIED) -> dict[str, Any]:
    """Return it as JSON; a round in which there was nothing to do has no report."""
    report, error = round_.report, round_.error
    quiet = round_.verdict is Verdict.IN_SYNC
    return {
        "version": VERSION,
        "round": round_.number,
        "at": _time(round_.at),
        "outcome": str(round_.verdict),
        "seconds": round(round_.took_s, 3),
        "next": round(round_.pause_s, 3),
        "account": report.plan.account if report else None,
        "stack": report.plan.stack if report else None,
        "resources": len(report.ended) if report else None,
        "report": report_document(report, ending) if report and not quiet else None,
        "error": error_document(error) if error else None,
    }


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
