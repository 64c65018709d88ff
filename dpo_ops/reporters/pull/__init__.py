"""What a plan, and what came of it, look like on a pull request. Pure: strings in, strings out."""

from __future__ import annotations

from dpo_ops.reporters.pull.comment import comment
from dpo_ops.reporters.pull.header import belongs, header_line, header_of, is_signed, signed
from dpo_ops.reporters.pull.issue import drift_issue, is_drift_issue
from dpo_ops.reporters.pull.outcome import held, outcome
from dpo_ops.reporters.pull.outputs import output_lines, plan_outputs, report_outputs
from dpo_ops.reporters.pull.status import status_line, with_status
from dpo_ops.reporters.pull.subject import DataChange, Header, Invalid, Proposal, Stage, Status
from dpo_ops.reporters.pull.summary import step_summary, summary

__all__ = [
    "DataChange",
    "Header",
    "Invalid",
    "Proposal",
    "Stage",
    "Status",
    "belongs",
    "comment",
    "drift_issue",
    "header_line",
    "header_of",
    "held",
    "is_drift_issue",
    "is_signed",
    "outcome",
    "output_lines",
    "plan_outputs",
    "report_outputs",
    "signed",
    "status_line",
    "step_summary",
    "summary",
    "with_status",
]
