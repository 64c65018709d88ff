"""The loop that carries a plan out: start what is ready, look at what runs, end what is over.

Writes go to a few threads; everything else happens in the calling thread. While only waiting
is left, one look (a list call a collection) serves all that is waited for, and no look that
fails is ever taken for a failure of what it wanted to see.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpo_ops.errors import (
    ApiError,
    DpoOpsError,
    Interrupted,
    NotFound,
    QuotaExceeded,
    Unauthorized,
)
from dpo_ops.executor.events import (
    Answered,
    Began,
    Ended,
    Outcome,
    Report,
    StepBegan,
    StepEnded,
    Unseen,
    Uploading,
    Waiting,
)
from dpo_ops.executor.probe import NotYet, probe
from dpo_ops.executor.waits import Waits, sleep_unless
from dpo_ops.executor.writes import Writer, wanted
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Listing, lists_of
from dpo_ops.planner import Plan, Verb
from dpo_ops.resource import Health, localise, qualify

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from dpo_ops.client import Client
    from dpo_ops.executor.events import Event
    from dpo_ops.executor.waits import Clock
    from dpo_ops.planner import Change, Step
    from dpo_ops.resource import Address, Observed


def execute(  # noqa: PLR0913  -- all that the outside world gives, each by name
    plan: Plan,
    client: Client,
    *,
    on_event: Callable[[Event], None],
    clock: Clock,
    random: Random,
    secret: Callable[[str], str],
    waits: Waits = Waits(),
    stop: Callable[[], bool] = lambda: False,
    at_once: int = 8,
) -> Report:
    """Carry out `plan` and return how it ended, change by change.

    Independent branches go on when one fails. `on_event` is told of all that happens, one
    event at a time. When `stop` turns true, or the waits' budget is spent, nothing new is begun
    and what the platform has accepted is left running.

    Args:
        plan: what to do; nothing beyond it is done.
        client: the account to do it in; it must be the plan's.
        on_event: called with each event, never from two threads at once.
        clock: the time, in seconds.
        random: draws the jitter of the pauses.
        secret: returns the value of an environment variable that a spec refers to.
        waits: the pace of looking.
        stop: whether to stop; looked at four times a second.
        at_once: how many writes may be under way at the same time.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="dpo-ops") as pool:
        run = _Run(plan, client, on_event, clock, random, secret, waits, stop, pool)
        return run.carry_out()


@dataclass(slots=True)
class _Task:
    """One change on its way: which step it is at, and since when it waits."""

    change: Change
    index: int = 0
    since: float = 0.0
    unsettled: float | None = None
    not_before: float = 0.0
    future: Future[str] | None = None

    @property
    def step(self) -> Step:
        return self.change.steps[self.index]


@dataclass(slots=True)
class _Run:
    plan: Plan
    client: Client
    on_event: Callable[[Event], None]
    clock: Clock
    random: Random
    secret: Callable[[str], str]
    waits: Waits
    stop: Callable[[], bool]
    pool: ThreadPoolExecutor
    open: dict[Address, _Task] = field(default_factory=dict)
    ended: dict[Address, Ended] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)
    looks: int = 0
    next_look: float = 0.0
    began: float = 0.0
    blind: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self) -> Report:
        self.began = self.clock.now()
        self._say(Began(self.plan))
        self.open = {change.address: _Task(change) for change in self.plan.changes}
        writer = Writer(self.client, self.clock, self.waits, self.stop, self.secret, self._uploaded)
        self._settle()
        while self.open and not self._halted():
            self._start(writer)
            self._let_time_pass()
            self._collect()
            self._look()
            self._settle()
        self._leave()
        return self._report()

    # What can be ended or begun

    def _settle(self) -> None:
        """End, in the plan's order, what needs no work, can't be done, or lost what it needs."""
        for task in list(self.open.values()):
            change = task.change
            if change.blocked:
                self._end(task, Outcome.BLOCKED, str(change.blocked[0]))
            elif cause := self._lost_need(change):
                self._end(task, Outcome.SKIPPED, f"because {cause} did not succeed", cause)
            elif not change.steps:
                self._end(task, Outcome.IN_SYNC, change.reason)

    def _lost_need(self, change: Change) -> Address | None:
        for need in change.needs:
            end = self.ended.get(need)
            if end and end.outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED):
                return end.cause or need
        return None

    def _ready(self, task: _Task) -> bool:
        return task.future is None and not any(need in self.open for need in task.change.needs)

    def _start(self, writer: Writer) -> None:
        for task in self.open.values():
            if not self._ready(task) or task.since or self.clock.now() < task.not_before:
                continue
            self._say(StepBegan(task.change.address, task.step))
            if task.step.verb is Verb.WAIT:
                self._await(task)
            elif task.step.verb is Verb.PROBE:
                self._await(task)
                task.future = self.pool.submit(self._probe, task.change)
            else:
                task.future = self.pool.submit(writer.perform, task.change, task.step)

    def _await(self, task: _Task) -> None:
        # Something new to wait for: look again soon, as at the start.
        task.since = self.clock.now()
        task.unsettled = None
        self.looks = 0
        self.next_look = self.clock.now() + self.waits.pause(0, self.random)

    # Time

    def _halted(self) -> bool:
        spent = self.clock.now() - self.began
        over = self.waits.budget_s is not None and spent >= self.waits.budget_s
        return self.stop() or over or bool(self.blind)

    def _let_time_pass(self) -> None:
        """Wait for a write to end or for the next look to be due, whichever is first."""
        futures = [task.future for task in self.open.values() if task.future]
        if futures:
            wait_for(futures, timeout=0.25, return_when=FIRST_COMPLETED)
        elif self.open:
            sleep_unless(self.clock, self.next_look - self.clock.now(), self._halted)

    # Steps that end

    def _collect(self) -> None:
        for task in list(self.open.values()):
            if task.future and task.future.done():
                future, task.future = task.future, None
                self._take(task, future)

    def _take(self, task: _Task, future: Future[str]) -> None:
        try:
            note = future.result()
        except NotYet as not_yet:
            self._say(self._waiting(task, "READY", str(not_yet)))
        except Interrupted:
            task.since = 0.0
        except QuotaExceeded as error:
            self._defer_or_fail(task, error)
        except DpoOpsError as error:
            self._end(task, Outcome.FAILED, str(error))
        else:
            self._advance(task, note)

    def _defer_or_fail(self, task: _Task, error: QuotaExceeded) -> None:
        """What is full may have room again when something of ours ends; nothing else frees it."""
        if not any(other.since for other in self.open.values()):
            self._end(task, Outcome.FAILED, str(error))
            return
        task.not_before = self.next_look
        self._say(self._waiting(task, "NO_QUOTA", f"waiting for quota: {error.why or error.what}"))

    def _advance(self, task: _Task, note: str = "") -> None:
        self._say(StepEnded(task.change.address, task.step, note))
        waited = self.clock.now() - task.since if task.since else 0.0
        task.index, task.since = task.index + 1, 0.0
        if task.index == len(task.change.steps):
            outcome = Outcome.IN_SYNC if task.change.waits and not waited else Outcome.DONE
            self._end(task, outcome, note)

    # Looking

    def _look(self) -> None:
        """Look once at all that is waited for, if it is time to."""
        waiting = [
            task for task in self.open.values() if task.since and task.step.verb is Verb.WAIT
        ]
        probing = [
            task
            for task in self.open.values()
            if task.since and task.step.verb is Verb.PROBE and task.future is None
        ]
        if self.clock.now() < self.next_look or not (waiting or probing):
            return
        self.looks += 1
        self.next_look = self.clock.now() + self.waits.pause(self.looks, self.random)
        for task in probing:
            task.future = self.pool.submit(self._probe, task.change)
        if waiting and (listing := self._listing(waiting)):
            for task in waiting:
                self._judge(task, listing)

    def _listing(self, waiting: list[_Task]) -> Listing | None:
        kinds = {t.change.address.kind: KINDS[t.change.address.kind] for t in waiting}
        try:
            records = self.client.lists(lists_of(kinds.values()))
        except Unauthorized as error:
            # Without a key there is nothing to see; what runs goes on all the same.
            self.blind = str(error)
        except ApiError as error:
            self._say(Unseen(str(error), self.clock.now() - min(t.since for t in waiting)))
        else:
            return Listing({c: localise(rows, self.client.account) for c, rows in records.items()})
        return None

    def _judge(self, task: _Task, listing: Listing) -> None:
        resource = wanted(task.change)
        seen = KINDS[task.change.address.kind].find(resource, listing)
        if seen.conflict or seen.health is Health.FAILED:
            self._end(task, Outcome.FAILED, f"{seen.id} {seen.conflict or seen.message}")
        elif seen.health is Health.CURRENT:
            self._advance(task, seen.message)
        elif seen.health is Health.NOT_FOUND or seen.confirm:
            self._doubt(task, seen)
        else:
            task.unsettled = None
            self._say(self._waiting(task, _state(seen), seen.message))

    def _doubt(self, task: _Task, seen: Observed) -> None:
        """A list may lag behind: only after the grace, and by name, is a thing called lost."""
        now = self.clock.now()
        task.unsettled = now if task.unsettled is None else task.unsettled
        message = seen.message or "not in the list yet"
        if now - task.unsettled < self.waits.grace_s:
            self._say(self._waiting(task, _state(seen), message))
            return
        name = seen.confirm or f"accounts/-/{task.step.name}"
        try:
            self.client.get(qualify(name, self.client.account))
        except NotFound:
            self._end(task, Outcome.FAILED, f"{name.removeprefix('accounts/-/')} does not exist")
        except ApiError as error:
            self._say(Unseen(str(error), now - task.since))
        else:
            self._say(self._waiting(task, _state(seen), message))

    def _probe(self, change: Change) -> str:
        answered = probe(self.client, change)
        self.answers.append(answered)
        self._say(answered)
        return "it answers"

    # The end

    def _end(
        self, task: _Task, outcome: Outcome, message: str = "", cause: Address | None = None
    ) -> None:
        change = task.change
        waited = self.clock.now() - self.began
        end = Ended(change.address, outcome, change.action, change.id, message, cause, waited)
        self.ended[change.address] = end
        del self.open[change.address]
        self._say(end)

    def _leave(self) -> None:
        """Say of all that is still open whether it runs without us or was never begun."""
        futures = [task.future for task in self.open.values() if task.future]
        wait_for(futures)
        self._collect()
        for task in list(self.open.values()):
            running = bool(task.since)
            outcome = Outcome.RUNNING if running else Outcome.NOT_STARTED
            self._end(task, outcome, self.blind or ("goes on without us" if running else "stopped"))

    def _report(self) -> Report:
        ended = tuple(self.ended[change.address] for change in self.plan.changes)
        left = (Outcome.RUNNING, Outcome.NOT_STARTED)
        stopped = any(end.outcome in left for end in ended)
        return Report(self.plan, ended, tuple(self.answers), interrupted=stopped)

    def _uploaded(self, change: Change, done: int, total: int) -> None:
        self._say(Uploading(change.address, done, total))

    def _waiting(self, task: _Task, state: str, message: str) -> Waiting:
        waited = self.clock.now() - (task.since or self.began)
        return Waiting(task.change.address, state, message, waited)

    def _say(self, event: Event) -> None:
        with self.lock:
            self.on_event(event)


def _state(seen: Observed) -> str:
    return str((seen.record or {}).get("state") or seen.health)
