"""The engine that trains and serves weights of this machine.

It plays every base model of the catalogue with the same weights, which its label names, and
trains with the job's own settings: what moves 8 billion parameters may not move a small model.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.emulator.engine import EngineError
from dpo_ops.trainers import TINY

from . import adapters, answers, jobs

if TYPE_CHECKING:
    from dpo_ops.emulator.engine import Generation, Progress, Prompt, Served, TrainingOrder
    from dpo_ops.trainers import Trainer

    from .model import Model


class LocalEngine:
    """Trains adapters with `trainer` (by default TRL) and serves them on `weights`.

    `weights` are a folder, a `.gguf` file, a Hugging Face id, or `dpo-ops/tiny`. Nothing is
    loaded before the first answer is wanted.
    """

    real = True

    def __init__(self, weights: str = TINY, trainer: Trainer | None = None) -> None:
        if trainer is None:
            from dpo_ops.trainers.trl import Trl  # noqa: PLC0415 - another one may be wanted

            trainer = Trl()
        self._trainer = trainer
        self._weights = _anywhere(weights)
        self._jobs = jobs.Jobs(trainer, self._weights)
        self._model: Model | None = None
        self._lock = threading.Lock()
        # It goes out in a header, where only plain characters may stand.
        label = f"{type(trainer).__name__.lower()}: {weights}"
        self.label = "".join(c if " " <= c <= "~" else "?" for c in label)

    def train(self, order: TrainingOrder) -> None:
        """Begin a job in a thread of its own; settings that can't be had fail it there."""
        self._jobs.begin(order)

    def progress(self, order: TrainingOrder) -> Progress:
        """Say how far a job is, and go on with one that an earlier process began."""
        return self._jobs.progress(order)

    def metrics(self, order: TrainingOrder) -> bytes | None:
        """Return what was measured so far, one line an optimizer step."""
        return jobs.metrics(order)

    def cancel(self, job: str) -> None:
        """Ask a job of this process to stop; another process's job goes on to its end."""
        self._jobs.cancel(job)

    def generate(self, served: Served, prompt: Prompt) -> Generation:
        """Begin an answer; its tokens are made as they are taken.

        Raises:
            EngineError: 400 for a prompt that can't be answered, 412 for an adapter that does
                not fit, 500 where nothing can be served here.
        """
        adapter = adapters.find(served, self._weights)
        return answers.begin(self._loaded(), adapter, prompt)

    def close(self) -> None:
        """Stop all trainings; they go on where they are when they are ordered again."""
        self._jobs.close()

    def _loaded(self) -> Model:
        with self._lock:
            if self._model is None:
                if command := self._trainer.missing():
                    raise EngineError(f"no model can be run here: install it with {command}")
                from .model import Model  # noqa: PLC0415 - it loads torch

                self._model = Model(self._weights)
            return self._model


def _anywhere(weights: str) -> str:
    """Weights of this machine by their whole path: a training may go on from another folder."""
    return str(Path(weights).resolve()) if weights != TINY and Path(weights).exists() else weights
