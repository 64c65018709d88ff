"""Print what a command found, in the format that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops import reporters
from dpo_ops.cli.screen import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dpo_ops.cli.screen import Screen
    from dpo_ops.errors import Finding


def show(
    screen: Screen,
    *,
    text: Callable[[], str],
    markdown: Callable[[], str],
    document: Callable[[], Mapping[str, Any]],
    html: Callable[[], str] | None = None,
    findings: Sequence[Finding] = (),
) -> None:
    """Write the one form of a result that is asked for to standard output."""
    match screen.format:
        case Format.TEXT:
            screen.data(text())
        case Format.JSON:
            screen.data(reporters.json_text(document()))
        case Format.MARKDOWN:
            screen.data(markdown())
        case Format.HTML:
            assert html  # noqa: S101  -- a command without a page does not offer the format
            screen.data(html())
        case Format.GITHUB:
            screen.data(markdown())
            screen.annotate(reporters.workflow_commands(findings, screen.style()))


def warn(screen: Screen, findings: Sequence[Finding]) -> None:
    """Show what the loader warns of, where the result itself has no place for it."""
    if screen.format is Format.GITHUB:
        screen.annotate(reporters.workflow_commands(findings, screen.style()))
    else:
        screen.say(reporters.findings_text(findings, screen.style()))
