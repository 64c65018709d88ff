"""The jobs of one training on a cluster: one that runs or has its result, or else a new one."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.trainers.contract import TrainingFailed
from dpo_ops.trainers.ray.cluster import FIX, Unreachable
from dpo_ops.trainers.ray.parcel import ORDER, Order, digest, pack

if TYPE_CHECKING:
    from dpo_ops.trainers.contract import Training
    from dpo_ops.trainers.ray.cluster import Cluster, Job
    from dpo_ops.trainers.ray.pace import Pace
    from dpo_ops.trainers.ray.settings import Settings

_TRIES: Final = 4


class Attempts:
    """Finds or submits the job of a training.

    The first attempt is `dpo-ops-NAME`, the n-th `dpo-ops-NAME-aN`. A cluster takes a name once,
    so of two that submit at the same moment one is refused, and finds the job of the other.
    """

    def __init__(self, cluster: Cluster, training: Training, settings: Settings) -> None:
        self._cluster = cluster
        self._training = training
        self._settings = settings
        self._digest = digest(training)
        self._passed: set[str] = set()

    def current(self, pace: Pace) -> tuple[Job, bool]:
        """Return the attempt to follow, and whether it was submitted just now.

        Raises:
            TrainingFailed: the cluster does not take the job, or has another of that name.
        """
        number = 1
        failures = 0
        while True:
            name = self._name(number)
            try:
                job = self._cluster.job(name)
                new = job is None
                if job is None:
                    job = self._submit(name)
            except Unreachable as error:
                failures += 1
                if failures == _TRIES:
                    raise TrainingFailed(
                        f"Ray job {name} can't be submitted to {self._cluster.address}",
                        str(error),
                        FIX,
                    ) from error
                pace.again(failures)
                continue
            if job.order != self._digest:
                raise TrainingFailed(
                    f"Ray job {name} trains something else",
                    "it has this training's name, but other pairs, weights or settings",
                    "give this training another name, or use another cluster",
                )
            if (job.over and not job.done) or name in self._passed:
                number += 1
                continue
            return job, new

    def pass_over(self, name: str) -> None:
        """Count an attempt as over although it ended well: its result is gone."""
        self._passed.add(name)

    def _name(self, number: int) -> str:
        first = f"dpo-ops-{self._training.out.name}"
        return first if number == 1 else f"{first}-a{number}"

    def _submit(self, name: str) -> Job:
        order = Order.of(self._training, self._settings.storage)
        refused: Unreachable | None = None
        with tempfile.TemporaryDirectory(prefix="dpo-ops-") as folder:
            parcel = Path(folder) / "parcel.zip"
            pack(self._training, order, parcel)
            try:
                self._cluster.submit(name, parcel, self._request(name))
            except Unreachable as error:
                refused = error
        # Whatever was answered: what counts is whether the cluster has the job.
        job = self._cluster.job(name)
        if job is None:
            raise refused or Unreachable("it took the job, and does not know it")
        return job

    def _request(self, name: str) -> dict[str, Any]:
        gpus = self._settings.gpus
        if gpus is None:
            gpus = 1.0 if self._cluster.has_gpu() else 0.0
        request: dict[str, Any] = {
            "entrypoint": shlex.join(["python", "-m", "dpo_ops.trainers.ray.node", ORDER, name]),
            "runtime_env": dict(self._settings.runtime_env),
            "metadata": {"dpo-ops-order": self._digest},
        }
        if gpus:
            request["entrypoint_num_gpus"] = gpus
        if self._settings.cpus:
            request["entrypoint_num_cpus"] = self._settings.cpus
        return request
