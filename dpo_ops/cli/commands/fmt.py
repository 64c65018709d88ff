"""`dpo-ops fmt`: one layout for spec files. Offline; nothing is rendered and nothing is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import CHANGES, DONE, ERROR
from dpo_ops.cli.options import Specs, with_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.cli.screen import Screen
    from dpo_ops.errors import Finding
    from dpo_ops.loader.layout import Layout
    from dpo_ops.reporters.layout import Laid


@click.command("fmt")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--values",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of values that lies elsewhere, to be formatted too; may be given again.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 2 if a file would change.")
@click.option("--diff", is_flag=True, help="As --check, and show what would change.")
@with_screen
def command(
    screen: Screen,
    *,
    paths: tuple[Path, ...],
    values: tuple[Path, ...],
    check: bool,
    diff: bool,
) -> int:
    """Give the spec files in PATHS (files or folders; `specs` by default) one layout.

    What they say stays the same, and each comment stays with what it is about. A file that was
    named and holds no spec is passed over, so that every changed YAML file can be named.
    """
    from dpo_ops.cli.desired import hide_secrets
    from dpo_ops.cli.results import show
    from dpo_ops.loader.layout import lay_out
    from dpo_ops.reporters import layout as reports

    specs = Specs(paths or (Path("specs"),), values)
    hide_secrets(screen, specs)
    layouts, findings = lay_out(specs.paths, specs.values)
    writes = not (check or diff)
    if writes:
        for layout in layouts:
            _write(layout)
    found = reports.LaidOut([_laid(one) for one in layouts], findings, writes, diff)
    style = screen.data_style()
    show(
        screen,
        text=lambda: reports.layout_text(found, style),
        markdown=lambda: reports.layout_markdown(found, style),
        document=lambda: reports.layout_document(found),
        findings=reports.layout_findings(found),
    )
    return _ending(layouts, findings, writes=writes)


def _ending(layouts: Sequence[Layout], findings: Sequence[Finding], *, writes: bool) -> int:
    from dpo_ops.errors import Severity

    if any(finding.severity is Severity.ERROR for finding in findings):
        return ERROR
    return CHANGES if not writes and any(one.changes for one in layouts) else DONE


def _laid(one: Layout) -> Laid:
    from dpo_ops.reporters.layout import Laid

    before, after = (text.decode("utf-8", "replace") for text in (one.before, one.after))
    return Laid(one.shown, one.line, before, after)


def _write(layout: Layout) -> None:
    """Replace a file that is not formatted, in one step, with its rights as they were."""
    from dpo_ops.pairs.atomic import written

    if not layout.changes:
        return
    mode = layout.path.stat().st_mode
    with written([layout.path], force=True) as (file,):
        os.fchmod(file.fileno(), mode & 0o7777)
        file.write(layout.after)
