"""What the commits of the specs wanted, for the commands that look back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import DpoOpsError, Finding, Severity
from dpo_ops.loader import Repository, releases, repository_root
from dpo_ops.loader.repository import FULL_CLONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.cli.options import Specs
    from dpo_ops.planner import Release


def look_back(specs: Specs, limit: int | None) -> tuple[tuple[Release, ...], bool]:
    """Return what the last commits wanted, the newest first, and whether all of them are here.

    Errors: DpoOpsError outside of a repository.
    """
    with Repository(repository_root(specs.paths[0])) as repository:
        found = releases(repository, specs.paths, values=specs.values, limit=limit)
        return found, not repository.shallow


def doubts(found: tuple[Release, ...], *, complete: bool) -> Iterator[Finding]:
    """Yield what is not known of the past: commits that are missing, or can't be rendered."""
    if not complete:
        yield Finding(
            "git",
            "earlier commits are not in this clone",
            "it is a shallow one",
            FULL_CLONE,
            "shallow-clone",
            Severity.WARNING,
        )
    for release in found:
        for finding in release.findings:
            if finding.severity is Severity.ERROR:
                yield finding


def all_of_them(found: tuple[Release, ...], *, complete: bool) -> None:
    """Refuse a past that is not known in full. Errors: DpoOpsError."""
    broken = [release for release in found if release.desired is None]
    if not complete:
        raise DpoOpsError(
            "what earlier commits refer to is not known; nothing was sent",
            why="this is a shallow clone: earlier commits are missing",
            fix=FULL_CLONE,
        )
    if broken:
        names = ", ".join(f"{r.commit.short} ({r.findings[0]})" for r in broken)
        raise DpoOpsError(
            "what some commits refer to is not known; nothing was sent",
            why=f"their specs can't be used: {names}",
            fix="keep fewer commits with --keep-last, so that they are not among them",
        )
