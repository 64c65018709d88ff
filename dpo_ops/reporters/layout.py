"""What `fmt` found or did: which files, and how they differ."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.reporters.documents import VERSION, finding_document
from dpo_ops.reporters.findings import findings_text, tally
from dpo_ops.reporters.markdown import code, fenced, fitted, folded
from dpo_ops.reporters.plan_markdown import findings_row
from dpo_ops.reporters.shapes import FINDING, TEXT, list_of, published, record
from dpo_ops.reporters.style import PLAIN, Style, Tone, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LAYOUT_SCHEMA = published(
    "fmt",
    {
        "written": {"type": "boolean", "description": "whether the files were changed"},
        "files": list_of(
            record(
                {
                    "file": TEXT,
                    "changes": {"type": "boolean", "description": "whether it was not formatted"},
                    "diff": {**TEXT, "description": "empty unless asked for by --diff"},
                }
            )
        ),
        "findings": list_of(FINDING),
    },
)
_MARKS = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.QUIET}


@dataclass(frozen=True, slots=True)
class Laid:
    """One file: its text before and after, and the first line that differs, counted from 1."""

    file: str
    line: int
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether the layout changes it."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class LaidOut:
    """All files and what is wrong with others. `written`: they were changed; else they would be.

    `diff` says that the differences are to be shown.
    """

    files: Sequence[Laid]
    findings: Sequence[Finding]
    written: bool
    diff: bool


def layout_text(found: LaidOut, style: Style = PLAIN) -> str:
    """Return the findings, the differences or the names of files, and one line that sums up."""
    lines = [findings_text(found.findings, style)]
    for laid in _changing(found):
        if found.diff:
            lines += [f"{_painted(line, style)}\n" for line in _diff(laid, style)]
        else:
            verb = "formatted" if found.written else "would format"
            lines.append(f"{style.paint(verb, Tone.CHANGE)} {style.clean(laid.file)}\n")
    return "".join(lines) + f"{_summary(found, style)}\n"


def layout_markdown(found: LaidOut, style: Style = PLAIN) -> str:
    """Return the same as Markdown."""
    parts = [findings_row(finding, style) for finding in found.findings]
    for laid in _changing(found):
        if found.diff:
            title = f"<code>{_html(style.clean(laid.file))}</code>"
            parts.append(folded(title, fenced(_diff(laid, style), "diff")))
        else:
            parts.append(f"- {code(laid.file, style)}\n")
    start = f"### dpo-ops fmt\n\n**{_summary(found, PLAIN)}**\n"
    return fitted(start, parts, "", what="files")


def layout_document(found: LaidOut) -> dict[str, Any]:
    """Return the same as a JSON value."""
    files = [
        {
            "file": laid.file,
            "changes": laid.changes,
            "diff": "".join(f"{line}\n" for line in _lines(laid)) if found.diff else "",
        }
        for laid in found.files
    ]
    findings = [finding_document(finding) for finding in found.findings]
    return {"version": VERSION, "written": found.written, "files": files, "findings": findings}


def layout_findings(found: LaidOut) -> tuple[Finding, ...]:
    """Return what is wrong, and a warning for each file that is not formatted."""
    if found.written:
        return tuple(found.findings)
    fix = "run `dpo-ops fmt`"
    warnings = (
        Finding(
            Place(laid.file, laid.line), "is not formatted", "", fix, "layout", Severity.WARNING
        )
        for laid in _changing(found)
    )
    return (*found.findings, *warnings)


def _changing(found: LaidOut) -> list[Laid]:
    return [laid for laid in found.files if laid.changes]


def _summary(found: LaidOut, style: Style) -> str:
    new, old = len(_changing(found)), len(found.files) - len(_changing(found))
    verb = "formatted" if found.written else "would be formatted"
    said = [f"{count(new, 'file')} {verb}"] if new else []
    said += [f"{count(old, 'file')} formatted already"] if old else []
    said += [tally(found.findings)] if found.findings else []
    tone = Tone.BAD if found.findings else Tone.CHANGE if new else Tone.GOOD
    return style.paint((", ".join(said) or "No spec files") + ".", tone)


def _lines(laid: Laid) -> Iterator[str]:
    """Yield the lines of a unified diff, without their ends."""
    names = f"a/{laid.file}", f"b/{laid.file}"
    for line in difflib.unified_diff(_split(laid.before), _split(laid.after), *names):
        yield line.removesuffix("\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _split(text: str) -> list[str]:
    """Return lines with their ends; only LF ends one, for a diff must show that a CR goes."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]


def _diff(laid: Laid, style: Style) -> Iterator[str]:
    """Yield the lines of a diff, without what could act on a terminal, and without secrets."""
    return (style.mask("".join(map(_visible, line))) for line in _lines(laid))


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _painted(line: str, style: Style) -> str:
    if line.startswith(("--- ", "+++ ")):
        return style.paint(line, Tone.STRONG)
    return style.paint(line, _MARKS.get(line[:1], Tone.PLAIN))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
