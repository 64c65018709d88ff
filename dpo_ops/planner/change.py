"""The plan as data: frozen values, no closures. What is printed is what is carried out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.errors import Finding, Place
    from dpo_ops.kinds import Kind
    from dpo_ops.kinds.pricing import Cost, Unpriced
    from dpo_ops.resource import Address, Health, Json, Resource


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NO_OP = "no-op"


class Verb(StrEnum):
    """One kind of step. Each that writes is one API call, and safe to repeat.

    TRAIN runs on one's own compute and writes nothing to the account.
    """

    TRAIN = "train"
    CREATE = "create"
    UNDELETE = "undelete"
    RESUME = "resume"
    CANCEL = "cancel"
    UPLOAD = "upload"
    PATCH = "patch"
    WAIT = "wait"
    PROBE = "probe"
    MARK = "mark"
    TAG = "tag"
    DELETE = "delete"


WAITING = (Verb.WAIT, Verb.PROBE)
"""The verbs that write nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change; `name` is `collection/id` in the account."""

    verb: Verb
    name: str

    def __str__(self) -> str:
        return f"{self.verb} {self.name}"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field whose value changes, is set at creation, or is pinned by the plan."""

    path: str
    before: Json
    after: Json
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be done for one address, or why nothing is.

    `id` is the remote id after the change. `steps` are carried out in their order. `blocked`
    holds why the change can't be carried out at all. `cost` is what creating it is charged, or by
    how much an update makes it dearer, or why that is not known; None where nothing is charged,
    or no prices were given.
    """

    address: Address
    action: Action
    id: str
    reason: str
    health: Health
    resource: Resource | None = None
    fields: tuple[FieldChange, ...] = ()
    steps: tuple[Step, ...] = ()
    needs: tuple[Address, ...] = ()
    blocked: tuple[Finding, ...] = ()
    cost: Cost | Unpriced | None = None
    reversible: bool = True
    record: Mapping[str, Json] | None = None

    @property
    def kind(self) -> Kind:
        """The facts that hold for its resource."""
        return kind_of(self.resource) if self.resource else KINDS[self.address.kind]

    def where(self, *paths: str) -> Place | str:
        """Return where its spec says the first of these dotted paths, else where it stands.

        The address is returned where no file is to blame.
        """
        resource = self.resource
        if resource is None:
            return str(self.address)
        return resource.where(*paths)

    def stopped(self, *findings: Finding) -> Change:
        """Return it with nothing to do, for what these findings say."""
        what = findings[0].what
        return replace(
            self, action=Action.NO_OP, steps=(), fields=(), reason=what, blocked=findings
        )

    @property
    def waits(self) -> bool:
        """Whether there is something to wait for, but nothing to write."""
        return bool(self.steps) and all(step.verb in WAITING for step in self.steps)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes for one account and stack, in the order to carry them out."""

    account: str
    stack: str
    changes: tuple[Change, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def summary(self) -> dict[str, int]:
        """How many changes there are of each action, zeros included."""
        count = Counter(change.action for change in self.changes)
        return {str(action): count[action] for action in Action}

    @property
    def in_sync(self) -> bool:
        """Whether there is nothing to write, nothing to wait for and nothing blocked."""
        return not any(change.steps or change.blocked for change in self.changes)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """The changes that can't be carried out."""
        return tuple(change for change in self.changes if change.blocked)
