"""What is said about files of pairs. Apart from the rest: most commands do without it."""

from __future__ import annotations

from dpo_ops.reporters.pairs_check import Checked, CheckedFile, check_markdown, check_text
from dpo_ops.reporters.pairs_documents import (
    check_document,
    cost_document,
    diff_document,
    import_document,
    rules_document,
    split_document,
    stats_document,
)
from dpo_ops.reporters.pairs_html import check_html, diff_html, stats_html
from dpo_ops.reporters.pairs_markdown import cost_markdown, diff_markdown, stats_markdown
from dpo_ops.reporters.pairs_sarif import sarif_document
from dpo_ops.reporters.pairs_text import cost_text, diff_text, stats_text

__all__ = [
    "Checked",
    "CheckedFile",
    "check_document",
    "check_html",
    "check_markdown",
    "check_text",
    "cost_document",
    "cost_markdown",
    "cost_text",
    "diff_document",
    "diff_html",
    "diff_markdown",
    "diff_text",
    "import_document",
    "rules_document",
    "sarif_document",
    "split_document",
    "stats_document",
    "stats_html",
    "stats_markdown",
    "stats_text",
]
