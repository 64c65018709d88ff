"""Whether a plan may be carried out: asked on a terminal, else told by an option.

Fails closed: where nobody can be asked and nothing was said, nothing is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import PlanError
from dpo_ops.planner import Plan, fingerprint

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


def check_expected(proposed: Plan, expected: str) -> None:
    """Refuse a plan that is not the one that was reviewed."""
    actual = fingerprint(proposed)
    if actual != expected:
        raise PlanError(
            "the plan is not the one that was approved; nothing was sent",
            why=f"approved: {expected} now: {actual}",
            fix="the specs, the account or the tool changed since: review the plan and approve it",
        )


def ask_to_apply(screen: Screen) -> None:
    """Ask once whether to go on. Errors: PlanError unless the answer is yes."""
    if not screen.interactive:
        raise PlanError(
            "the plan is not approved; nothing was sent",
            why="there is no terminal to ask on",
            fix="give --expect FINGERPRINT of a reviewed plan, or --auto-approve",
        )
    if screen.ask("\nCarry this plan out? [y/N] ").lower() not in ("y", "yes"):
        raise PlanError("the plan was not approved; nothing was sent")


def ask_to_destroy(screen: Screen, stack: str) -> None:
    """Ask for the stack's name to be typed. Errors: PlanError unless it is."""
    if not screen.interactive:
        raise PlanError(
            "the removal is not approved; nothing was sent",
            why="there is no terminal to ask on",
            fix="give --auto-approve",
        )
    if screen.ask(f"\nTo remove all this, type the name of the stack ({stack}): ") != stack:
        raise PlanError("the removal was not approved; nothing was sent")
