"""The one comment of an environment on a pull request: found again, edited, never repeated.

That a comment can't be written ends nothing: what is done in the account matters more, and the
job's summary says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.forge import ForgeError, ReadOnly
from dpo_ops.reporters.pull.header import belongs, header_of
from dpo_ops.reporters.pull.status import with_status

if TYPE_CHECKING:
    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.forge import Comment, Forge, Pull
    from dpo_ops.reporters.pull.subject import Header, Stage


class Note:
    """The comment on `pull`; without a pull request or a forge, no call does anything."""

    def __init__(self, here: Setting, pull: Pull | None) -> None:
        self._here, self.pull = here, pull
        self._forge: Forge | None = here.forge if pull and here.wishes.comment else None
        self._known: Comment | None = None
        self._asked = False

    @property
    def body(self) -> str:
        """What it says now; empty where there is none."""
        comment = self._comment()
        return comment.body if comment else ""

    @property
    def header(self) -> Header | None:
        """Its hidden first line."""
        return header_of(self.body)

    def outdated(self) -> bool:
        """Return whether the pull request has gone on since this run began."""
        if self._forge is None or self.pull is None:
            return False
        try:
            return self._forge.head(self.pull.number) != self.pull.head
        except ForgeError as error:
            self._failed(error)
            return False

    def tell(self, stage: Stage, note: str = "", outcome: str = "") -> None:
        """Say in the comment that is there how things stand; make none."""
        if body := self.body:
            status = self._here.status(stage, note)
            self.write(with_status(body, status, outcome))

    def write(self, body: str) -> None:
        """Make the comment say `body`, or make one."""
        masked = self._here.screen.masks(body)
        comment = self._comment()
        if self._forge is None or self.pull is None or (comment and comment.body == masked):
            return
        try:
            self._known = self._forge.write(self.pull.number, masked, comment)
        except ForgeError as error:
            self._failed(error)

    def _comment(self) -> Comment | None:
        if self._forge is None or self.pull is None or self._asked:
            return self._known
        self._asked = True
        try:
            self._known = self._forge.comment(
                self.pull.number, lambda body: belongs(body, self._here.env)
            )
        except ForgeError as error:
            self._failed(error)
        return self._known

    def _failed(self, error: ForgeError) -> None:
        """Say so once, and ask no more."""
        self._forge = None
        what = "the pull request's comment can't be written"
        if isinstance(error, ReadOnly) and self.pull and self.pull.fork:
            fix = "this is so on a pull request from a fork; the job's summary says it all"
            self._here.warn("pull request", what, error.what, fix)
        else:
            self._here.warn("pull request", what, f"{error.what}: {error.why}", error.fix)
