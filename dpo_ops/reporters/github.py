"""Findings as GitHub's workflow commands, which show them beside the line they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.reporters.findings import sentence
from dpo_ops.reporters.markdown import fitted
from dpo_ops.reporters.plan_markdown import findings_row
from dpo_ops.reporters.style import PLAIN, Style, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 10
"""GitHub shows ten annotations of a severity a step, and drops the others silently."""

# A value could otherwise end its property, its command or its line.
_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def workflow_commands(findings: Sequence[Finding], style: Style = PLAIN) -> str:
    """Return the commands for at most ten errors and ten warnings, and how many more there are."""
    return "".join(f"{line}\n" for line in _commands(findings, style))


def _commands(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    left = []
    for severity in Severity:
        of_it = [finding for finding in findings if finding.severity is severity]
        yield from (_command(finding, style) for finding in of_it[:MOST])
        left += [count(len(of_it) - MOST, severity.value)] if len(of_it) > MOST else []
    if left:
        # A notice: an eleventh error would not be shown.
        yield f"::notice title=dpo-ops::and {' and '.join(left)} more"


def _command(finding: Finding, style: Style) -> str:
    properties = {**_where(finding, style), "title": style.clean(finding.rule or "dpo-ops")}
    said = ",".join(f"{key}={_escaped(v, _IN_PROPERTY)}" for key, v in properties.items())
    message = sentence(finding, style)
    if not isinstance(finding.where, Place):
        message = f"{style.clean(finding.where)}: {message}"
    return f"::{finding.severity} {said}::{_escaped(message, _IN_MESSAGE)}"


def _where(finding: Finding, style: Style) -> dict[str, str]:
    if not isinstance(finding.where, Place):
        return {}
    place = finding.where
    return {"file": style.clean(place.file), "line": str(place.line), "col": str(place.column)}


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)


def findings_markdown(
    files: Sequence[str],
    resources: int,
    findings: Sequence[Finding],
    style: Style = PLAIN,
    *,
    noun: str = "resource",
) -> str:
    """Return the result of validation as Markdown."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    what = f"{count(resources, noun)} in {count(len(files), 'file')}"
    headline = f"**Not valid: {count(errors, 'error')}.**" if errors else f"**Valid:** {what}."
    rows = [findings_row(finding, style) for finding in findings]
    return fitted(f"### dpo-ops validate\n\n{headline}\n", rows, "", what="findings")
