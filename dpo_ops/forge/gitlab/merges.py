"""Merge requests: where their branch is now, and which of them a commit came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge.contract import ForgeError, Pull
from dpo_ops.forge.environ import SHA
from dpo_ops.forge.gitlab.api import SCOPE
from dpo_ops.forge.reading import number, text

if TYPE_CHECKING:
    from dpo_ops.forge.gitlab.api import Api


def head(api: Api, pull: int) -> str:
    """Return the last commit of a merge request's branch as it is now."""
    return _commit(api.get(f"/merge_requests/{pull}", SCOPE), pull)


def merged(api: Api, commit: str, branch: str) -> Pull | None:
    """Return the merged request that a commit came by, to `branch` where that is known.

    What became exactly this commit, merged or squashed, goes before what only holds it.
    """
    if not SHA.fullmatch(commit):
        raise DpoOpsError("this is no commit", where=repr(commit)[:80], why="an id in hex is")
    rows = [
        r
        for r in api.pages(f"/repository/commits/{commit}/merge_requests", {}, SCOPE)
        if text(r, "state") == "merged"
        and number(r, "target_project_id") == api.project
        and branch in ("", text(r, "target_branch"))
    ]
    if not rows:
        return None
    found = max(rows, key=lambda r: (_became(r, commit), text(r, "merged_at")))
    n = number(found, "iid")
    return Pull(
        number=n,
        head=_commit(found, n),
        base=text(found, "diff_refs", "base_sha"),
        fork=number(found, "source_project_id") != api.project,
        url=f"{api.address}/-/merge_requests/{n}" if api.address else "",
    )


def _became(row: Any, commit: str) -> bool:
    # Which of them is set depends on the project's way to merge.
    return commit in (text(row, "merge_commit_sha"), text(row, "squash_commit_sha"))


def _commit(row: Any, pull: int) -> str:
    commit = text(row, "sha")
    if SHA.fullmatch(commit) and pull:
        return commit
    raise ForgeError(
        "GitLab's answer can't be used",
        where=f"merge request {pull}",
        why="it names no last commit of the branch",
        fix="run this job again in a few minutes",
    )
