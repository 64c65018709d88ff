"""After the merge: carry out what was reviewed, and tell the pull request how it went."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dpo_ops import reporters
from dpo_ops.cli.account import base_url
from dpo_ops.cli.approval import check_expected
from dpo_ops.cli.ci.approved import Reviews
from dpo_ops.cli.ci.failing import told
from dpo_ops.cli.ci.followed import commits
from dpo_ops.cli.ci.note import Note
from dpo_ops.cli.desired import in_account, load
from dpo_ops.cli.endings import DONE, ERROR
from dpo_ops.cli.measuring import measured
from dpo_ops.cli.passing import Guard, Wanted, one_pass, pruning, writing_cards
from dpo_ops.cli.proposal import Prune, tell_plan, writes
from dpo_ops.errors import DpoOpsError
from dpo_ops.executor.events import Outcome
from dpo_ops.forge import ForgeError, Release
from dpo_ops.observer import observe
from dpo_ops.planner import fingerprint
from dpo_ops.planner.approval import STALE
from dpo_ops.reporters import Carry, Hint
from dpo_ops.reporters.pull.outcome import outcome
from dpo_ops.reporters.pull.outputs import plan_outputs, report_outputs
from dpo_ops.reporters.pull.subject import Stage
from dpo_ops.reporters.pull.summary import step_summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.cli.options import Patience
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters import Ending, Readings
    from dpo_ops.resource import Address, State

REVIEWED: Final = "reviewed"
SPECS: Final = "specs"
FINGERPRINT: Final = "sha256:"
_SHOWN: Final = 5
_AGAIN: Final = (
    "run it again, as `dpo-ops ci reconcile` does from a schedule: nothing is done twice"
)
_ANEW: Final = "plan anew and run it again with approve and that fingerprint: the rest has another"
_TRAINED: Final = (Outcome.DONE, Outcome.RUNNING)


@dataclass(slots=True)
class _Pass:
    """One pass over the account, and what came of it."""

    here: Setting
    desired: Loaded
    reviews: Reviews
    approve: str
    prune: Prune | None = None
    cards: Path | None = None
    readings: Mapping[Address, Readings] = field(default_factory=dict)
    rest: str = ""
    """The fingerprint of what is held, by which it can be approved as it is now."""
    note: Note | None = None

    @property
    def want(self) -> Wanted:
        """What should exist, held to what was reviewed."""
        return Wanted(self.desired, self.held, self.prune)

    def held(self, fresh: Plan, wanted: State) -> Plan:
        return self.reviews.hold(fresh, wanted) if self.approve == REVIEWED else fresh

    def tell(self, proposed: Plan) -> None:
        self.here.annotate(
            [*(f for change in proposed.blocked for f in change.blocked), *proposed.warnings]
        )
        if not proposed.in_sync:
            tell_plan(self.here.screen, proposed)
        if writes(proposed):
            self.newest().tell(Stage.APPLYING)
        self.here.give(plan_outputs(proposed))

    @property
    def carry(self) -> Carry:
        """How it is carried on: by a run that is approved in a way which reaches that far."""
        return Carry(Hint(_ANEW if self.approve.startswith(FINGERPRINT) else _AGAIN))

    def check(self, proposed: Plan) -> None:
        if self.approve.startswith(FINGERPRINT) and writes(proposed):
            check_expected(proposed, self.approve)

    def after(self, client: Client, report: Report) -> None:
        """Look at what there is to tell besides. What was done stays done if that can't be seen."""
        writing_cards(self.here.screen, self.here.specs, self.cards)(client, report)
        try:
            self._look(client, report)
        except DpoOpsError as error:
            self.here.warn("account", error.what, error.why, error.fix)

    def _look(self, client: Client, report: Report) -> None:
        if _held(report):
            self.rest = fingerprint(self.want.fresh(client))
        addresses = {end.address for end in report.ended if end.outcome in _TRAINED}
        wanted = in_account(self.desired, client)
        part = wanted.holding({a: r for a, r in wanted.items() if a in addresses})
        if part:
            seen = observe(client, part)
            self.readings = measured(client, part, seen, also_done=True)

    def newest(self) -> Note:
        """Return the comment of the pull request that changed the specs last."""
        if self.note is None:
            self.note = Note(self.here, self.reviews.newest())
        return self.note


def apply(
    here: Setting, *, approve: str, patience: Patience, prune: bool, cards: Path | None
) -> int:
    """Carry out what is approved, tell of it, and return the exit code.

    `approve` is REVIEWED, SPECS or a fingerprint; `cards` the folder of model cards, if any.
    What still runs when it is left is no failure: a later run carries it on.

    Errors: DpoOpsError, told before it is raised.
    """
    begun: list[_Pass] = []

    def failed(error: DpoOpsError) -> None:
        if begun:
            begun[0].newest().tell(Stage.FAILED, error.what)

    with told(here, lambda about: failed(about.error)):
        desired = load(here.screen, here.specs, count_tokens=True)
        prunes = pruning(here.screen, here.specs, desired) if prune else None
        this = _Pass(here, desired, Reviews(here, desired), approve, prunes, cards)
        begun.append(this)
        report, ending = one_pass(
            here.screen,
            here.target,
            this.want,
            guard=Guard(this.tell, this.check),
            patience=patience,
            after=this.after,
        )
    _tell(this, report, replace(ending, carry=this.carry))
    return ERROR if report.exit_code == ERROR else DONE


def _tell(this: _Pass, report: Report, ending: Ending) -> None:
    here, style = this.here, this.here.screen.data_style()
    here.give(report_outputs(report, base_url=base_url(here.target)))
    if this.rest:
        here.give({"fingerprint": this.rest})
    here.sum_up(step_summary(report, ending, this.readings, style))
    here.screen.data(
        reporters.report_text(report, style, ending=ending, base_url=base_url(here.target))
    )
    stage, note = _stage(report, this.rest)
    changed = [end for end in report.ended if end.outcome is not Outcome.IN_SYNC]
    if changed:
        this.newest().tell(stage, note, outcome(report, ending, this.readings, style))
        _release(this, report, stage, note)
    if stage is Stage.APPLIED:
        _close(this, skip=bool(changed))


def _held(report: Report) -> list[Change]:
    """Return what was not carried out because it was not reviewed as it is now."""
    blocked = report.plan.blocked
    return [c for c in blocked if any(finding.rule == STALE for finding in c.blocked)]


def _stage(report: Report, rest: str) -> tuple[Stage, str]:
    """Return what the comment says, and what more there is to say."""
    if report.exit_code == DONE:
        return Stage.APPLIED, ""
    if held := _held(report):
        names = ", ".join(str(change.address) for change in held[:_SHOWN])
        more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        how = f"; to do it as it is now, apply with approve {rest}" if rest else ""
        return Stage.STALE, f"held: {names}{more}{how}"
    if report.exit_code == ERROR:
        ends = report.having(Outcome.FAILED, Outcome.BLOCKED)
        return Stage.FAILED, "; ".join(f"{end.address}: {end.message}" for end in ends)
    running = report.having(Outcome.RUNNING)
    return Stage.RUNNING, ", ".join(str(end.address) for end in running)


def _close(this: _Pass, *, skip: bool) -> None:
    """Say in the comments of earlier pull requests too that what they left running is done."""
    for number, pull in enumerate(this.reviews.recent()):
        if skip and number == 0:
            continue
        note = Note(this.here, pull) if number else this.newest()
        if any(f"**{stage}**" in note.body for stage in (Stage.RUNNING, Stage.APPLYING)):
            note.tell(Stage.APPLIED)


_STATES: Final = {Stage.APPLIED: "success", Stage.RUNNING: "in_progress"}


def _release(this: _Pass, report: Report, stage: Stage, note: str) -> None:
    """Tell the forge's page of deployments what serves now."""
    here = this.here
    if here.forge is None or here.run is None:
        return
    facts = {
        f"{address}.{key}": str(value)
        for address, said in report.outputs.items()
        for key, value in said.items()
        if value is not None
    }
    models = [value for key, value in facts.items() if key.endswith(".requestModel")]
    says = f"serves {', '.join(models)}" if models else note or str(stage)
    commit = next(iter(commits(here, this.desired)), here.run.commit)
    state = _STATES.get(stage, "failure")
    mask = here.screen.masks
    release = Release(
        here.env, commit, state, mask(says), here.run.url, {k: mask(v) for k, v in facts.items()}
    )
    try:
        here.forge.release(release)
    except ForgeError as error:
        here.warn("page of deployments", error.what, error.why, error.fix)
