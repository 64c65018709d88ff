"""What commits wanted: a commit of Git, and the desired state as the specs had it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpo_ops.errors import Finding
    from dpo_ops.resource import State


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its full and its short hash, when it was authored (RFC 3339), by whom, and why."""

    id: str
    short: str
    date: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Release:
    """What a commit wants to exist, or the findings for which its specs can't be used.

    `account` is the one that its specs name; None where they name none.
    """

    commit: Commit
    desired: State | None
    account: str | None = None
    findings: tuple[Finding, ...] = ()
