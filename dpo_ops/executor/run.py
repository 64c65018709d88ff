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
    QuotaExceeded,
    Retired,
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
    Training,
    Unseen,
    Uploading,
    Waiting,
)
from dpo_ops.executor.probe import NotYet, probe
from dpo_ops.executor.sight import Sight, Standing
from dpo_ops.executor.tasks import Task
from dpo_ops.executor.waits import SLICE_S, Waits, sleep_unless
from dpo_ops.executor.writes import Done, Writer
from dpo_ops.planner import Plan, Verb
from dpo_ops.planner.change import WAITING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from dpo_ops.client import Client
    from dpo_ops.executor.events import Event
    from dpo_ops.executor.training import Workshop
    from dpo_ops.executor.waits import Clock
    from dpo_ops.kinds.facts import Listing
    from dpo_ops.planner import Change
    from dpo_ops.resource import Address
    from dpo_ops.trainers import Measured


def execute(  # noqa: PLR0913  -- all that the outside world gives, each by name
    plan: Plan,
    client: Client,
    *,
    on_event: Callable[[Event], None],
    clock: Clock,
    random: Random,
    secret: Callable[[str], str],
    workshop: Workshop,
    waits: Waits = Waits(),
    stop: Callable[[], bool] = lambda: False,
    at_once: int = 8,
) -> Report:
    """Carry out `plan` and return how it ended, change by change.

    Independent branches go on when one fails. `on_event` is told of all that happens, one
    event at a time. When `stop` turns true, or the waits' budget is spent, nothing new is begun,
    an upload is broken off, and what the platform has accepted is left running.

    Args:
        plan: what to do; nothing beyond it is done.
        client: the account to do it in; it must be the plan's.
        on_event: called with each event, never from two threads at once.
        clock: the time, in seconds.
        random: draws the jitter of the pauses.
        secret: returns the value of an environment variable that a spec refers to.
        workshop: trains what is trained on one's own compute.
        waits: the pace of looking.
        stop: whether to stop; looked at four times a second.
        at_once: how many writes may be under way at the same time.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="dpo-ops") as pool:
        sight = Sight(client, clock, waits, random)
        run = _Run(plan, client, on_event, clock, sight, secret, workshop, waits, stop, pool)
        return run.carry_out()


@dataclass(slots=True)
class _Run:
    plan: Plan
    client: Client
    on_event: Callable[[Event], None]
    clock: Clock
    sight: Sight
    secret: Callable[[str], str]
    workshop: Workshop
    waits: Waits
    stop: Callable[[], bool]
    pool: ThreadPoolExecutor
    open: dict[Address, Task] = field(default_factory=dict)
    ended: dict[Address, Ended] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)
    began: float = 0.0
    blind: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self) -> Report:
        self.began = self.clock.now()
        self._say(Began(self.plan))
        self.open = {change.address: Task(change, change.id) for change in self.plan.changes}
        writer = Writer(
            client=self.client,
            clock=self.clock,
            waits=self.waits,
            stop=self._halted,
            secret=self.secret,
            uploaded=self._uploaded,
            measured=self._measured,
            workshop=self.workshop,
        )
        self._settle()
        while self.open and not self._halted() and not self._left_to_wait():
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
                self._end(task, Outcome.BLOCKED, "; ".join(map(str, change.blocked)))
            elif not change.steps:
                self._end(task, Outcome.IN_SYNC, change.reason)
            elif cause := self._lost_need(change):
                self._end(task, Outcome.SKIPPED, f"because {cause} did not succeed", cause)

    def _lost_need(self, change: Change) -> Address | None:
        for need in change.needs:
            end = self.ended.get(need)
            if end and end.outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED):
                return end.cause or need
        return None

    def _ready(self, task: Task) -> bool:
        deferred = task.not_before is not None and self.clock.now() < task.not_before
        free = not any(need in self.open for need in task.change.needs)
        return free and not deferred and not task.under_way

    def _start(self, writer: Writer) -> None:
        for task in self.open.values():
            if not self._ready(task):
                continue
            task.begun = True
            self._say(StepBegan(task.change.address, task.step))
            if task.step.verb not in WAITING:
                task.future = self.pool.submit(writer.perform, task.change, task.step)
                continue
            self._await(task)
            if task.step.verb is Verb.PROBE:
                task.future = self.pool.submit(self._probe, task)

    def _await(self, task: Task) -> None:
        self.sight.soon(others=bool(self._waiting_tasks()))
        task.since, task.unsettled, task.looked = self.clock.now(), None, False

    def _waiting_tasks(self) -> list[Task]:
        return [task for task in self.open.values() if task.since is not None]

    # Time

    def _halted(self) -> bool:
        return self.stop() or self._spent() or bool(self.blind)

    def _spent(self) -> bool:
        """Whether the waiting that was granted is over."""
        budget = self.waits.budget_s
        return budget is not None and self.clock.now() - self.began >= budget

    def _is_left(self) -> bool:
        """Whether it was left as it was told to be: no signal came, and the account can be seen."""
        return not (self.blind or self.stop()) and (self._spent() or self.waits.leave)

    def _left_to_wait(self) -> bool:
        """Whether nothing is left but to wait, and nobody wants to."""
        return self.waits.leave and not any(
            task.future or self._ready(task) or (task.since is not None and not task.looked)
            for task in self.open.values()
        )

    def _let_time_pass(self) -> None:
        """Wait for a write to end or for the next thing to be due, whichever is first."""
        futures = [task.future for task in self.open.values() if task.future]
        if futures:
            wait_for(futures, timeout=SLICE_S, return_when=FIRST_COMPLETED)
            return
        due = [task.not_before for task in self.open.values() if task.not_before is not None]
        if self._waiting_tasks():
            due.append(self.sight.next_look)
        now = self.clock.now()
        sleep_unless(self.clock, min(due, default=now) - now, self._halted)

    # Steps that end

    def _collect(self) -> None:
        for task in list(self.open.values()):
            if task.future and task.future.done():
                future, task.future = task.future, None
                self._take(task, future)

    def _take(self, task: Task, future: Future[Done]) -> None:
        task.not_before = None
        try:
            done = future.result()
        except NotYet as not_yet:
            self._say(self._waiting(task, "READY", str(not_yet)))
        except Interrupted:
            task.since = None
        except QuotaExceeded as error:
            self._defer_or_fail(task, error)
        except Retired as error:
            self._end(task, Outcome.FAILED, str(self._said_better(task, error)))
        except DpoOpsError as error:
            self._end(task, Outcome.FAILED, str(error))
        except Exception as error:  # noqa: BLE001  -- one change's defect must not lose the report
            self._end(task, Outcome.FAILED, f"{type(error).__name__}: {error}")
        else:
            task.id = done.id
            self._advance(task, done.note)

    def _defer_or_fail(self, task: Task, error: QuotaExceeded) -> None:
        """What is full may have room again when something of ours ends; nothing else frees it."""
        if not any(self._goes_on(other) for other in self.open.values() if other is not task):
            self._end(task, Outcome.FAILED, str(error))
            return
        task.not_before = self.clock.now() + self.sight.pause()
        self._say(self._waiting(task, "NO_QUOTA", f"waiting for quota: {error.why}"))

    def _goes_on(self, task: Task) -> bool:
        """Whether it is under way, or between two steps: then it is so in the next round."""
        return task.under_way or (task.not_before is None and self._ready(task))

    def _said_better(self, task: Task, error: Retired) -> DpoOpsError:
        """Name the line of the spec that asks for what the platform no longer does."""
        for change in self.plan.changes:
            gone, resource = change.kind.retirement, change.resource
            if gone is None or resource is None:
                continue
            if task.change.address in (change.address, *change.needs):
                return DpoOpsError(
                    f"{gone.what} have been retired since {gone.since}",
                    where=str(resource.where(gone.path)),
                    why=f"{error.request} was answered with {error.status};"
                    " models and deployments still work",
                    fix=gone.instead,
                )
        return error

    def _advance(self, task: Task, note: str = "") -> None:
        self._say(StepEnded(task.change.address, task.step, note))
        task.index, task.since, task.begun = task.index + 1, None, False
        if task.index == len(task.change.steps):
            self._end(task, Outcome.DONE, note)

    # Looking

    def _look(self) -> None:
        """Look once at all that is waited for, if it is time to."""
        waiting = self._waiting_tasks()
        if self.clock.now() < self.sight.next_look or not waiting:
            return
        for task in waiting:
            task.looked = True
        try:
            listing = self.sight.look(waiting)
        except Unauthorized as error:
            # Without a key there is nothing to see; what runs goes on all the same.
            self.blind = str(error)
        except ApiError as error:
            self._say(Unseen(str(error), max(self._waited(task) for task in waiting)))
        else:
            for task in waiting:
                if task.future is None:
                    self._judge(task, listing)

    def _judge(self, task: Task, listing: Listing) -> None:
        try:
            seen = self.sight.judge(task, listing)
        except ApiError as error:
            self._say(Unseen(str(error), self._waited(task)))
            return
        if seen.standing is Standing.LOST:
            self._end(task, Outcome.FAILED, seen.message)
        elif seen.standing is Standing.GOING:
            self._say(self._waiting(task, seen.state, seen.message))
        elif task.step.verb is Verb.PROBE:
            task.future = self.pool.submit(self._probe, task)
        else:
            self._advance(task, seen.message)

    def _probe(self, task: Task) -> Done:
        answered = probe(self.client, task.change)
        self.answers.append(answered)
        self._say(answered)
        return Done("it answers", task.id)

    # The end

    def _end(
        self, task: Task, outcome: Outcome, message: str, cause: Address | None = None
    ) -> None:
        change = task.change
        waited = self.clock.now() - self.began
        end = Ended(
            change.address,
            outcome,
            change.action,
            task.id,
            message,
            cause,
            waited,
            state=task.standing if outcome is Outcome.RUNNING else "",
            findings=change.blocked,
        )
        self.ended[change.address] = end
        del self.open[change.address]
        self._say(end)

    def _leave(self) -> None:
        """Say of all that is still open whether it runs without us or was never begun."""
        futures = [task.future for task in self.open.values() if task.future]
        wait_for(futures)
        self._collect()
        for task in list(self.open.values()):
            outcome, message = task.left()
            self._end(task, outcome, message)

    def _report(self) -> Report:
        ended = tuple(self.ended[change.address] for change in self.plan.changes)
        left = (Outcome.RUNNING, Outcome.NOT_STARTED)
        stopped = any(end.outcome in left for end in ended)
        return Report(
            self.plan,
            ended,
            tuple(self.answers),
            interrupted=stopped,
            left=stopped and self._is_left(),
            blind=self.blind if stopped else "",
        )

    def _uploaded(self, change: Change, done: int, total: int) -> None:
        self._say(Uploading(change.address, done, total))

    def _measured(self, change: Change, measured: Measured) -> None:
        self._say(Training(change.address, measured))

    def _waiting(self, task: Task, state: str, message: str) -> Waiting:
        task.seen = message or state
        return Waiting(task.change.address, state, message, self._waited(task))

    def _waited(self, task: Task) -> float:
        return self.clock.now() - (self.began if task.since is None else task.since)

    def _say(self, event: Event) -> None:
        with self.lock:
            self.on_event(event)
