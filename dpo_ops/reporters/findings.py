"""Findings for a terminal: `file:line:column: what · why · what to do`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Severity
from dpo_ops.reporters.style import PLAIN, Style, Tone, count, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TONES = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.CHANGE}


def findings_text(findings: Sequence[Finding], style: Style = PLAIN) -> str:
    """Return every finding, in the order they came, for reading."""
    lines = (line for finding in findings for line in finding_lines(finding, style))
    return "".join(f"{line}\n" for line in lines)


def finding_lines(finding: Finding, style: Style, *, indent: str = "") -> Iterator[str]:
    """Yield the lines of one finding; its place begins the first, so that editors find it."""
    severity = f"{finding.severity}:"
    painted = style.paint(severity, _TONES[finding.severity])
    head = f"{indent}{style.clean(finding.where)}: "
    # Wrapped as if it were not painted, so that colour changes no line.
    first, *more = wrap(
        sentence(finding, style), style.width, first=f"{head}{severity} ", rest=f"{indent}    "
    )
    yield head + painted + first[len(head) + len(severity) :]
    yield from more


def sentence(finding: Finding, style: Style) -> str:
    """Return what is wrong, why, and what to do, on one line."""
    parts = (style.clean(part) for part in (finding.what, finding.why, finding.fix))
    rule = f" [{style.clean(finding.rule)}]" if finding.rule else ""
    return " · ".join(part for part in parts if part) + rule


def tally(findings: Sequence[Finding]) -> str:
    """Return `2 errors, 1 warning`, or nothing where there is no finding."""
    counts = (
        (sum(f.severity is severity for f in findings), severity.value) for severity in Severity
    )
    return ", ".join(count(number, word) for number, word in counts if number)


def checked_text(
    files: Sequence[str],
    resources: int,
    findings: Sequence[Finding],
    style: Style = PLAIN,
    *,
    noun: str = "resource",
) -> str:
    """Return the result of validation: the findings, then one line that says how it went."""
    found = tally(findings)
    wrong = any(f.severity is Severity.ERROR for f in findings)
    if wrong:
        end = style.paint(f"Not valid: {found}.", Tone.BAD)
    else:
        what = f"{count(resources, noun)} in {count(len(files), 'file')}"
        end = style.paint("Valid:", Tone.GOOD) + f" {what}" + (f", {found}." if found else ".")
    return findings_text(findings, style) + end + "\n"
