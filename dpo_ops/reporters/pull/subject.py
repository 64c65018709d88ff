"""What a comment on a pull request is about, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpo_ops.errors import DpoOpsError, Finding
    from dpo_ops.pairs.diff import Comparison
    from dpo_ops.planner import Plan
    from dpo_ops.resource import Address


class Stage(StrEnum):
    """Where in its life a reviewed plan is; the words of the status line."""

    PLANNED = "planned"
    OFFLINE = "planned offline"
    INVALID = "not valid"
    SUPERSEDED = "superseded"
    APPLYING = "applying"
    RUNNING = "still training"
    APPLIED = "applied"
    STALE = "not applied: the plan is stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The status line: a stage, the run that says so, and what more there is to say.

    `at` is when, such as `2026-11-23 12:01 UTC`; `run` the number that people see, `url` its log.
    `note` is text from inside the tool, such as the reason of a failure or how it carries on.
    """

    stage: Stage
    run: str
    url: str
    at: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The hidden first line of a comment, by which it is found and understood again.

    `commit` is the head of the pull request that was planned, `plan` the fingerprint of the plan
    (empty where there is none), `run` the id of the run. `approved` is what an approval is bound
    to, packed, and `signature` proves that whoever holds the key wrote it; both may be empty.
    """

    env: str
    commit: str
    run: str
    tool: str
    plan: str = ""
    approved: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class DataChange:
    """How the file of one dataset differs from that of the base branch.

    `before` and `after` are paths in the repository; None where there is no such file on that
    side. `comparison` is None where there is only one side, or where it was left out: `note` says
    why. `rows` are those of the file as it is now, or was where it is gone.
    """

    address: Address
    before: str | None
    after: str | None
    comparison: Comparison | None = None
    rows: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """All that a comment on a pull request tells of one environment.

    `plan` is made from the account, or, `offline`, from the base branch alone: `offline` says why,
    and is empty otherwise. `data` are the datasets whose files changed; `samples` how many rows of
    each fate are shown of each (0 on public repositories). `findings` are those that have no
    place in the plan itself.
    """

    env: str
    commit: str
    plan: Plan
    offline: str = ""
    data: tuple[DataChange, ...] = ()
    samples: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Invalid:
    """That the specs of a pull request can't be planned, and why."""

    env: str
    commit: str
    error: DpoOpsError
