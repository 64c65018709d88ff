"""What is done at each step in the child: measure it, save from time to time, stop when asked."""

from __future__ import annotations

import json
import math
import time
from typing import IO, TYPE_CHECKING, Any, Final

import torch
from torch import distributed
from transformers import TrainerCallback

from dpo_ops.trainers.contract import CHECKPOINTS, METRICS, Measured, TrainingFailed
from dpo_ops.trainers.trl.folder import COMPLETE, flush, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from dpo_ops.trainers.trl.stop import Stop

_SHARE: Final = 20
"""A checkpoint is due when it costs less than one part in this many of the time since the last."""


class Steps(TrainerCallback):  # type: ignore[misc]
    """Writes `metrics.jsonl` and says when a checkpoint is due.

    `began` is when the training did, by `time.perf_counter` and as if it had never been
    interrupted. The figures come from TRL's log, which has the same
    names for DPO and ORPO but for the tokens, which ORPO does not count.
    """

    def __init__(self, out: Path, stop: Stop, checkpoint_s: float, began: float) -> None:
        self._out = out
        self._stop = stop
        self._checkpoint_s = checkpoint_s
        self._began = began
        self._saved = self._step_began = time.perf_counter()
        self._cost = 0.0
        self._took = 0.0
        self._tokens = 0.0
        self._file: IO[str] | None = None

    @property
    def seconds(self) -> float:
        """The seconds that the training took so far, those of earlier runs included."""
        return time.perf_counter() - self._began

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: Any,
    ) -> None:
        """Open the file that the steps are written to."""
        if state.is_world_process_zero:
            self._file = (self._out / METRICS).open("a", encoding="utf-8")
        self._saved = time.perf_counter()
        self._stop.working.set()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self._step_began = time.perf_counter()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Ask for a checkpoint when one is due, and for an end when the parent does."""
        now = time.perf_counter()
        self._took = now - self._step_began
        since = now - self._saved
        due = since >= self._checkpoint_s and since >= _SHARE * self._cost
        stop, save = _agreed(args, self._stop.asked.is_set(), state.is_world_process_zero and due)
        if stop:
            control.should_training_stop = True
        if (stop or save) and state.global_step < state.max_steps:
            control.should_save = True
            self._saved = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        """Write the line of a step.

        Raises:
            TrainingFailed: its loss is not finite, and no later one would be.
        """
        if self._file is None or "loss" not in logs:
            return
        tokens, self._tokens = logs["num_tokens"] - self._tokens, logs["num_tokens"]
        measured = Measured(
            step=state.global_step,
            steps=state.max_steps,
            epoch=state.epoch,
            loss=logs["loss"],
            margin=logs["rewards/margins"],
            accuracy=logs["rewards/accuracies"],
            learning_rate=logs["learning_rate"],
            tokens_per_s=tokens / self._took,
            seconds=self._took,
        )
        self._file.write(json.dumps(measured.to_row()) + "\n")
        self._file.flush()
        if not math.isfinite(logs["loss"]):
            why = f"the loss of step {state.global_step} is not a finite number"
            raise TrainingFailed("the training diverged", why, "lower learningRate")

    def on_save(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: Any,
    ) -> None:
        """Mark the checkpoint as complete, once all of it is on the disk."""
        if distributed.is_initialized():  # the random state of each process is a file of its own
            distributed.barrier()
        if state.is_world_process_zero:
            checkpoint = self._out / CHECKPOINTS / f"checkpoint-{state.global_step}"
            for path in (*checkpoint.rglob("*"), checkpoint, self._out / METRICS):
                flush(path)
            write_json(checkpoint / COMPLETE, {"steps": state.global_step, "seconds": self.seconds})
        now = time.perf_counter()
        self._cost, self._saved = now - self._saved, now

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def _agreed(args: TrainingArguments, *wishes: bool) -> list[bool]:
    """Return the wishes that any of the processes has, so that all of them do the same."""
    if not distributed.is_initialized():
        return list(wishes)
    said = torch.tensor([int(wish) for wish in wishes], device=args.device)
    distributed.all_reduce(said, distributed.ReduceOp.MAX)
    return [bool(wish) for wish in said.tolist()]
