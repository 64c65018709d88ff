"""GitHub as a forge: the methods of the contract, each from the module of its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.forge import environ as read
from dpo_ops.forge.github import artifacts, comments, deployments, issues, pulls
from dpo_ops.forge.github.api import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from dpo_ops.forge.contract import Comment, Pull, Release


class GitHub:
    """GitHub's REST API, asked in the name of a run's token.

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
        run = read.plain(environ, "GITHUB_RUN_ID")
        self._log = f"{self._api.server}/{self._api.repository}/actions/runs/{run}" if run else ""
        on_branch = environ.get("GITHUB_REF_TYPE") == "branch"
        self._branch = read.plain(environ, "GITHUB_REF_NAME") if on_branch else ""

    def comment(self, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the oldest comment of ours that `is_it` says yes to."""
        return comments.find(self._api, pull, is_it)

    def write(self, pull: int, body: str, comment: Comment | None) -> Comment:
        """Edit the comment, or make one; never a second one where a reply is lost."""
        return comments.write(self._api, pull, body, comment)

    def head(self, pull: int) -> str:
        """Return the last commit of a pull request's branch as it is now."""
        return pulls.head(self._api, pull)

    def merged(self, commit: str) -> Pull | None:
        """Return the merged pull request that a commit of this run's branch came by."""
        return pulls.merged(self._api, commit, self._branch)

    def artifact(self, name: str, pull: Pull, limit: int) -> bytes | None:
        """Return the one file of the newest artifact of this name for `pull.head`."""
        return artifacts.artifact(self._api, name, pull, limit)

    def issue(self, label: str, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the newest issue of ours with this label that `is_it` says yes to."""
        return issues.find(self._api, label, is_it)

    def report(
        self, title: str, body: str, label: str, issue: Comment | None, *, open_: bool
    ) -> Comment:
        """Edit the issue, or make one; open it, or close it."""
        value = {"title": title, "body": body}
        return issues.report(self._api, issue, value, label, open_=open_)

    def release(self, release: Release) -> None:
        """Tell of a deployment, on GitHub's page of them."""
        deployments.release(self._api, release, self._log)
