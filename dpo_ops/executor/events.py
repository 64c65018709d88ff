"""What the executor says while it works, as data; reporters turn it into lines and bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.errors import Finding
    from dpo_ops.planner import Action, Plan, Step
    from dpo_ops.resource import Address, Json
    from dpo_ops.trainers import Measured


class Outcome(StrEnum):
    """How it ended for one change."""

    DONE = "done"
    IN_SYNC = "in-sync"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    RUNNING = "still-running"
    """Accepted by the platform and going on without us."""
    NOT_STARTED = "not-started"
    """We were stopped before its turn came."""


@dataclass(frozen=True, slots=True)
class Began:
    """The plan is being carried out from here on."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A step of a change has begun."""

    address: Address
    step: Step


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step of a change is over; `note` says what there is to say, such as an adoption."""

    address: Address
    step: Step
    note: str = ""


@dataclass(frozen=True, slots=True)
class Uploading:
    """Bytes on their way: `done` of `total`."""

    address: Address
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Training:
    """An optimizer step on one's own compute is over."""

    address: Address
    measured: Measured


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a resource was seen doing. `state` is the platform's word, `waited` in seconds."""

    address: Address
    state: str
    message: str
    waited: float


@dataclass(frozen=True, slots=True)
class Unseen:
    """The account could not be looked at; nothing is concluded from it, the wait goes on."""

    error: str
    waited: float


@dataclass(frozen=True, slots=True)
class Answered:
    """A deployment answered the probe: proof that the new model serves."""

    address: Address
    model: str
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A change is over. `cause` is the address that kept a skipped one from its turn.

    `state` is what it was last seen doing, where it goes on; `findings` are all that block it.
    """

    address: Address
    outcome: Outcome
    action: Action
    id: str
    message: str = ""
    cause: Address | None = None
    waited: float = 0.0
    state: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """How it all ended: one `Ended` a change, in the plan's order, and the probes' answers."""

    plan: Plan
    ended: tuple[Ended, ...]
    answers: tuple[Answered, ...] = ()
    interrupted: bool = False
    left: bool = False
    """It was left as it was told to be, once it had waited long enough."""
    outputs: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By address, the names that others need, such as the model to request."""
    blind: str = ""
    """Why the account could not be seen any more, where that ended it."""

    def having(self, *outcomes: Outcome) -> tuple[Ended, ...]:
        """Return what ended in one of these ways."""
        return tuple(end for end in self.ended if end.outcome in outcomes)

    @property
    def running(self) -> tuple[Ended, ...]:
        """What the platform has accepted, and goes on without us."""
        return self.having(Outcome.RUNNING)

    @property
    def exit_code(self) -> int:
        """0 done, 1 something failed or was cut off, 3 left running or for the next run."""
        if self.having(Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED):
            return 1
        if self.having(Outcome.RUNNING) or self.left:
            return 3
        return 1 if self.having(Outcome.NOT_STARTED) else 0


Event = Began | StepBegan | StepEnded | Uploading | Training | Waiting | Unseen | Answered | Ended
