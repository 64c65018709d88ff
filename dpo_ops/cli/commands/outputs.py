"""`dpo-ops outputs`: the names that others need, such as the model to request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("outputs")
@with_specs
@with_target
@with_screen
def command(screen: Screen, specs: Specs, target: Target) -> int:
    """Print the names that others need, by address: dataset, model, deployment.

    Only what is in place has outputs; what is missing is named on standard error.
    """
    from dpo_ops import reporters
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import in_account, load
    from dpo_ops.cli.results import show, warn
    from dpo_ops.observer import observe

    desired = load(screen, specs)
    with account(screen, target, desired.account, read_only=True) as client:
        wanted = in_account(desired, client)
        found = reporters.outputs_of(wanted, observe(client, wanted))
    warn(screen, desired.warnings)
    screen.say(reporters.missing_text(found, screen.style()))
    style = screen.data_style()
    show(
        screen,
        text=lambda: reporters.outputs_text(found, style),
        markdown=lambda: reporters.outputs_markdown(found, style),
        document=lambda: reporters.outputs_document(found),
    )
    return DONE
