"""GitLab as a forge: the methods of the contract, each from the module of its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.forge import environ as read
from dpo_ops.forge.gitlab import issues, jobs, merges, notes
from dpo_ops.forge.gitlab.api import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from dpo_ops.forge.contract import Comment, Pull, Release


class GitLab:
    """GitLab's REST API, asked in the name of an access token of the project.

    Errors of every method: ForgeError, ReadOnly where it writes and the token may not.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._api = Api(environ, transport=transport, sleep=sleep)
        # Set in pipelines of branches alone.
        self._branch = read.plain(environ, "CI_COMMIT_BRANCH")
        self._job = environ.get("DPO_OPS_PLAN_JOB", "") or jobs.JOB

    def comment(self, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the oldest note of ours that `is_it` says yes to."""
        return notes.find(self._api, pull, is_it)

    def write(self, pull: int, body: str, comment: Comment | None) -> Comment:
        """Edit the note, or make one; never a second one where a reply is lost."""
        return notes.write(self._api, pull, body, comment)

    def head(self, pull: int) -> str:
        """Return the last commit of a merge request's branch as it is now."""
        return merges.head(self._api, pull)

    def merged(self, commit: str) -> Pull | None:
        """Return the merged request that a commit of this pipeline's branch came by."""
        return merges.merged(self._api, commit, self._branch)

    def artifact(self, name: str, pull: Pull, limit: int) -> bytes | None:
        """Return the file NAME.json of the newest plan job for `pull.head`.

        The job is the one that DPO_OPS_PLAN_JOB names.
        """
        return jobs.artifact(self._api, name, pull, limit, self._job)

    def issue(self, label: str, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the newest issue of ours with this label that `is_it` says yes to."""
        return issues.find(self._api, label, is_it)

    def report(
        self, title: str, body: str, label: str, issue: Comment | None, *, open_: bool
    ) -> Comment:
        """Edit the issue, or make one; open it, or close it."""
        value = {"title": title, "description": body}
        return issues.report(self._api, issue, value, label, open_=open_)

    def release(self, release: Release) -> None:
        """Do nothing: GitLab makes a deployment of each job that has an `environment:`.

        A second one from here would show the same release twice.
        """
