"""`Trl`: trains in a child process on this machine, and follows it."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.trainers.contract import (
    LOG,
    ORDER,
    Measured,
    Stopped,
    Trained,
    Training,
    TrainingFailed,
    never,
    silent,
    trained,
)
from dpo_ops.trainers.trl import folder, launch, mapping
from dpo_ops.trainers.trl.follow import Follower
from dpo_ops.trainers.weights import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIBRARIES: Final = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "gguf")
_WAIT_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Trl:
    """Trains with TRL on this machine: on its GPUs, or on the CPU where there is none.

    `devices` says how many GPUs train together; by default as many of those visible as can
    share a step's pairs evenly. `pairs_at_once` limits what one device runs at the same time;
    the result is the same, in less memory and more time. A checkpoint is saved about every
    `checkpoint_s` seconds, and never more often than costs a twentieth of the time.
    """

    devices: int | None = None
    pairs_at_once: int | None = None
    checkpoint_s: float = 15.0

    def missing(self) -> str:
        """Return what has to be installed first, as a command; empty when nothing is."""
        absent = any(find_spec(name) is None for name in _LIBRARIES)
        return "pip install 'dpo-ops[trl]'" if absent else ""

    def train(
        self,
        training: Training,
        *,
        on_step: Callable[[Measured], None] = silent,
        stop: Callable[[], bool] = never,
    ) -> Trained:
        """Train, or go on with what is begun; return at once where it is done already.

        Where another process or thread trains in the same folder, it is waited for and its
        steps are told of.

        Raises:
            Stopped: `stop()` turned true; the same call later goes on from there.
            TrainingFailed: it can't be done, or another training is in the folder.
        """
        out = training.out.resolve()
        _check(training)
        order = folder.whole(training)
        folder.hold(order, out)
        if done := trained(out):
            return done
        if command := self.missing():
            raise TrainingFailed("nothing can be trained here", "TRL is not installed", command)
        out.mkdir(parents=True, exist_ok=True)
        follower = Follower(out, on_step)

        def wait() -> None:
            follower.look()
            if stop():
                raise Stopped
            time.sleep(_WAIT_S)

        with folder.locked(out, wait) as lock:
            folder.hold(order, out)
            if done := trained(out):
                follower.look()
                return done
            folder.write_json(out / ORDER, order)
            follower.restart(folder.prepare(out))
            return self._run(training, out, lock, follower.look, stop)

    def _run(
        self,
        training: Training,
        out: Path,
        lock: int,
        look: Callable[[], None],
        stop: Callable[[], bool],
    ) -> Trained:
        if stop():
            raise Stopped
        asked = False
        with launch.child(out, self._devices(training.settings), lock, self._arguments()) as child:
            while (status := child.ended()) is None:
                look()
                if stop():
                    asked = True
                    break
        look()
        if done := trained(out):
            return done
        if failure := _failure(out):
            raise failure
        if asked or status == launch.STOPPED:
            raise Stopped
        raise _ended(status, out)

    def _devices(self, settings: Mapping[str, Any]) -> int:
        batch = settings.get("batchSizeSamples") or mapping.BATCH
        if self.devices is None:
            return mapping.sharing(batch, launch.gpus())
        try:
            mapping.split(batch, self.devices)
        except ValueError as error:
            fix = f"use {mapping.sharing(batch, self.devices)} devices, or another batchSizeSamples"
            raise TrainingFailed("the devices can't be used", str(error), fix) from error
        return self.devices

    def _arguments(self) -> list[str]:
        given = ["--checkpoint-s", str(self.checkpoint_s)]
        return given + (["--pairs-at-once", str(self.pairs_at_once)] if self.pairs_at_once else [])


def _check(training: Training) -> None:
    """Refuse what can be seen to fail before a process is started for it."""
    found = mapping.refusals(training.settings, training.loss)
    if training.settings.get("warmStartFrom") and not training.adapter:
        found.append(("trainingConfig.warmStartFrom", "the adapter's files were not given along"))
    if training.adapter and not found:
        try:
            there = json.loads((training.adapter / "adapter_config.json").read_bytes())
        except (OSError, ValueError) as error:
            what = f"the adapter in {training.adapter} can't be read"
            raise TrainingFailed(what, str(error)) from error
        found = mapping.differences(training.settings, there)
    if found:
        what = f"{found[0][0]} can't be set for the trl trainer"
        why = "; ".join([found[0][1], *(f"{path}: {why}" for path, why in found[1:])])
        raise TrainingFailed(what, why, "remove it or change it")
    if missing := _no_such_file(training.weights):
        fix = "give a folder, a .gguf file or a Hugging Face id"
        raise TrainingFailed(f"there are no weights at {training.weights}", missing, fix)


def _no_such_file(weights: str) -> str:
    """Say what is not there if the weights are meant to be on this machine."""
    where = locate(weights)
    path = Path(where.source) / (where.gguf or "")
    here = where.gguf or path.is_absolute() or weights.startswith((".", "~"))
    return f"{path} does not exist" if here and not path.exists() else ""


def _failure(out: Path) -> TrainingFailed | None:
    """Return what the child said of its failure."""
    try:
        said = json.loads((out / folder.FAILURE).read_bytes())
    except FileNotFoundError:
        return None
    return TrainingFailed(said["what"], said["why"], said["fix"], log=out / LOG)


def _ended(status: int | None, out: Path) -> TrainingFailed:
    """Return the failure of a child that ended without a word."""
    if status is None or status >= 0:
        what, why = "the training ended without an adapter", f"its process ended with {status}"
        return TrainingFailed(what, why, log=out / LOG)
    why = f"its process was ended by {signal.Signals(-status).name}"
    fix = "train again to go on from the last checkpoint"
    if -status == signal.SIGKILL:
        fix += "; if memory ran out, lower batchSizeSamples or maxContextLength first"
    return TrainingFailed("the training was cut off", why, fix, log=out / LOG)
