"""`dpo-ops drift`: what changed behind the specs' back. Reads, and can't write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("drift")
@with_specs
@with_target
@with_screen
def command(screen: Screen, specs: Specs, target: Target) -> int:
    """Show what the account holds otherwise than the specs in PATHS left it.

    What the specs say that was not applied yet is shown, but is no drift. Drift that the Stack
    accepts is shown with who accepts it until when, and does not count.

    A deployment that was purged leaves no trace in the account. It counts as missing where all
    that it needs is there and a commit before the one checked out described it already.

    Exit codes: 0 nothing has drifted, 1 error, 2 something has.
    """
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import load
    from dpo_ops.cli.drifting import look, today
    from dpo_ops.cli.endings import CHANGES, DONE
    from dpo_ops.cli.results import show, warn
    from dpo_ops.reporters.drift import drift_document, drift_findings, drift_markdown, drift_text

    desired = load(screen, specs)
    with account(screen, target, desired.account, read_only=True) as client:
        found = look(screen, specs, client, desired, today())
    warn(screen, [*desired.warnings, *found.doubts])
    style = screen.data_style()
    show(
        screen,
        text=lambda: drift_text(found, style),
        markdown=lambda: drift_markdown(found, style),
        document=lambda: drift_document(found),
        findings=drift_findings(found, desired.state),
    )
    return CHANGES if found.found else DONE
