"""Desired and observed → plan, and what the plan means for the exit code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dpo_ops import planner, reporters
from dpo_ops.cli.desired import in_account
from dpo_ops.cli.endings import CHANGES, DONE, ERROR, RUNNING
from dpo_ops.cli.results import show
from dpo_ops.observer import observe, preflight
from dpo_ops.pairs.prices import prices

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Plan
    from dpo_ops.resource import Policy


@dataclass(frozen=True, slots=True)
class Prune:
    """That what has no spec any more is deleted, except what the commit before protected."""

    before: Policy | None = None


def propose(client: Client, desired: Loaded, *, prune: Prune | None = None) -> Plan:
    """Return the plan that makes the account match the specs; nothing is written.

    With `prune` what has no spec any more is deleted, but for what that says is protected.
    """
    wanted = in_account(desired, client)
    observed = observe(client, wanted)
    answers = preflight(client, planner.questions(wanted, observed))
    proposed = planner.plan(
        wanted,
        observed,
        answers,
        prices(),
        prune=prune is not None,
        before=prune.before if prune else None,
    )
    return replace(proposed, warnings=(*desired.warnings, *proposed.warnings))


def print_plan(screen: Screen, proposed: Plan) -> None:
    """Write the plan to standard output."""
    style = screen.data_style()
    findings = [f for change in proposed.blocked for f in change.blocked]
    show(
        screen,
        text=lambda: reporters.plan_text(proposed, style, verbose=screen.verbose),
        markdown=lambda: reporters.plan_markdown(proposed, style),
        document=lambda: planner.document(proposed),
        findings=[*findings, *proposed.warnings],
    )


def tell_plan(
    screen: Screen, proposed: Plan, *, removal: bool = False, saved: bool = False
) -> None:
    """Show on standard error what is about to be carried out; of a removal, what stays as well."""
    style, verbose = screen.style(), screen.verbose or removal
    said = reporters.plan_text(proposed, style, verbose=verbose, removal=removal, saved=saved)
    screen.say(said)


def writes(proposed: Plan) -> bool:
    """Return whether carrying the plan out would change anything."""
    return any(change.steps and not change.waits for change in proposed.changes)


def exit_code(proposed: Plan) -> int:
    """0 in sync, 1 something is blocked, 2 something is to change, 3 only waiting is left."""
    if proposed.blocked:
        return ERROR
    if writes(proposed):
        return CHANGES
    return DONE if proposed.in_sync else RUNNING
