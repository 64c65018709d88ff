"""What of a repository decides what exists: specs, values and data, and who changed them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import DpoOpsError
from dpo_ops.loader import repository_root
from dpo_ops.loader.repository import Repository

if TYPE_CHECKING:
    from dpo_ops.cli.ci.base import Base
    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.loader import Loaded

_MOST: Final = 20
"""How many commits are looked back at; each may cost a request."""


def commits(here: Setting, desired: Loaded) -> list[str]:
    """Return the commits that changed specs, values or data, the newest first."""
    try:
        with Repository(repository_root(here.specs.paths[0])) as repository:
            paths = [path or "." for path in _followed(repository, here, desired)]
            return [commit.id for commit in repository.commits(paths, _MOST)]
    except DpoOpsError as error:
        here.warn("git", error.what, error.why, error.fix)
        return [here.commit] if here.commit else []


def touched(here: Setting, desired: Loaded, before: Base) -> bool:
    """Return whether what is checked out has other specs, values or data than its base.

    A pull request that touches none of them approves nothing, so nobody has to review its plan.
    True where the base is not known.
    """
    if before.commit is None:
        return True
    try:
        with Repository(repository_root(here.specs.paths[0])) as repository:
            paths = _followed(repository, here, desired)
            old, new = (
                {
                    path: entry
                    for path, entry in repository.tree(commit).items()
                    if any(_below(path, at) for at in paths)
                }
                for commit in (before.commit.id, "HEAD")
            )
            return old != new
    except DpoOpsError as error:
        here.warn("git", error.what, error.why, error.fix)
        return True


def _followed(repository: Repository, here: Setting, desired: Loaded) -> set[str]:
    """Return the files and folders, from the top; `` is all."""
    data = (resource.content.path for resource in desired.state.values() if resource.content)
    found = set[str]()
    for path in [*here.specs.paths, *here.specs.values, *map(Path, data)]:
        with suppress(DpoOpsError):  # Values may lie outside of the repository.
            found.add(repository.relative(path))
    return found


def _below(path: str, at: str) -> bool:
    return not at or path == at or path.startswith(f"{at}/")
