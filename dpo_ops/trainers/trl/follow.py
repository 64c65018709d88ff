"""Hears of each step of a training in another process, by the lines of its `metrics.jsonl`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dpo_ops.trainers.contract import METRICS, Measured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Follower:
    """Tells `on_step` of each step once. Steps measured before the follower began are left out."""

    def __init__(self, out: Path, on_step: Callable[[Measured], None]) -> None:
        self._path = out / METRICS
        self._on_step = on_step
        self._which = 0
        self._at = 0
        self._known = 0
        self._told = 0
        for measured in self._new():
            self._known = measured.step

    def restart(self, steps: int) -> None:
        """Expect what comes after `steps`, in a file that was cut there."""
        self._at, self._known = 0, max(steps, self._told)

    def look(self) -> None:
        """Tell of what is new."""
        for measured in self._new():
            if measured.step > self._known:
                self._known = self._told = measured.step
                self._on_step(measured)

    def _new(self) -> list[Measured]:
        try:
            with self._path.open("rb") as file:
                # Another process that goes on from a checkpoint puts a cut file in its place.
                if (which := os.fstat(file.fileno()).st_ino) != self._which:
                    self._which, self._at = which, 0
                file.seek(self._at)
                read = file.read()
        except FileNotFoundError:
            return []
        ended = read.rfind(b"\n") + 1
        self._at += ended
        return [Measured.from_row(json.loads(line)) for line in read[:ended].splitlines()]
