"""A failure for a terminal: what, where, why and what to do, in that order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import ApiError, DpoOpsError, SpecError
from dpo_ops.reporters.findings import findings_text
from dpo_ops.reporters.markdown import defused
from dpo_ops.reporters.plan_markdown import findings_row
from dpo_ops.reporters.style import PLAIN, Style, Tone, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator


def error_text(error: DpoOpsError, style: Style = PLAIN) -> str:
    """Return a failure for reading; the findings of specs come first."""
    found = findings_text(error.findings, style) if isinstance(error, SpecError) else ""
    return found + "".join(f"{line}\n" for line in _lines(error, style))


def error_markdown(error: DpoOpsError, style: Style = PLAIN) -> str:
    """Return a failure as Markdown."""
    parts = (defused(part, style) for part in (_where(error), error.why, error.fix))
    said = " · ".join(part for part in parts if part)
    found = error.findings if isinstance(error, SpecError) else ()
    rows = "".join(findings_row(finding, style) for finding in found)
    head = f"### dpo-ops: error\n\n**{defused(error.what, style)}**"
    return head + (f" · {said}" if said else "") + "\n" + (f"\n{rows}" if rows else "")


def _lines(error: DpoOpsError, style: Style) -> Iterator[str]:
    painted = style.paint("error:", Tone.BAD)
    # Wrapped as if it were not painted, so that colour changes no line.
    first, *more = wrap(style.clean(error.what), style.width, first="error: ", rest="  ")
    yield first.replace("error:", painted, 1)
    yield from more
    for label, text in (("where", _where(error)), ("why", error.why), ("do", error.fix)):
        if text:
            start = f"  {label + ':':<7}"
            yield from wrap(style.clean(text), style.width, first=start, rest=" " * len(start))


def _where(error: DpoOpsError) -> str:
    asked = (
        f" (request {error.request_id})" if isinstance(error, ApiError) and error.request_id else ""
    )
    return error.where + asked
