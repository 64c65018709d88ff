"""What may be carried out after a merge: what the plans of its pull requests showed.

A commit of a protected branch leads to the pull request that it came by; that to the plan which a
run of this repository made for the pull request's last commit. None of it is believed to say what
is wanted, only what was seen and approved: the specs that were merged are planned anew, and what
would do something else is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dpo_ops.cli.ci.followed import commits
from dpo_ops.cli.desired import load_saved
from dpo_ops.errors import DpoOpsError, PlanError
from dpo_ops.forge import ForgeError
from dpo_ops.planner.approval import Approved, hold, unapproved, unpack
from dpo_ops.reporters.pull.header import belongs, header_of, is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.forge import Pull
    from dpo_ops.loader import Loaded
    from dpo_ops.planner import Plan
    from dpo_ops.resource import State

MOST_PULLS: Final = 10
"""How many merged pull requests are looked back at."""
_LARGEST: Final = 256 << 20


@dataclass(slots=True)
class Reviews:
    """The reviewed plans of the commits that made the specs what they are, the newest first.

    The forge is asked only while something is not approved yet.
    """

    here: Setting
    desired: Loaded
    pulls: list[Pull] = field(default_factory=list)
    """The pull requests that have been found so far."""
    _rest: Iterator[Pull] | None = None

    def hold(self, fresh: Plan, wanted: State) -> Plan:
        """Return the plan with each change held that no review approves."""
        found: list[Approved] = []
        seen = 0
        while unapproved(fresh, wanted, found) and (pull := self._pull(seen)):
            seen += 1
            if approved := self._approved(pull, fresh.account):
                found.append(approved)
        return hold(fresh, wanted, found)

    def newest(self) -> Pull | None:
        """Return the pull request that changed the specs last, if one did."""
        return self._pull(0)

    def recent(self) -> Iterator[Pull]:
        """Yield the pull requests that changed the specs, the newest first."""
        number = 0
        while pull := self._pull(number):
            yield pull
            number += 1

    def _pull(self, number: int) -> Pull | None:
        """Return one of the pull requests, counted from the newest; None behind the last."""
        if self._rest is None:
            self._rest = self._find()
        while len(self.pulls) <= number:
            pull = next(self._rest, None)
            if pull is None:
                return None
            self.pulls.append(pull)
        return self.pulls[number]

    def _find(self) -> Iterator[Pull]:
        forge, known = self.here.forge, set[int]()
        if forge is None:
            return
        for commit in commits(self.here, self.desired):
            try:
                pull = forge.merged(commit)
            except ForgeError as error:
                self.here.warn("approval", error.what, error.why, error.fix)
                return
            if pull is None or pull.number in known:
                continue
            known.add(pull.number)
            yield pull
            if len(known) == MOST_PULLS:
                return

    def _approved(self, pull: Pull, account: str) -> Approved | None:
        try:
            return self._of_artifact(pull, account) or self._of_comment(pull)
        except DpoOpsError as error:
            where = f"pull request #{pull.number}"
            self.here.warn(where, f"its plan can't be used: {error.what}", error.why, error.fix)
            return None

    def _of_artifact(self, pull: Pull, account: str) -> Approved | None:
        assert self.here.forge  # noqa: S101  -- it found the pull request
        data = self.here.forge.artifact(f"dpo-ops-plan-{self.here.env}", pull, _LARGEST)
        if data is None:
            return None
        try:
            saved = load_saved(self.here.screen, data)
        except ValueError as error:
            fix = "plan again and have that reviewed"
            raise PlanError("the artifact is no plan", why=str(error), fix=fix) from error
        if saved.account != account:
            why = f"it was made for {saved.account}, this is {account}"
            raise PlanError("the plan is for another account", why=why)
        return saved.approvals

    def _of_comment(self, pull: Pull) -> Approved | None:
        here = self.here
        if not here.signing_key or here.forge is None:
            return None
        comment = here.forge.comment(pull.number, lambda body: belongs(body, here.env))
        header = header_of(comment.body) if comment else None
        if header is None or not header.approved or header.commit != pull.head:
            return None
        if not is_signed(header, here.signing_key, here.subject(pull.number)):
            raise PlanError(
                "the signature of its comment is not ours",
                why="the comment was edited, or signed with another key",
                fix="plan again and have that reviewed",
            )
        return unpack(header.approved)
