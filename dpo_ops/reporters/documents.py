"""The same facts as JSON, each with a version; their schemas stand in `schemas`.

Within a version, fields are only ever added.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import ApiError, DpoOpsError, Finding, Place, SpecError
from dpo_ops.planner import fingerprint
from dpo_ops.reporters.curves import thinned
from dpo_ops.reporters.ending import APPLIED, Ending, headline, hints
from dpo_ops.reporters.measured import curves_of, step_document
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.executor.events import Answered, Ended, Report
    from dpo_ops.reporters.measured import Readings
    from dpo_ops.reporters.outputs import Outputs
    from dpo_ops.reporters.status import Row, Status

VERSION = 1
POINTS = 32
"""The most figures of a curve in a document that is about something else."""

# Valid inside JSON strings only, and JSON holds them nowhere else: what could move a cursor,
# turn the reading direction or be no character at all is written as an escape.
_DANGEROUS = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


def json_text(document: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """Return one JSON document for a terminal or a program, with a line end.

    Without an `indent` that line end is the only one.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    return _DANGEROUS.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def findings_document(files: Sequence[str], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the result of validation."""
    return {
        "version": VERSION,
        "files": list(files),
        "findings": [finding_document(finding) for finding in findings],
    }


def status_document(found: Status) -> dict[str, Any]:
    """Return what the account holds, one entry an address."""
    return {
        "version": VERSION,
        "account": found.account,
        "stack": found.stack,
        "resources": [_row(row) for row in found.rows],
    }


def outputs_document(found: Outputs) -> dict[str, Any]:
    """Return the outputs by address, and why others have none."""
    return {
        "version": VERSION,
        "account": found.account,
        "stack": found.stack,
        "outputs": {address: dict(values) for address, values in found.values.items()},
        "missing": dict(found.missing),
    }


def report_document(report: Report, ending: Ending = APPLIED) -> dict[str, Any]:
    """Return how an apply ended, and how it is carried on."""
    account = report.plan.account
    return {
        "version": VERSION,
        "account": account,
        "stack": report.plan.stack,
        "fingerprint": fingerprint(report.plan),
        "exitCode": report.exit_code,
        "interrupted": report.interrupted,
        "summary": headline(report, ending),
        "running": [
            {"address": str(end.address), "id": end.id, "state": end.state}
            for end in report.running
        ],
        "next": [
            {"said": hint.said, "command": hint.command or None} for hint in hints(report, ending)
        ],
        "results": [_ended(end) for end in report.ended],
        "answers": [_answer(answer, account) for answer in report.answers],
        "outputs": {a: qualify(dict(said), account) for a, said in report.outputs.items()},
    }


def error_document(error: DpoOpsError) -> dict[str, Any]:
    """Return a failure, with every finding where it has some."""
    said: dict[str, Any] = {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "fix": error.fix,
    }
    if isinstance(error, ApiError):
        said |= {"status": error.status, "requestId": error.request_id}
    found = error.findings if isinstance(error, SpecError) else ()
    return {
        "version": VERSION,
        "error": {**said, "findings": [finding_document(finding) for finding in found]},
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return one finding."""
    place = finding.where if isinstance(finding.where, Place) else None
    return {
        "where": str(finding.where),
        "place": place and {"file": place.file, "line": place.line, "column": place.column},
        "severity": str(finding.severity),
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
        "rule": finding.rule,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "address": str(row.address),
        "id": row.id or None,
        "health": str(row.health),
        "message": row.message,
        "since": row.since or None,
        "earlier": row.earlier,
        "metrics": _trained(row.readings),
    }


def _trained(readings: Readings | None) -> dict[str, Any] | None:
    if readings is None or readings.last is None:
        return None
    loss, margin, _ = (thinned(curve.values, POINTS) for curve in curves_of(readings))
    return {**step_document(readings.last), "curves": {"loss": loss, "margin": margin}}


def _ended(end: Ended) -> dict[str, Any]:
    return {
        "address": str(end.address),
        "action": str(end.action),
        "outcome": str(end.outcome),
        "id": end.id,
        "message": end.message,
        "cause": str(end.cause) if end.cause else None,
        "waited": round(end.waited, 1),
        "state": end.state,
        "findings": [finding_document(finding) for finding in end.findings],
    }


def _answer(answer: Answered, account: str) -> dict[str, Any]:
    return {
        "address": str(answer.address),
        "model": qualify(answer.model, account),
        "prompt": answer.prompt,
        "answer": answer.answer,
    }
