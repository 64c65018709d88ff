"""Say what the stages found: plans, reports and findings as text, JSON and Markdown.

The law of this package: every function is pure and returns strings or JSON values. Nothing is
printed, nothing is read, and the client is never imported. Text from specs, data or the server
is hostile until `Style.clean` or `markdown.defused` has seen it.
"""

from __future__ import annotations

from dpo_ops.reporters.documents import (
    error_document,
    findings_document,
    json_text,
    outputs_document,
    report_document,
    status_document,
)
from dpo_ops.reporters.ending import Carry, Ending, Hint
from dpo_ops.reporters.errors import error_markdown, error_text
from dpo_ops.reporters.findings import checked_text, findings_text
from dpo_ops.reporters.github import findings_markdown, workflow_commands
from dpo_ops.reporters.measured import Reading, Readings, latest, read_metrics, step_of
from dpo_ops.reporters.outputs import (
    missing_text,
    outputs_markdown,
    outputs_of,
    outputs_text,
    with_outputs,
)
from dpo_ops.reporters.plan_markdown import plan_markdown
from dpo_ops.reporters.plan_text import plan_text
from dpo_ops.reporters.report_markdown import report_markdown
from dpo_ops.reporters.report_text import report_text, why
from dpo_ops.reporters.status import status_markdown, status_of, status_text
from dpo_ops.reporters.style import PLAIN, Style, Tone, elapsed

__all__ = [
    "PLAIN",
    "Carry",
    "Ending",
    "Hint",
    "Reading",
    "Readings",
    "Style",
    "Tone",
    "checked_text",
    "elapsed",
    "error_document",
    "error_markdown",
    "error_text",
    "findings_document",
    "findings_markdown",
    "findings_text",
    "json_text",
    "latest",
    "missing_text",
    "outputs_document",
    "outputs_markdown",
    "outputs_of",
    "outputs_text",
    "plan_markdown",
    "plan_text",
    "read_metrics",
    "report_document",
    "report_markdown",
    "report_text",
    "status_document",
    "status_markdown",
    "status_of",
    "status_text",
    "step_of",
    "why",
    "with_outputs",
    "workflow_commands",
]
