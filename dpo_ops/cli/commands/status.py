"""`dpo-ops status`: how what the specs describe is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("status")
@with_specs
@with_target
@with_screen
def command(screen: Screen, specs: Specs, target: Target) -> int:
    """Show how what the specs in PATHS describe is doing: its health and its remote id.

    Of a job that trains, the last step is shown too; with -v, also of one that is done.
    """
    from dpo_ops import reporters
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import in_account, load
    from dpo_ops.cli.measuring import measured
    from dpo_ops.cli.results import show, warn
    from dpo_ops.observer import observe

    desired = load(screen, specs)
    with account(screen, target, desired.account, read_only=True) as client:
        wanted = in_account(desired, client)
        seen = observe(client, wanted)
        trained = measured(client, wanted, seen, also_done=screen.verbose)
        found = reporters.status_of(wanted, seen, trained)
    warn(screen, desired.warnings)
    style = screen.data_style()
    show(
        screen,
        text=lambda: reporters.status_text(found, style),
        markdown=lambda: reporters.status_markdown(found, style),
        document=lambda: reporters.status_document(found),
    )
    return DONE
