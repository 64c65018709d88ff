"""Whether a plan may be carried out: asked on a terminal, else told by an option.

Fails closed: where nobody can be asked and nothing was said, nothing is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import PlanError
from dpo_ops.planner import Plan, fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.cli.screen import Screen
    from dpo_ops.planner.collect import Collected
    from dpo_ops.planner.saved import Saved
    from dpo_ops.resource import State


def check_expected(proposed: Plan, expected: str) -> None:
    """Refuse a plan that is not the one that was reviewed."""
    actual = fingerprint(proposed)
    if actual != expected:
        raise PlanError(
            "the plan is not the one that was approved; nothing was sent",
            why=f"approved: {expected} now: {actual}",
            fix="the specs, the account or the tool changed since: review the plan and approve it",
        )


def check_flags(
    saved: Saved | None, expect: str | None, *, auto_approve: bool, prune: bool
) -> None:
    """Refuse approvals that contradict each other, before anything is looked at."""
    if saved and prune:
        raise PlanError(
            "--prune can't be given with a saved plan; nothing was sent",
            why="whether it prunes was said when it was made",
            fix="make a new one with `dpo-ops plan --prune --out`",
        )
    if auto_approve and (saved or expect is not None):
        given = "a saved plan" if saved else "--expect"
        raise PlanError(
            f"--auto-approve can't be given with {given}; nothing was sent",
            why=f"{given} approves one plan, --auto-approve approves any",
            fix="leave --auto-approve out",
        )
    if saved and expect is not None and expect != saved.fingerprint:
        raise PlanError(
            "the saved plan is not the one that was approved; nothing was sent",
            why=f"approved: {expect} in the file: {saved.fingerprint}",
            fix="take the file that belongs to the approval, or plan again",
        )
    if expect == "":
        raise PlanError(
            "--expect is empty; nothing was sent",
            why="a variable that holds the fingerprint may not be set",
            fix="give --expect FINGERPRINT as `dpo-ops plan` prints it",
        )


def check_named(desired: State, doing: str) -> None:
    """Refuse to delete what has no spec where a spec of it may lie elsewhere. Errors: PlanError."""
    if not desired.named:
        raise PlanError(
            f"{doing} needs a stack with a name; nothing was sent",
            why="no Stack document names it, so it has the mark of any repository without one that"
            " uses this account: what has no spec here may have one there",
            fix="if there is no other, add this document to the specs: {apiVersion: dpo-ops/v1,"
            f" kind: Stack, metadata: {{name: {desired.stack}}}}}; else give it a name of its own,"
            " under which its deployments are made anew",
        )


def check_cards(saved: Saved | None, cards: Path | None) -> None:
    """Refuse to write cards of what no commit is known of."""
    if saved and cards:
        raise PlanError(
            "--cards can't be given with a saved plan; nothing was sent",
            why="a card tells of the specs and their commits, and a saved plan has none",
            fix="write them afterwards with `dpo-ops card`",
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


def check_number(collected: Collected, at_most: int | None) -> None:
    """Refuse to delete more at once than anybody can have meant. Errors: PlanError."""
    if why := collected.refused(at_most):
        raise PlanError(
            f"{collected.doomed} of {collected.marked} resources would go; nothing was sent",
            why=why,
            fix=f"look at what would go; if that is meant, give --at-most {collected.doomed}",
        )
