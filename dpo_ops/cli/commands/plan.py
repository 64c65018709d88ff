"""`dpo-ops plan`: what would be done, and why. Sends nothing that could change anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import Specs, Target, with_prune, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("plan")
@with_specs
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan to FILE as well, for `dpo-ops apply FILE`.",
)
@with_prune
@with_target
@with_screen
def command(screen: Screen, specs: Specs, target: Target, *, out: Path | None, prune: bool) -> int:
    """Show what would be done to make the account match the specs in PATHS.

    Exit codes: 0 nothing to do, 1 error or something is blocked, 2 there are changes, 3 nothing
    to change but something is still in progress.
    """
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import load
    from dpo_ops.cli.proposal import exit_code, print_plan, propose

    desired = load(screen, specs, count_tokens=True)
    prunes = None
    if prune:
        from dpo_ops.cli.passing import pruning

        prunes = pruning(screen, specs, desired)
    with account(screen, target, desired.account, read_only=True) as client:
        proposed = propose(client, desired, prune=prunes)
        if out:
            from dpo_ops.cli.again import specs_words
            from dpo_ops.cli.saving import write_plan

            words = specs_words(specs, prune=prune)
            write_plan(screen, out, proposed, desired, client, words)
    print_plan(screen, proposed)
    if out:
        screen.say(f"\nsaved: carry out exactly this with `dpo-ops apply {out}`\n")
    return exit_code(proposed)
