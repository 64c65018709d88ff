"""`dpo-ops validate`: are the specs right? Offline, and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE, ERROR
from dpo_ops.cli.options import Specs, with_screen, with_specs
from dpo_ops.errors import Finding, Place, Severity, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.cli.screen import Screen


@click.command("validate")
@with_specs
@click.option(
    "--schema-only",
    is_flag=True,
    help="Hold each document against the schema alone; what is named and no spec is passed over.",
)
@with_screen
def command(screen: Screen, specs: Specs, *, schema_only: bool) -> int:
    """Check the specs in PATHS (files or folders; `specs` by default).

    Needs no key and no network. Shows everything that is wrong, not just the first.
    """
    if schema_only:
        from dpo_ops.cli.desired import hide_secrets
        from dpo_ops.loader.alone import check_alone

        hide_secrets(screen, specs)
        files, documents, findings = check_alone(specs.paths)
        return _print(screen, files, documents, findings, "document")
    from dpo_ops.cli.desired import load

    try:
        desired = load(screen, specs)
    except SpecError as error:
        return _print(screen, _files(error.findings), 0, error.findings)
    return _print(screen, list(map(str, desired.files)), len(desired.state), desired.warnings)


def _print(
    screen: Screen,
    files: Sequence[str],
    resources: int,
    findings: Sequence[Finding],
    noun: str = "resource",
) -> int:
    from dpo_ops import reporters
    from dpo_ops.cli.results import show

    style = screen.data_style()
    show(
        screen,
        text=lambda: reporters.checked_text(files, resources, findings, style, noun=noun),
        markdown=lambda: reporters.findings_markdown(files, resources, findings, style, noun=noun),
        document=lambda: reporters.findings_document(files, findings),
        findings=findings,
    )
    return ERROR if any(f.severity is Severity.ERROR for f in findings) else DONE


def _files(findings: Sequence[Finding]) -> list[str]:
    return sorted({f.where.file for f in findings if isinstance(f.where, Place)})
