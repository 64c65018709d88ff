"""GitHub as a forge: the methods of the contract, each from the module of its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from dpo_ops.forge.contract import Comment, Pull, Release


class GitHub:
    """GitHub's REST API, asked in the name of a run's token."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        raise NotImplementedError

    def comment(self, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the oldest comment of ours that `is_it` says yes to."""
        raise NotImplementedError

    def write(self, pull: int, body: str, comment: Comment | None) -> Comment:
        """Edit the comment, or make one."""
        raise NotImplementedError

    def head(self, pull: int) -> str:
        """Return the last commit of a pull request's branch."""
        raise NotImplementedError

    def merged(self, commit: str) -> Pull | None:
        """Return the merged pull request that a commit came by."""
        raise NotImplementedError

    def artifact(self, name: str, pull: Pull, limit: int) -> bytes | None:
        """Return the one file of the newest artifact of this name for `pull.head`."""
        raise NotImplementedError

    def issue(self, label: str, is_it: Callable[[str], bool]) -> Comment | None:
        """Return the newest issue of ours with this label that `is_it` says yes to."""
        raise NotImplementedError

    def report(
        self, title: str, body: str, label: str, issue: Comment | None, *, open_: bool
    ) -> Comment:
        """Edit the issue, or make one."""
        raise NotImplementedError

    def release(self, release: Release) -> None:
        """Tell of a deployment."""
        raise NotImplementedError
