"""A platform that says what it measured: an engine with prepared metrics, for tests of readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.emulator.standin import StandIn

if TYPE_CHECKING:
    from dpo_ops.emulator.engine import TrainingOrder


class Measuring(StandIn):
    """Trains nothing; its file of metrics is `data`, or the stand-in's own while that is None."""

    data: bytes | None = None

    def metrics(self, order: TrainingOrder) -> bytes | None:
        return super().metrics(order) if self.data is None else self.data
