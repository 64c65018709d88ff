"""Trainings under way, each in a thread of its own that waits for a trainer."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.emulator.engine import Progress, TrainingOrder
from dpo_ops.emulator.standin import NOTE
from dpo_ops.trainers import Stopped, Trained, Trainer, Training, TrainingFailed
from dpo_ops.trainers.contract import ADAPTER_FILES, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# How long to wait, when all ends, for trainings to write down where they are; in seconds.
_PATIENCE: Final = 60.0


@dataclass
class _Run:
    """One go at a training; `over` is how it ended, None also where it was stopped."""

    stop: threading.Event = field(default_factory=threading.Event)
    over: Progress | None = None
    thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()


class Jobs:
    """Trains jobs on `weights`, whatever base model they name. Safe to use from several threads.

    A job's training lies beside its output, in a folder that outlives this process: another
    one goes on where this one stopped. Of several at once, one trains and the others wait.
    """

    def __init__(self, trainer: Trainer, weights: str) -> None:
        self._trainer = trainer
        self._weights = weights
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, order: TrainingOrder) -> None:
        """Start a job, unless it is under way."""
        with self._lock:
            run = self._runs.get(order.job)
            under_way = run is not None and run.alive and not run.stop.is_set()
            if under_way or self._closed:
                return
            run = self._runs[order.job] = _Run()
            run.thread = threading.Thread(
                target=self._carry_out, args=(order, run), name=order.job, daemon=True
            )
            run.thread.start()

    def progress(self, order: TrainingOrder) -> Progress:
        """Say how far a job is, and start one that an earlier process left unfinished."""
        run = self._runs.get(order.job)
        if run is not None and run.over is not None:
            return run.over
        if run is None and _complete(order.out):
            return Progress("done")
        self.begin(order)
        return Progress("running")

    def cancel(self, job: str) -> None:
        """Ask a job of this process to stop; it ends soon after."""
        run = self._runs.get(job)
        if run is not None:
            run.stop.set()

    def close(self) -> None:
        """Ask all jobs to stop, and wait until they have; no other is begun."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.stop.set()
        give_up = time.monotonic() + _PATIENCE
        for run in runs:
            if run.thread is not None:
                run.thread.join(max(0.0, give_up - time.monotonic()))

    def _carry_out(self, order: TrainingOrder, run: _Run) -> None:
        try:
            done = self._trainer.train(self._training(order), stop=run.stop.is_set)
            _deliver(done, order.out)
        except Stopped:
            return
        except TrainingFailed as failed:
            run.over = Progress("failed", str(failed), code(failed))
        except Exception as error:  # noqa: BLE001 - a bug must show as a failed job, not as a stuck one
            traceback.print_exc(file=sys.stderr)
            run.over = Progress("failed", f"the trainer failed: {error!r}")
        else:
            run.over = Progress("done")

    def _training(self, order: TrainingOrder) -> Training:
        if not order.rows:
            raise TrainingFailed(
                "the dataset has no rows here",
                "it lies in a bucket of its owner's, out of the emulator's sight, or is gone",
                "upload the rows as a dataset",
            )
        return Training(
            rows=tuple(path.resolve() for path in order.rows),
            weights=self._weights,
            settings=fitting(order.settings, self._context(order.settings)),
            loss=said(order.loss),
            out=folder(order).resolve(),
            adapter=order.adapter.resolve() if order.adapter else None,
        )

    def _context(self, settings: Mapping[str, Any]) -> int | None:
        if not settings.get("maxContextLength"):
            return None
        from .model import context  # noqa: PLC0415 - it loads transformers

        return context(self._weights)


def folder(order: TrainingOrder) -> Path:
    """Return the folder of a job's training."""
    return order.out.parent / f"training-{order.job.rpartition('/')[2]}"


def metrics(order: TrainingOrder) -> bytes | None:
    """Return the lines of metrics that are written so far, None while there is none."""
    try:
        written = (folder(order) / METRICS).read_bytes()
    except FileNotFoundError:
        return None
    return written[: written.rfind(b"\n") + 1] or None


def code(failed: TrainingFailed) -> str:
    """Return the code of a failed job. What is refused at once leaves no log: the order is bad."""
    return "INTERNAL" if failed.log else "INVALID_ARGUMENT"


def said(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message of the API sets: there, a zero is the same as nothing.

    A `loraRank` of 0 stays, since it asks for something: to train all parameters.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found[name] = said(value)
        elif value or name == "loraRank":
            found[name] = value
    return found


def fitting(settings: Mapping[str, Any], context: int | None) -> dict[str, Any]:
    """Return settings with a `maxContextLength` that weights of `context` tokens can have."""
    found = said(settings)
    if context is not None and "maxContextLength" in found:
        found["maxContextLength"] = min(found["maxContextLength"], context)
    return found


def _complete(out: Path) -> bool:
    return all((out / name).is_file() for name in ADAPTER_FILES)


def _deliver(done: Trained, out: Path) -> None:
    """Put an adapter's files where the emulator wants them, each whole, its weights first."""
    if _complete(out):
        return
    for file in reversed(done.files):
        # Another process may have waited for the same training, and do the same now.
        part = out / f".{file.name}.{os.getpid()}"
        shutil.copyfile(file, part)
        with part.open("rb") as copied:
            os.fsync(copied.fileno())
        part.replace(out / file.name)
    (out / NOTE).unlink(missing_ok=True)
