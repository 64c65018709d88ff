"""What a pull request would do: from the account where there is a key, else from its base."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops import __version__, planner, reporters
from dpo_ops.cli.account import account
from dpo_ops.cli.again import specs_words
from dpo_ops.cli.approval import check_named
from dpo_ops.cli.ci.base import Base, base, wanted_at
from dpo_ops.cli.ci.data import LIMIT_BYTES, data_changes
from dpo_ops.cli.ci.failing import told
from dpo_ops.cli.ci.followed import touched
from dpo_ops.cli.ci.note import Note
from dpo_ops.cli.ci.setting import has_key
from dpo_ops.cli.desired import in_account, load
from dpo_ops.cli.endings import CHANGES, DONE, ERROR
from dpo_ops.cli.passing import pruning
from dpo_ops.cli.proposal import propose, writes
from dpo_ops.cli.saving import write_plan
from dpo_ops.errors import DpoOpsError, SettingsError
from dpo_ops.loader import repository_root
from dpo_ops.loader.repository import Repository
from dpo_ops.pairs.prices import prices
from dpo_ops.planner.approval import approvals, pack
from dpo_ops.planner.document import bound
from dpo_ops.planner.offline import UNKNOWN_ACCOUNT, dropped, reworded, supposed
from dpo_ops.reporters.pull.comment import comment
from dpo_ops.reporters.pull.header import signed
from dpo_ops.reporters.pull.outputs import plan_outputs
from dpo_ops.reporters.pull.subject import Header, Proposal, Stage
from dpo_ops.reporters.pull.summary import summary
from dpo_ops.resource import State
from dpo_ops.resource import in_account as in_

if TYPE_CHECKING:
    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Plan
    from dpo_ops.planner.approval import Approved
    from dpo_ops.reporters.pull.subject import DataChange, Invalid

LONGEST_APPROVAL: Final = 12_000
"""Characters of a comment that an approval may take."""
QUICK_BYTES: Final = 16 << 20
"""How much data is compared before the first comment; the rest is told by editing it."""
_REVIEWED: Final = ("pull_request", "merge_group")


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, what an approval of it is bound to, and where it was saved; offline, neither."""

    plan: Plan
    approved: Approved
    saved: Path | None = None
    offline: str = ""


def plan(here: Setting, *, since: str, prune: bool, out: Path | None, fail_on_changes: bool) -> int:
    """Plan, tell the pull request, and return the exit code.

    `since` is the revision that it is compared with; empty, what the pull request goes to.

    Errors: DpoOpsError, told before it is raised.
    """
    note = Note(here, here.run.pull if here.run else None)
    header = note.header
    if header and header.commit != here.commit and not note.outdated():
        note.tell(Stage.SUPERSEDED, f"{here.commit[:7]} is being planned")

    def unplanned(about: Invalid) -> None:
        _write(here, note, about, _header(here, None), Stage.INVALID)

    with told(here, unplanned):
        before = _before(here, since)  # First: what is wrong with the specs may quote its secrets.
        desired = load(here.screen, here.specs, count_tokens=True)
        if prune:
            check_named(desired.state, "--prune")
        planned = _plan(here, desired, before, out, prune=prune)
    # What the base lacks matters to what is compared with it; a live plan is not.
    doubts = before.findings if planned.offline else ()
    about = Proposal(here.env, here.commit, planned.plan, planned.offline, (), here.samples, doubts)
    header = _header(here, planned)
    stage = Stage.OFFLINE if planned.offline else Stage.PLANNED
    # Nobody needs a comment that says that nothing happens, but one that says more must go.
    news = (writes(planned.plan) or planned.plan.blocked) and touched(here, desired, before)
    asked = here.run is None  # Whoever calls it by hand wants to see it, once and whole.
    for limit in (LIMIT_BYTES,) if asked else (QUICK_BYTES, LIMIT_BYTES):
        data = _data(here, before, desired, limit)
        about = replace(about, data=data)
        if asked or news or data or note.body:
            _write(here, note, about, header, stage)
        if not any(change.note for change in data):
            break
    return _tell(here, about, planned, fail_on_changes=fail_on_changes)


def _tell(here: Setting, about: Proposal, planned: _Planned, *, fail_on_changes: bool) -> int:
    """Tell everything but the pull request, and return the exit code."""
    proposed, style = planned.plan, here.screen.data_style()
    here.give(
        {
            **plan_outputs(proposed),
            "plan-path": str(planned.saved or ""),
            "failure-reason": "blocked" if proposed.blocked else "",
        }
    )
    blocked = [finding for change in proposed.blocked for finding in change.blocked]
    here.annotate([*blocked, *proposed.warnings, *about.findings])
    here.sum_up(summary(about, style))
    if here.run is not None:
        here.screen.data(reporters.plan_text(proposed, style, verbose=here.screen.verbose))
    if proposed.blocked:
        return ERROR
    return CHANGES if fail_on_changes and writes(proposed) else DONE


def _plan(
    here: Setting, desired: Loaded, before: Base, out: Path | None, *, prune: bool
) -> _Planned:
    reviewed = here.run is not None and here.run.event in _REVIEWED
    if not has_key(here):
        if here.run is not None and not reviewed:
            raise SettingsError(
                "there is no key to ask the account with",
                why="FIREWORKS_API_KEY is not set",
                fix="give it to this job as a secret of its environment",
            )
        return _offline(here, desired, before)
    prunes = pruning(here.screen, here.specs, desired) if prune else None
    with account(here.screen, here.target, desired.account, read_only=True) as client:
        proposed = propose(client, desired, prune=prunes)
        path = out or _place(here.env)
        path.parent.mkdir(parents=True, exist_ok=True)
        words = specs_words(here.specs, prune=prune)
        write_plan(here.screen, path, proposed, desired, client, words)
        wanted = in_account(desired, client)
    approved = approvals({str(c.address): bound(c) for c in proposed.changes}, wanted)
    return _Planned(proposed, approved, path)


def _offline(here: Setting, desired: Loaded, base: Base) -> _Planned:
    name = desired.account or UNKNOWN_ACCOUNT
    after = in_(desired.state, name)
    before = State({}, stack=after.stack)
    if base.loaded:
        before = in_(base.loaded.state, name)
    proposed = reworded(planner.plan(after, supposed(before, after, name), None, prices()))
    warnings = (*desired.warnings, *proposed.warnings, *dropped(before, after))
    pull = here.run.pull if here.run else None
    who = "a pull request from a fork" if pull and pull.fork else "this run"
    return _Planned(
        replace(proposed, warnings=warnings), {}, offline=f"{who} has no key for the account"
    )


def _place(env: str) -> Path:
    folder = Path(os.environ.get("RUNNER_TEMP") or tempfile.gettempdir())
    return folder / f"dpo-ops-plan-{re.sub('[^A-Za-z0-9._-]', '-', env)}.json"


def _before(here: Setting, since: str) -> Base:
    """Return what was wanted before: by the branch that the pull request goes to."""
    pull = here.run.pull if here.run else None
    try:
        with Repository(repository_root(here.specs.paths[0])) as repository:
            if since:
                left = repository.merge_base(repository.find(since).id, "HEAD") or since
                return wanted_at(here.screen, repository, left, here.specs)
            return base(here.screen, repository, pull, here.specs)
    except DpoOpsError as error:
        here.warn("git", error.what, error.why, error.fix)
        return Base()


def _data(here: Setting, before: Base, desired: Loaded, limit: int) -> tuple[DataChange, ...]:
    """Return what became of the data since; at most so many bytes of it are compared."""
    if before.loaded is None:
        return ()
    state = before.loaded.state
    try:
        with Repository(repository_root(here.specs.paths[0])) as repository:
            return data_changes(
                repository, state, desired.state, samples=here.samples, limit_bytes=limit
            )
    except DpoOpsError as error:
        here.warn("git", error.what, error.why, error.fix)
        return ()


def _header(here: Setting, planned: _Planned | None) -> Header:
    run = here.run.id if here.run else ""
    header = Header(here.env, here.commit, run, __version__)
    if planned is None or planned.offline:
        return header
    header = replace(header, plan=planner.fingerprint(planned.plan))
    if not here.signing_key or here.run is None or here.run.pull is None:
        return header
    packed = pack(planned.approved, LONGEST_APPROVAL)
    return signed(
        replace(header, approved=packed), here.signing_key, here.subject(here.run.pull.number)
    )


def _write(
    here: Setting, note: Note, about: Proposal | Invalid, header: Header, stage: Stage
) -> None:
    body = comment(about, header, here.status(stage), here.screen.data_style())
    if here.run is None:
        here.screen.data(body)
    elif note.outdated():
        here.screen.say("the pull request has gone on since: its comment is left to a later run\n")
    else:
        note.write(body)
