"""`dpo-ops plan`: what would be done, and why. Sends nothing that could change anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("plan")
@with_specs
@with_target
@with_screen
def command(screen: Screen, specs: Specs, target: Target) -> int:
    """Show what would be done to make the account match the specs in PATHS.

    Exit codes: 0 nothing to do, 1 error or something is blocked, 2 there are changes, 3 nothing
    to change but something is still in progress.
    """
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import load
    from dpo_ops.cli.proposal import exit_code, print_plan, propose

    desired = load(screen, specs, count_tokens=True)
    with account(screen, target, desired.account, read_only=True) as client:
        proposed = propose(client, desired)
    print_plan(screen, proposed)
    return exit_code(proposed)
