"""Pull requests: where their branch is now, and which of them a commit came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge.contract import ForgeError, Pull
from dpo_ops.forge.environ import SHA
from dpo_ops.forge.github.context import from_fork
from dpo_ops.forge.reading import number, text

if TYPE_CHECKING:
    from dpo_ops.forge.github.api import Api

READ: Final = "pull-requests: read"


def head(api: Api, pull: int) -> str:
    """Return the last commit of a pull request's branch as it is now."""
    return _commit(api.get(f"/pulls/{pull}", READ), pull)


def merged(api: Api, commit: str, branch: str) -> Pull | None:
    """Return the merged pull request that a commit came by, to `branch` where that is known.

    What became exactly this commit by its merge goes before what only holds it, such as one that
    went to another branch first; of several, the one merged last.
    """
    if not SHA.fullmatch(commit):
        raise DpoOpsError("this is no commit", where=repr(commit)[:80], why="an id in hex is")
    rows = [
        r
        for r in api.pages(f"/commits/{commit}/pulls", {}, READ)
        if text(r, "merged_at")
        and text(r, "base", "repo", "full_name").casefold() == api.repository.casefold()
        and branch in ("", text(r, "base", "ref"))
    ]
    if not rows:
        return None
    found = max(rows, key=lambda r: (text(r, "merge_commit_sha") == commit, text(r, "merged_at")))
    n = number(found, "number")
    return Pull(
        number=n,
        head=_commit(found, n),
        base=text(found, "base", "sha"),
        fork=from_fork(found, api.repository),
        url=f"{api.server}/{api.repository}/pull/{n}",
    )


def _commit(row: Any, pull: int) -> str:
    commit = text(row, "head", "sha")
    if SHA.fullmatch(commit) and pull:
        return commit
    raise ForgeError(
        "GitHub's answer can't be used",
        where=f"pull request {pull}",
        why="it names no last commit of the branch",
        fix="run this job again in a few minutes",
    )
