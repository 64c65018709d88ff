"""What a step of a workflow hands on to later steps, and how it is written to GITHUB_OUTPUT."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from dpo_ops.kinds.pricing import Per
from dpo_ops.planner import fingerprint
from dpo_ops.planner.spending import spending
from dpo_ops.reporters.plan_words import Mark, marks
from dpo_ops.reporters.pull.outcome import STALE
from dpo_ops.reporters.pull.words import trained
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.executor.events import Report
    from dpo_ops.planner import Plan

_COUNTED = (Mark.CREATE, Mark.UPDATE, Mark.REPLACE, Mark.DELETE)
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_ASKED = "/inference/v1/chat/completions"


def plan_outputs(plan: Plan) -> dict[str, str]:
    """Return what a plan comes to; costs are US dollars of training, empty where not known."""
    counted = list(marks(plan).values())
    low, high = _cost(plan)
    return {
        "changes": _flag(on=not plan.in_sync),
        **{str(mark): str(counted.count(mark)) for mark in _COUNTED},
        "retrain": str(len(trained(plan))),
        "cost-low": low,
        "cost-high": high,
        "fingerprint": fingerprint(plan),
    }


def _cost(plan: Plan) -> tuple[str, str]:
    jobs = trained(plan)
    found = spending(jobs, Per.JOB)
    # What trains on one's own compute costs nothing here; the others do, whether known or not.
    unknown = found.unknown or any(job.kind.paid and job.cost is None for job in jobs)
    low = "" if found.low is None or (unknown and not found.low) else f"{found.low:.4f}"
    return low, "" if unknown or found.high is None else f"{found.high:.4f}"


def report_outputs(report: Report, *, base_url: str = "") -> dict[str, str]:
    """Return how an apply ended; with a `base_url`, where the first deployment can be asked."""
    running = report.left or _any(report, "still-running")
    outputs = qualify(dict(report.outputs), report.plan.account)
    asked = any("requestModel" in values for values in outputs.values())
    return {
        "in-progress": _flag(on=running),
        "failure-reason": _reason(report, running=running),
        "outputs-json": json.dumps(outputs, separators=(",", ":"), sort_keys=True),
        "url": f"{base_url.rstrip('/')}{_ASKED}" if base_url and asked else "",
    }


def _reason(report: Report, *, running: bool) -> str:
    rules = {finding.rule for change in report.plan.blocked for finding in change.blocked}
    if _any(report, "failed"):
        return "apply-failed"
    if STALE in rules:
        return "plan-changed"
    if "max-cost" in rules:
        return "cost-blocked"
    if _any(report, "blocked"):
        return "blocked"
    if running:
        return "still-running"
    return "apply-failed" if report.exit_code else ""


def _any(report: Report, outcome: str) -> bool:
    return any(end.outcome == outcome for end in report.ended)


def _flag(*, on: bool) -> str:
    return "true" if on else "false"


def output_lines(values: Mapping[str, str], random: str) -> str:
    """Return outputs as GITHUB_OUTPUT takes them, each between two lines that no value holds.

    `random` is text that whoever wrote the values could not know, such as 32 hex digits.

    Raises:
        ValueError: a name is none that an action may declare.
    """
    return "".join(_lines(values, random))


def _lines(values: Mapping[str, str], random: str) -> Iterator[str]:
    mark = "dpo_ops_" + re.sub(r"[^A-Za-z0-9]", "", random)
    while any(mark in value for value in values.values()):
        mark += "_"
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an output")
        yield f"{name}<<{mark}\n{value}\n{mark}\n"
