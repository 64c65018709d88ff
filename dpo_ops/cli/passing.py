"""One pass: what is wanted, what there is, the plan, and the plan carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.cli.account import account
from dpo_ops.cli.carrying import Patience, Watch, carry_out, with_next
from dpo_ops.cli.desired import load, secrets
from dpo_ops.cli.past import protected_before
from dpo_ops.cli.proposal import Prune, propose
from dpo_ops.cli.saving import as_loaded
from dpo_ops.planner.saved import hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.cli.account import Kept
    from dpo_ops.cli.options import Specs, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Plan
    from dpo_ops.planner.saved import Saved
    from dpo_ops.reporters import Ending


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should exist, and the plan that says so where it was saved before.

    With `prune`, what a spec that is gone has left behind is deleted, as far as that allows.
    """

    desired: Loaded
    saved: Saved | None = None
    prune: Prune | None = None

    def plan(self, client: Client) -> Plan:
        """Return what is to be done now; of a saved plan, what still does as it says."""
        proposed = self.fresh(client)
        return hold(proposed, self.saved) if self.saved else proposed

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

    Errors: SpecError.
    """
    if saved:
        # What was protected when it was saved is not among what was approved, and so is held.
        return Wanted(as_loaded(saved), saved, Prune() if saved.prunes else None)
    desired = load(screen, specs, count_tokens=True)
    return Wanted(desired, prune=pruning(specs) if prune else None)


def pruning(specs: Specs) -> Prune:
    """Return what `--prune` may do. Errors: DpoOpsError where the commit before is not known."""
    return Prune(protected_before(specs))


def one_pass(  # noqa: PLR0913  -- where, what, who may stop it, and how long it may take
    screen: Screen,
    target: Target,
    want: Wanted,
    *,
    guard: Guard,
    patience: Patience,
    watch: Watch | None = None,
    kept: Kept | None = None,
) -> tuple[Report, Ending]:
    """Observe, plan and carry the plan out.

    Raises:
        DpoOpsError: nothing was sent: the account can't be reached or seen, a secret is not
            there, or the plan is not approved.
    """
    with account(screen, target, want.desired.account, read_only=False, kept=kept) as client:
        proposed = want.plan(client)
        guard.tell(proposed)
        # Before anybody is asked: an approval that can't be used is a nuisance.
        secret = secrets(proposed)
        guard.approve(proposed)
        report, ending = carry_out(
            screen, target, proposed, client, secret=secret, patience=patience, watch=watch
        )
        return report, with_next(ending, report, lambda: want.fresh(client))
