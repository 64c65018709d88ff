"""What a run in CI is about, and what a forge can be asked for: the same for each forge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ForgeError(DpoOpsError):
    """The forge can't be reached, or says no."""


class ReadOnly(ForgeError):
    """The run's token may read but not write, as on a pull request from a fork."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request (a merge request on GitLab).

    `head` is the last commit of its branch and `base` the commit of the branch that it goes to;
    `fork` says that its branch lies in another repository, whose authors are not trusted.
    """

    number: int
    head: str
    base: str = ""
    fork: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The run of a workflow that this process is part of, as its environment describes it.

    `event` is GitHub's word: pull_request, merge_group, push, schedule, workflow_dispatch;
    other forges' words are translated. `commit` is the one that is checked out; for a pull
    request on GitHub that is a merge of its branch, not `pull.head`. `id` names the run, `number`
    is what people see, `url` leads to its log. `public` says that anybody can read its comments.
    """

    repository: str
    event: str
    commit: str
    branch: str
    id: str
    number: str
    url: str
    public: bool = True
    pull: Pull | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request, or an issue: the number or id to edit it by, and its text."""

    id: int
    body: str
    url: str = ""
    open: bool = True
    """Of an issue: whether it is open."""


@dataclass(frozen=True, slots=True)
class Release:
    """What was deployed to an environment, for the forge's page of deployments.

    `state` is GitHub's word: in_progress, success or failure. `says` is one line, such as the
    model that serves (shown cut to 140 characters); `facts` go with it as JSON.
    """

    environment: str
    commit: str
    state: str
    says: str
    url: str = ""
    facts: Mapping[str, str] | None = None


class Forge(Protocol):
    """What a forge can be asked. Errors of every method: ForgeError, ReadOnly where it writes."""

    def comment(self, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the first comment of ours that `is_it` says yes to by its text.

        Ours: written by whom the run's token stands for. What others write is never taken for
        ours, whatever it says.
        """

    def write(self, pull: int, body: str, comment: Comment | None) -> Comment:
        """Edit the comment, or make one where there is None. One that is gone is made anew."""

    def head(self, pull: int) -> str:
        """Return the last commit of a pull request's branch as it is now."""

    def merged(self, commit: str) -> Pull | None:
        """Return the merged pull request that a commit of a protected branch came by.

        By the commit, not by its message, so that squash and rebase merges work.
        """

    def artifact(self, name: str, pull: Pull, limit: int) -> bytes | None:
        """Return the one file of the newest artifact of this name that a run kept for `pull.head`.

        Only of a run of this repository itself, never of a fork's. None where there is none, or
        where it is gone by now.

        Errors: ForgeError where it is larger than `limit` bytes, or holds not exactly one file.
        """

    def issue(self, label: str, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the newest issue of ours with this label that `is_it` says yes to, open or not."""

    def report(
        self, title: str, body: str, label: str, issue: Comment | None, *, open_: bool
    ) -> Comment:
        """Edit the issue, or make one where there is None; open it, or close it."""

    def release(self, release: Release) -> None:
        """Tell of a deployment: a new one, or a new state of the one of this commit and place."""
