"""How what is waited for is seen: by one look for all, and by name where a list leaves doubt.

A list may lag behind, and a look may fail. Neither is ever taken for a failure of what it wanted
to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from dpo_ops.errors import NotFound
from dpo_ops.executor.writes import wanted
from dpo_ops.kinds.facts import Listing, lists_of
from dpo_ops.resource import HERE, Health, last_segment, qualify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from dpo_ops.client import Client
    from dpo_ops.executor.tasks import Task
    from dpo_ops.executor.waits import Clock, Waits
    from dpo_ops.resource import Observed


class Standing(Enum):
    """How it stands with what is waited for."""

    GOING = auto()
    ARRIVED = auto()
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look says of one task. `state` is the platform's word."""

    standing: Standing
    message: str
    state: str = ""


@dataclass(slots=True)
class Sight:
    """Looks at the account, at a pace that slows down until there is something new."""

    client: Client
    clock: Clock
    waits: Waits
    random: Random
    looks: int = 0
    next_look: float = 0.0

    def soon(self, *, others: bool) -> None:
        """Look again soon, as at the start, but never later than was meant for the `others`.

        Else a row of new tasks would keep it from looking at all.
        """
        soon = self.clock.now() + self.waits.pause(0, self.random)
        self.next_look = min(self.next_look, soon) if others else soon
        self.looks = 0

    def pause(self) -> float:
        """Return the pause that is due now, in seconds."""
        return self.waits.pause(self.looks, self.random)

    def look(self, waiting: Sequence[Task]) -> Listing:
        """Look once at all that is waited for. Errors: ApiError."""
        self.looks += 1
        self.next_look = self.clock.now() + self.pause()
        records = self.client.lists(lists_of([task.kind for task in waiting]))
        return Listing.of(records, self.client.account)

    def judge(self, task: Task, listing: Listing) -> Seen:
        """Return how it stands with `task`. Errors: ApiError where it had to be asked for."""
        if last_segment(task.step.name) not in (task.id, task.change.id):
            return _another(task, listing)
        found = self._judged(task, listing)
        return self._stalled(task, found) if found.standing is Standing.GOING else found

    def _stalled(self, task: Task, found: Seen) -> Seen:
        """Give up on what has been in one state for longer than its spec allows."""
        now, limit = self.clock.now(), wanted(task.change).options.get("noProgressS")
        if found.state != task.state:
            task.state, task.state_since = found.state, now
        if not limit or now - task.state_since < limit:
            return found
        return Seen(
            Standing.LOST,
            f"{task.id} has been {found.message or found.state} for {limit:.0f} s without a change;"
            " it was left running, and is paid for: look at it, cancel it or raise"
            " noProgressTimeout",
        )

    def _judged(self, task: Task, listing: Listing) -> Seen:
        seen = task.kind.find(wanted(task.change), listing)
        if seen.conflict:
            return Seen(Standing.LOST, f"{seen.id} {seen.conflict}")
        if seen.health is Health.CURRENT:
            return Seen(Standing.ARRIVED, seen.message)
        if seen.health in _LOST or seen.confirm:
            return self._doubted(task, seen)
        task.unsettled = None
        return _going(seen, seen.message)

    def _doubted(self, task: Task, seen: Observed) -> Seen:
        """A list may lag behind: only by name, and after the grace, is a thing called lost.

        A failure that the list shows of the very thing that is waited for needs no grace.
        """
        now = self.clock.now()
        task.unsettled = now if task.unsettled is None else task.unsettled
        failed = seen.health is Health.FAILED and seen.id == task.id
        if failed or now - task.unsettled >= self.waits.grace_s:
            return self._by_name(task, seen)
        return _going(seen, seen.message or "not in the list yet")

    def _by_name(self, task: Task, seen: Observed) -> Seen:
        name = seen.confirm or f"{HERE}{task.kind.collection}/{task.id}"
        try:
            record = self.client.get(qualify(name, self.client.account))
        except NotFound:
            return Seen(Standing.LOST, f"{name.removeprefix(HERE)} does not exist")
        health, message = task.kind.health(record)
        if seen.confirm or health not in _LOST:
            return _going(seen, seen.message or message)
        return Seen(Standing.LOST, f"{task.id} {message}")


def _another(task: Task, listing: Listing) -> Seen:
    """Say how it stands with something else that has to be over first."""
    id_ = last_segment(task.step.name)
    record = listing.get(task.kind.collection, id_)
    health, message = task.kind.health(record) if record else (Health.NOT_FOUND, "gone")
    if health is Health.IN_PROGRESS:
        return Seen(Standing.GOING, f"{id_} has to end first: {message}", str(health))
    return Seen(Standing.ARRIVED, f"{id_} is over: {message}")


def _going(seen: Observed, message: str) -> Seen:
    return Seen(Standing.GOING, message, str((seen.record or {}).get("state") or seen.health))


_LOST = (Health.FAILED, Health.TERMINATING, Health.NOT_FOUND)
"""What never becomes current by waiting for it."""
