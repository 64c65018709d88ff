"""`dpo-ops gc`: delete datasets, jobs and models that nothing needs any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import CHANGES, DONE
from dpo_ops.cli.options import AGE, Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen
    from dpo_ops.planner.collect import Collected


@click.command("gc")
@with_specs
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Keep what the last N commits refer to that changed specs, data or values.",
)
@click.option(
    "--older-than",
    type=AGE,
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Keep what is younger than this, such as 30d or 12h; 0 is any age.",
)
@click.option(
    "--at-most",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete up to N resources; else up to 20, and up to half of those with the mark.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would go; this is the default.")
@click.option("--auto-approve", "--yes", is_flag=True, help="Delete; else it is only shown.")
@with_target
@with_screen
def command(  # noqa: PLR0913  -- click gives each option by name
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    keep_last: int,
    older_than: float,
    at_most: int | None,
    dry_run: bool,
    auto_approve: bool,
) -> int:
    """Delete datasets, jobs and models of the stack of PATHS that nothing needs any more.

    What the specs as they are, the last commits, or any deployment of the account refers to is
    kept, with all that it came from; so is what is under way, and what does not carry the mark
    of the stack. The commits are those of this branch, rendered with these --values: what another
    branch or other values want is kept only where a deployment refers to it.

    Without --auto-approve nothing is sent: it only shows what would go, and why
    the rest stays. In a shallow clone it refuses, where a commit's specs can't be used, and where
    no Stack document names the stack.
    Exit code without --auto-approve: 2 where something would be deleted, else 0.
    """
    from datetime import UTC, datetime, timedelta

    from dpo_ops.cli.account import account
    from dpo_ops.cli.approval import check_named, check_number
    from dpo_ops.cli.carrying import carry_out, print_report
    from dpo_ops.cli.desired import load, secrets
    from dpo_ops.cli.past import all_of_them, look_back
    from dpo_ops.cli.proposal import tell_plan
    from dpo_ops.errors import PlanError
    from dpo_ops.observer import survey
    from dpo_ops.planner.collect import collect
    from dpo_ops.resource import in_account

    if dry_run and auto_approve:
        raise PlanError(
            "--auto-approve can't be given with --dry-run; nothing was sent",
            fix="leave one of them out",
        )
    desired = load(screen, specs)
    check_named(desired.state, "gc")
    found, complete = look_back(screen, specs, keep_last)
    all_of_them(found, complete=complete)
    before = datetime.now(UTC) - timedelta(seconds=older_than)
    states = [("the working tree", desired.state)]
    states += [(f"commit {r.commit.short}", r.desired) for r in found if r.desired is not None]
    with account(screen, target, desired.account, read_only=not auto_approve) as client:
        collected = collect(
            client.account,
            desired.stack,
            survey(client),
            [(name, in_account(state, client.account)) for name, state in states],
            before=before.strftime("%Y-%m-%dT%H:%M:%SZ") if older_than else "",
        )
        if not auto_approve:
            return _show(screen, collected, at_most)
        tell_plan(screen, collected.plan, removal=True)
        check_number(collected, at_most)
        report, ending = carry_out(
            screen, target, collected.plan, client, secret=secrets(collected.plan)
        )
    print_report(screen, target, report, replace(ending, removal=True))
    return report.exit_code


def _show(screen: Screen, collected: Collected, at_most: int | None) -> int:
    from dpo_ops import planner, reporters
    from dpo_ops.cli.results import show

    plan, style = collected.plan, screen.data_style()
    show(
        screen,
        text=lambda: reporters.plan_text(plan, style, verbose=True, removal=True),
        markdown=lambda: reporters.plan_markdown(plan, style),
        document=lambda: planner.document(plan),
    )
    if collected.doomed:
        why = collected.refused(at_most)
        more = f", and --at-most {collected.doomed}: {why}" if why else ""
        screen.say(f"nothing was deleted; to delete it, give --auto-approve{more}\n")
    return CHANGES if collected.doomed else DONE
