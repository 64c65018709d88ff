"""The trainer: find the job of a training or submit it, watch it, fetch what it made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NoReturn

from dpo_ops.trainers.contract import (
    TrainingFailed,
    metrics,
    never,
    silent,
    trained,
)
from dpo_ops.trainers.ray import folder
from dpo_ops.trainers.ray.attempts import Attempts
from dpo_ops.trainers.ray.cluster import FIX, Cluster, Gone, Unreachable
from dpo_ops.trainers.ray.keep import place as keep
from dpo_ops.trainers.ray.marks import read
from dpo_ops.trainers.ray.pace import Pace
from dpo_ops.trainers.ray.settings import Settings
from dpo_ops.trainers.trl.mapping import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from dpo_ops.trainers.contract import Measured, Trained, Training
    from dpo_ops.trainers.ray.cluster import Job

EVERY: Final = 3.0
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Ray:
    """Trains on an existing Ray cluster.

    `settings` None means: from the environment, at each training. `every` is how many seconds
    pass between two looks at a job.

    The job does not need the process that submitted it: `stop()` ends the watching only, and
    the same call later, from anywhere, goes on watching.
    """

    settings: Settings | None = None
    every: float = EVERY

    def missing(self) -> str:
        """Return what has to be installed first, as a command; empty when nothing is."""
        # ray alone is not enough: its client for jobs comes with ray[default].
        needed = ("ray", "aiohttp", "requests")
        return "" if all(map(find_spec, needed)) else "pip install 'dpo-ops[ray]'"

    def train(
        self,
        training: Training,
        *,
        on_step: Callable[[Measured], None] = silent,
        stop: Callable[[], bool] = never,
    ) -> Trained:
        """Train on the cluster, or follow the job that does it already.

        Raises:
            Stopped: `stop()` turned true; the job goes on.
            TrainingFailed: it can't be done, or the job failed. The next call submits a new
                attempt, which goes on from the last checkpoint that its node can see.
        """
        training = folder.claim(training)
        if done := trained(training.out):
            return done
        if missing := self.missing():
            raise TrainingFailed("the ray trainer can't run", "Ray is not installed", missing)
        if found := refusals(training.settings, training.loss):
            why = "; ".join(f"{path}: {why}" for path, why in found)
            raise TrainingFailed("the training can't be sent to the Ray cluster", why)
        settings = self.settings or Settings.read()
        try:
            cluster = Cluster(settings)
        except Unreachable as error:
            where = settings.address or "of this machine"
            raise TrainingFailed(
                f"the Ray cluster {where} can't be reached",
                f"{error}; a job that trains there goes on",
                FIX,
            ) from error
        watch = _Watch(cluster, training, on_step, Pace(self.every, stop))
        return watch.through(Attempts(cluster, training, settings))


class _Watch:
    """One training, as it is followed through the jobs that do it."""

    def __init__(
        self,
        cluster: Cluster,
        training: Training,
        on_step: Callable[[Measured], None],
        pace: Pace,
    ) -> None:
        self._cluster = cluster
        self._training = training
        self._on_step = on_step
        self._pace = pace
        self._heard = max((row.step for row in metrics(training.out)), default=0)

    def through(self, attempts: Attempts) -> Trained:
        """Return the result of the first attempt that gives one."""
        for _ in range(TRIES):
            job, new = attempts.current(self._pace)
            if new:
                self._heard = 0
            if self._follow(job.id):
                try:
                    return self._fetch(job.id)
                except Gone:
                    attempts.pass_over(job.id)
        raise TrainingFailed(
            f"training {self._training.out.name} was lost {TRIES} times on the Ray cluster",
            "it no longer knows the job, or no longer has its result: it was restarted, perhaps"
            " because its head node is out of memory or disk",
            "see to the cluster, then train again",
        )

    def _follow(self, name: str) -> bool:
        """Return true once a job has ended well, false when the cluster has lost it."""
        failures = 0
        while True:
            self._pace.check()
            try:
                job = self._cluster.job(name)
                if job is None:
                    return False
                log = self._log(job)
            except Unreachable:
                # Not to see a job says nothing about it: it trains on, so ask on.
                failures += 1
                self._pace.again(failures)
                continue
            failures = 0
            told = read(log)
            self._hear(told.steps, told.past)
            if job.done:
                return True
            if job.over:
                self._fail(job, log)
            self._pace.wait(self._pace.every)

    def _log(self, job: Job) -> str:
        if job.waits:
            return ""
        try:
            return self._cluster.log(job)
        except Unreachable:
            # The job's node may be cut off, or gone for good when the job is over.
            return f"{job.message}\n" if job.over else ""

    def _hear(self, steps: Sequence[Measured], past: Collection[int] = ()) -> None:
        """Write down the steps and tell of those that are news, once each and in order."""
        if steps:
            folder.write_metrics(self._training.out, steps)
        for measured in steps:
            if measured.step > self._heard:
                self._heard = measured.step
                if measured.step not in past:
                    self._on_step(measured)

    def _fetch(self, name: str) -> Trained:
        """Return what a job has left on the head node, fetched into the training's folder."""
        failures = damages = 0
        while True:
            self._pace.check()
            try:
                result = folder.fetch(self._cluster, name, self._training.out)
            except Unreachable:
                failures += 1
            except folder.Damaged as error:
                damages += 1
                if damages == TRIES:
                    raise TrainingFailed(
                        f"the adapter of Ray job {name} can't be fetched",
                        f"{error}, {TRIES} times over",
                        f"copy it by hand from the log folder of the head node: {keep(name)}",
                    ) from error
            else:
                self._hear(metrics(self._training.out))
                return result
            self._pace.again(failures + damages)

    def _fail(self, job: Job, log: str) -> NoReturn:
        path = folder.write_log(self._training.out, log)
        told = read(log)
        if told.failed:
            raise replace(told.failed, log=path)
        if job.error == "JOB_SUPERVISOR_ACTOR_START_TIMEOUT":
            raise TrainingFailed(
                f"Ray job {job.id} was given up by the cluster before it began",
                "the CPUs and GPUs that it asked for were not free in time",
                "train again later; DPO_OPS_RAY_GPUS and DPO_OPS_RAY_CPUS say what it asks for, "
                "RAY_JOB_START_TIMEOUT_SECONDS on the head node how long it waits",
            )
        why = told.tail or job.message
        if job.state == "STOPPED":
            what, why = f"Ray job {job.id} was stopped on the cluster", ""
        else:
            what = f"Ray job {job.id} failed"
        raise TrainingFailed(what, why, "train again to go on in a new attempt", path)
