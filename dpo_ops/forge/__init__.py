"""The forge that hosts the repository: GitHub or GitLab, its pull requests and its runs.

It stands alone: it knows nothing of specs, plans or accounts, and carries texts that others made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dpo_ops.forge.contract import Comment, Forge, ForgeError, Pull, ReadOnly, Release, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

__all__ = [
    "Comment",
    "Forge",
    "ForgeError",
    "Pull",
    "ReadOnly",
    "Release",
    "Run",
    "connect",
    "current",
]


def current(environ: Mapping[str, str]) -> Run | None:
    """Return the run that this process is part of, or None where it is part of none.

    Errors: DpoOpsError where the run's variables or its event file can't be used.
    """
    # Imported here, as below: `dpo-ops` outside CI needs none of this.
    from dpo_ops.forge.github import context as github  # noqa: PLC0415
    from dpo_ops.forge.gitlab import context as gitlab  # noqa: PLC0415

    return github.run_of(environ) or gitlab.run_of(environ)


def connect(
    environ: Mapping[str, str],
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Forge | None:
    """Return the forge of this run, or None where there is no run or no token for it.

    The token is GITHUB_TOKEN on GitHub and DPO_OPS_GITLAB_TOKEN on GitLab, whose own job token
    may not write notes.

    Errors: DpoOpsError where the run's variables can't be used.
    """
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_TOKEN"):
        from dpo_ops.forge.github.forge import GitHub  # noqa: PLC0415

        return GitHub(environ, transport=transport, sleep=sleep)
    if environ.get("GITLAB_CI") and environ.get("DPO_OPS_GITLAB_TOKEN"):
        from dpo_ops.forge.gitlab.forge import GitLab  # noqa: PLC0415

        return GitLab(environ, transport=transport, sleep=sleep)
    return None
