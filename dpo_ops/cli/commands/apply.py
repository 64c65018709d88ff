"""`dpo-ops apply`: carry the plan out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import (
    Patience,
    Specs,
    Target,
    with_cards,
    with_prune,
    with_screen,
    with_specs,
    with_target,
    with_waiting,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.cli.screen import Screen
    from dpo_ops.planner import Plan


@click.command("apply")
@with_specs
@click.option("--auto-approve", is_flag=True, help="Carry it out without being asked.")
@click.option(
    "--expect",
    metavar="FINGERPRINT",
    help="Carry it out only if the plan still has this fingerprint.",
)
@with_waiting
@with_cards
@with_prune
@with_target
@with_screen
def command(  # noqa: PLR0913  -- one for each option
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    auto_approve: bool,
    expect: str | None,
    patience: Patience,
    cards: Path | None,
    prune: bool,
) -> int:
    """Make the account match the specs in PATHS: upload, train, wait, check, deploy.

    Shows the plan and asks on a terminal; elsewhere it needs --expect or --auto-approve. PATHS
    may be one file that `plan --out` wrote: then what it says is carried out, and what would do
    something else by now is held.
    Interrupted or killed, run it again: nothing is done twice. Exit codes: 0 done, 1 something
    failed, 3 accepted and still running.
    """
    from dataclasses import replace

    from dpo_ops.cli.again import of_fingerprint, of_plan
    from dpo_ops.cli.approval import ask_to_apply, check_cards, check_expected, check_flags
    from dpo_ops.cli.carrying import print_report
    from dpo_ops.cli.passing import Guard, one_pass, wanted, writing_cards
    from dpo_ops.cli.proposal import tell_plan, writes
    from dpo_ops.cli.saving import saved_plan

    saved = saved_plan(screen, specs)
    check_cards(saved, cards)
    check_flags(saved, expect, auto_approve=auto_approve, prune=prune)

    def approve(proposed: Plan) -> None:
        if saved:
            return  # What is left of the plan is what was approved when it was saved.
        if expect and writes(proposed):
            check_expected(proposed, expect)
        elif writes(proposed) and not auto_approve:
            ask_to_apply(screen)

    report, ending = one_pass(
        screen,
        target,
        wanted(screen, specs, saved, prune=prune),
        guard=Guard(lambda proposed: tell_plan(screen, proposed, saved=saved is not None), approve),
        patience=patience,
        after=writing_cards(screen, specs, cards),
    )
    if saved:
        ending = replace(ending, carry=of_plan(screen, specs, target, saved))
    elif expect:
        ending = replace(ending, carry=of_fingerprint(specs, target, prune=prune))
    print_report(screen, target, report, ending)
    return report.exit_code
