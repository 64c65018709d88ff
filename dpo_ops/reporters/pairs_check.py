"""Findings in files of pairs: for a terminal with the text they are about, and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.reporters.findings import finding_lines, tally
from dpo_ops.reporters.markdown import LIMIT, code, cut_table, fitted
from dpo_ops.reporters.plan_markdown import findings_row
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.pairs.excerpts import Excerpt

_INDENT = "    "
_MORE = "…"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file that was checked: `digest` is the sha256 hex of its bytes, `size` counts them."""

    path: str
    rows: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in some files of pairs, and the text at the places of the findings."""

    files: tuple[CheckedFile, ...]
    findings: tuple[Finding, ...]
    excerpts: Mapping[Place, Excerpt] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def rows(self) -> int:
        """How many rows the files have together."""
        return sum(file.rows for file in self.files)


def check_text(found: Checked, style: Style = PLAIN) -> str:
    """Return every finding with a mark below the text it is about, then how it went."""
    return "".join(f"{line}\n" for line in _lines(found, style))


def _lines(found: Checked, style: Style) -> Iterator[str]:
    for finding in found.findings:
        yield from finding_lines(finding, style)
        if isinstance(finding.where, Place) and finding.where in found.excerpts:
            yield from marked(found.excerpts[finding.where], style)
    head, rest = verdict(found)
    tone = Tone.BAD if found.wrong else Tone.GOOD
    yield style.paint(head, tone) + rest


def verdict(found: Checked) -> tuple[str, str]:
    """Return how a check went, in a word or two and then in numbers."""
    what = f"{count(found.rows, 'row')} in {count(len(found.files), 'file')}"
    said = tally(found.findings)
    if found.wrong:
        return "Not good:", f" {said}; {what}."
    return "Good:", f" {what}" + (f", {said}." if said else ".")


def marked(excerpt: Excerpt, style: Style) -> Iterator[str]:
    """Yield the text around a place on one line, and a mark below the place."""
    room = style.width - len(_INDENT)
    left = kept_edge(excerpt.left, style)
    right = style.clean(excerpt.right)
    # As much of the left as leaves the place in the middle at most.
    cut_left, kept = excerpt.cut_left, left
    while cells(kept) > room // 2:
        cut_left, kept = True, kept[1:]
    start = _MORE if cut_left else ""
    line = start + kept + right
    cut_right = excerpt.cut_right or cells(line) > room
    while cells(line) > room - cut_right:
        line = line[:-1]
    yield _INDENT + style.paint(line + (_MORE if cut_right else ""), Tone.QUIET)
    yield _INDENT + " " * cells(start + kept) + style.paint("^", Tone.BAD)


def kept_edge(text: str, style: Style) -> str:
    """Return clean text; a space at its end stays, so that the mark stands where it should."""
    clean = style.clean(text)
    return f"{clean} " if clean and text[-1:].isspace() else clean


def check_markdown(found: Checked, style: Style = PLAIN) -> str:
    """Return what was found as Markdown."""
    said = "".join(verdict(found))
    files = cut_table(
        ("file", "rows", "sha256"),
        [(code(f.path, style), f"{f.rows:,}", code(f.digest[:12], style)) for f in found.files],
        limit=LIMIT // 4,
    )
    rows = [findings_row(finding, style) for finding in found.findings]
    return fitted(f"### dpo-ops pairs check\n\n**{said}**\n\n{files}", rows, "", what="findings")
