"""A trainer that trains nothing, for tests of what stands around a training.

What it leaves behind has the form of the real thing, and follows from the order alone. Tests
that need weights that learned something use the real trainer.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpo_ops.trainers import Measured, Stopped, Trained, TrainingFailed, trained
from dpo_ops.trainers.contract import ADAPTER, DONE, METRICS, never, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.trainers import Training

MODULES = ["q_proj", "v_proj"]


@dataclass
class Apprentice:
    """`steps` is how many it takes; `failing` is what it says instead of training."""

    steps: int = 4
    failing: TrainingFailed | None = None
    lacking: str = ""
    orders: list[Training] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def missing(self) -> str:
        return self.lacking

    def train(
        self,
        training: Training,
        *,
        on_step: Callable[[Measured], None] = silent,
        stop: Callable[[], bool] = never,
    ) -> Trained:
        with self.lock:
            if done := trained(training.out):
                return done
            self.orders.append(training)
            if self.failing:
                raise self.failing
            return self._work(training, on_step, stop)

    def _work(
        self, training: Training, on_step: Callable[[Measured], None], stop: Callable[[], bool]
    ) -> Trained:
        with (training.out / METRICS).open("a") as file:
            for step in range(1, self.steps + 1):
                if stop():
                    raise Stopped
                measured = Measured(step, self.steps, loss=0.7 / step, margin=0.1 * step)
                file.write(json.dumps(measured.to_row()) + "\n")
                on_step(measured)
        seed = hashlib.sha256(b"".join(path.read_bytes() for path in training.rows)).digest()
        adapter = training.out / ADAPTER
        adapter.mkdir(exist_ok=True)
        config = {"r": training.settings.get("loraRank", 8), "target_modules": MODULES}
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        header = json.dumps({"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}})
        weights = struct.pack("<Q", len(header)) + header.encode() + seed
        (adapter / "adapter_model.safetensors").write_bytes(weights)
        (training.out / DONE).write_text(json.dumps({"steps": self.steps, "seconds": 0.0}))
        return Trained(adapter, self.steps, 0.0)
