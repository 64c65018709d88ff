"""`dpo-ops reconcile`: one pass that nobody watches, or a loop that keeps making them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import (
    DURATION,
    HOST_PORT,
    LEAST_S,
    Patience,
    Specs,
    Target,
    with_cards,
    with_screen,
    with_specs,
    with_target,
    with_waiting,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.cli.screen import Screen


@click.command("reconcile")
@with_specs
@with_waiting
@click.option(
    "--every",
    type=DURATION,
    metavar="TIME",
    help="Make a pass at least this often, such as 5m, until SIGTERM or SIGINT.",
)
@click.option(
    "--listen",
    type=HOST_PORT,
    metavar="HOST:PORT",
    help="With --every: serve /healthz, /readyz and /metrics there; needs dpo-ops[server].",
)
@with_cards
@with_target
@with_screen
def command(  # noqa: PLR0913  -- one for each option
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    patience: Patience,
    every: float | None,
    listen: tuple[str, int] | None,
    cards: Path | None,
) -> int:
    """Make the account match the specs in PATHS, as apply does, but never ask.

    For schedules and servers: it carries on what earlier runs began, and begins what the specs
    want by now. It needs no approval, so review what it reads: the specs, by pull request, or
    one saved plan, FILE of `plan --out`, of which it carries out what still does as it says.

    With --every it goes on until it is told to stop. Specs are read afresh in each round; nothing
    is waited for within one; errors are told, counted and tried again.

    Exit codes: 0 done, in sync, or stopped as asked with --every; 1 something failed; 3 accepted
    and still running.
    """
    _check(patience, every, listen)
    if every is not None:
        from dpo_ops.cli.serving import keep_reconciling

        keep_reconciling(screen, specs, target, every_s=every, listen=listen, cards=cards)
        return 0

    from dataclasses import replace

    from dpo_ops.cli.again import of_plan
    from dpo_ops.cli.approval import check_cards
    from dpo_ops.cli.carrying import print_report
    from dpo_ops.cli.passing import Guard, one_pass, wanted, writing_cards
    from dpo_ops.cli.proposal import tell_plan
    from dpo_ops.cli.results import warn
    from dpo_ops.cli.saving import saved_plan

    saved = saved_plan(screen, specs)
    check_cards(saved, cards)
    report, ending = one_pass(
        screen,
        target,
        wanted(screen, specs, saved),
        guard=Guard(
            lambda proposed: (
                warn(screen, proposed.warnings) if proposed.in_sync else tell_plan(screen, proposed)
            )
        ),
        patience=patience,
        after=writing_cards(screen, specs, cards),
    )
    if saved:
        ending = replace(ending, carry=of_plan(screen, specs, target, saved))
    print_report(screen, target, report, ending)
    return report.exit_code


def _check(patience: Patience, every: float | None, listen: tuple[str, int] | None) -> None:
    if every is None:
        if listen:
            raise click.UsageError("--listen needs --every: one pass is over too soon to be asked")
        return
    if every < LEAST_S:
        raise click.UsageError("--every is 1s at least")
    if patience.leave or patience.budget_s is not None:
        given = "--no-wait" if patience.leave else "--wait-budget"
        raise click.UsageError(f"{given} can't be given with --every: no round waits")
