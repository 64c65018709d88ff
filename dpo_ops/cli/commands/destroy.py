"""`dpo-ops destroy`: remove what the specs describe, dependents first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("destroy")
@with_specs
@click.option("--auto-approve", is_flag=True, help="Remove it without being asked.")
@click.option("--all", "everything", is_flag=True, help="Datasets, jobs and models too.")
@with_target
@with_screen
def command(
    screen: Screen, specs: Specs, target: Target, *, auto_approve: bool, everything: bool
) -> int:
    """Remove what the specs in PATHS describe, and only what carries their mark.

    Datasets, jobs and models are kept, unless --all is given: training them again costs money.
    On a terminal the name of the stack has to be typed; elsewhere it needs --auto-approve.
    """
    from dpo_ops import planner
    from dpo_ops.cli.account import account
    from dpo_ops.cli.approval import ask_to_destroy
    from dpo_ops.cli.carrying import carry_out, print_report
    from dpo_ops.cli.desired import in_account, load, secrets
    from dpo_ops.cli.proposal import tell_plan, writes
    from dpo_ops.observer import observe

    desired = load(screen, specs)
    with account(screen, target, desired.account, read_only=False) as client:
        wanted = in_account(desired, client)
        observed = observe(client, wanted)
        proposed = planner.teardown(wanted, observed, everything=everything)
        tell_plan(screen, proposed, removal=True)
        if writes(proposed) and not auto_approve:
            ask_to_destroy(screen, desired.state.stack)
        report, ending = carry_out(screen, target, proposed, client, secret=secrets(proposed))
    print_report(screen, target, report, replace(ending, removal=True))
    return report.exit_code
