"""One pass: what is wanted, what there is, the plan, and the plan carried out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dpo_ops.cli.account import account
from dpo_ops.cli.approval import check_named
from dpo_ops.cli.carrying import Watch, carry_out, with_next
from dpo_ops.cli.desired import in_account, known_files, load, secrets
from dpo_ops.cli.intact import intact
from dpo_ops.cli.past import protected_before
from dpo_ops.cli.proposal import Prune, propose
from dpo_ops.cli.saving import as_loaded
from dpo_ops.cli.workshop import workshop
from dpo_ops.planner.saved import hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dpo_ops.cli.account import Kept
    from dpo_ops.cli.options import Patience, Specs, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Plan
    from dpo_ops.planner.saved import Saved
    from dpo_ops.reporters import Ending
    from dpo_ops.resource import State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should exist, and what of a plan for it is held back, where not all is approved.

    With `prune`, what a spec that is gone has left behind is deleted, as far as that allows.
    `saved` says that an earlier command has planned it.
    """

    desired: Loaded
    held: Callable[[Plan, State], Plan] = lambda proposed, _: proposed
    prune: Prune | None = None
    saved: bool = False

    def plan(self, client: Client) -> Plan:
        """Return what is to be done now, as far as it is approved."""
        return self.held(self.fresh(client), in_account(self.desired, client))

    def fresh(self, client: Client) -> Plan:
        """Return what is to be done now, whatever was approved."""
        return propose(client, self.desired, prune=self.prune)


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands between a plan and its being carried out: it is told, then it is approved.

    `approve` raises PlanError where it may not be carried out.
    """

    tell: Callable[[Plan], None]
    approve: Callable[[Plan], None] = lambda _: None


def wanted(screen: Screen, specs: Specs, saved: Saved | None, *, prune: bool = False) -> Wanted:
    """Return what the specs want, or what they wanted when the plan was saved.

    Errors: SpecError; PlanError where it prunes and no Stack is named.
    """
    if saved:
        if saved.prunes:
            check_named(saved.desired, "a plan that deletes what has no spec")
        # What was protected when it was saved is not among what was approved, and so is held.
        return Wanted(
            as_loaded(saved),
            lambda proposed, _: hold(proposed, saved),
            Prune() if saved.prunes else None,
            saved=True,
        )
    desired = load(screen, specs, count_tokens=True)
    return Wanted(desired, prune=pruning(screen, specs, desired) if prune else None)


def pruning(screen: Screen, specs: Specs, desired: Loaded) -> Prune:
    """Return what `--prune` may do.

    Errors: DpoOpsError where no Stack is named, or the commit before is not known.
    """
    check_named(desired.state, "--prune")
    return Prune(protected_before(screen, specs))


def writing_cards(
    screen: Screen, specs: Specs, folder: Path | None
) -> Callable[[Client, Report], None]:
    """Return what writes model cards into a folder after a pass; nothing where there is none."""
    if folder is None:
        return lambda _, __: None
    from dpo_ops.cli.cards import Cards  # noqa: PLC0415  -- seldom asked for

    return partial(Cards(screen, folder).write, specs)


def one_pass(  # noqa: PLR0913  -- where, what, who may stop it, and how long it may take
    screen: Screen,
    target: Target,
    want: Wanted,
    *,
    guard: Guard,
    patience: Patience,
    watch: Watch | None = None,
    kept: Kept | None = None,
    after: Callable[[Client, Report], None] = lambda _, __: None,
) -> tuple[Report, Ending]:
    """Observe, plan and carry the plan out. `after` is called while the account can be asked.

    Raises:
        DpoOpsError: nothing was sent: the account can't be reached or seen, a secret is not
            there, or the plan is not approved.
    """
    with account(screen, target, want.desired.account, read_only=False, kept=kept) as client:
        shop, known = workshop(client), known_files()
        proposed = intact(want.plan(client), shop, known, saved=want.saved)
        guard.tell(proposed)
        # Before anybody is asked: an approval that can't be used is a nuisance.
        secret = secrets(proposed)
        guard.approve(proposed)
        # Whoever was asked may have taken an hour; what is known by then is not read again.
        proposed = intact(proposed, shop, known, saved=want.saved)
        report, ending = carry_out(
            screen, target, proposed, client, secret=secret, patience=patience, watch=watch
        )
        after(client, report)
        return report, with_next(ending, report, lambda: want.plan(client))
