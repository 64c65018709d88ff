"""Trains one order with TRL, from the newest checkpoint where there is one."""

from __future__ import annotations

import json
import os
import shutil
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import torch
from datasets import disable_progress_bars
from transformers import PrinterCallback
from transformers.utils import logging

from dpo_ops.trainers.contract import CHECKPOINTS, DONE, TrainingFailed
from dpo_ops.trainers.trl import adapter, mapping, rows
from dpo_ops.trainers.trl.folder import COMPLETE, newest, write_json
from dpo_ops.trainers.trl.load import load, pairs
from dpo_ops.trainers.trl.losses import trainer_of
from dpo_ops.trainers.trl.steps import Steps

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.trainers.contract import Training
    from dpo_ops.trainers.trl.stop import Stop

_LIBRARIES: Final = ("torch", "transformers", "trl", "peft", "accelerate")
_KEPT: Final = 2


def run(training: Training, stop: Stop, checkpoint_s: float, pairs_at_once: int | None) -> bool:
    """Train; return whether it is done, else it was stopped and saved.

    Raises:
        TrainingFailed: it can't be done, for a reason that is known.
    """
    began = time.perf_counter()
    logging.disable_progress_bar()
    disable_progress_bars()
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Memory that is filled before it is written costs time, and nothing here reads it before.
    torch.utils.deterministic.fill_uninitialized_memory = False
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    said = mapping.arguments(
        training.settings,
        training.loss,
        devices=devices,
        pairs_at_once=pairs_at_once,
    )
    read = rows.read(training.rows)
    model, tokenizer = load(training.weights, training.adapter)
    data = pairs(read, tokenizer, training.weights)
    trainer = trainer_of(said, model, tokenizer, data, _more(training))
    if trainer.args.world_size != devices:
        why = f"{devices} processes were started, and each would train on its own"
        raise TrainingFailed("the devices can't train together", why, "train on one device")
    trainer.remove_callback(PrinterCallback)
    checkpoint = newest(training.out)
    steps = Steps(training.out, stop, checkpoint_s, began - _seconds(checkpoint))
    trainer.add_callback(steps)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.state.global_step < trainer.state.max_steps:
        return False
    if trainer.is_world_process_zero():
        _finish(training, trainer, steps.seconds)
    return True


def _more(training: Training) -> dict[str, Any]:
    """Return the arguments that are the same for each training."""
    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(training.out / CHECKPOINTS),
        "seed": training.seed,
        "data_seed": training.seed,
        "use_cpu": not cuda,
        "bf16": cuda and torch.cuda.is_bf16_supported(),
        # It saves memory and costs a fifth of the time; on a CPU memory is seldom short.
        "gradient_checkpointing": cuda,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",  # `Steps` says when
        "save_total_limit": _KEPT,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": cuda,
    }


def _seconds(checkpoint: Path | None) -> float:
    if checkpoint is None:
        return 0.0
    return float(json.loads((checkpoint / COMPLETE).read_bytes())["seconds"])


def _finish(training: Training, trainer: Any, seconds: float) -> None:
    out = training.out
    adapter.save(trainer.accelerator.unwrap_model(trainer.model), out, training.weights)
    device = trainer.args.device
    done = {
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 3),
        "weights": adapter.called(training.weights),
        "versions": {name: version(name) for name in _LIBRARIES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
    write_json(out / DONE, done)
    # What is only there to go on from is of no more use.
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
