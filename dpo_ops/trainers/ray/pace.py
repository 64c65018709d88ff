"""How long to wait between two looks at a cluster, and when to stop looking."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dpo_ops.trainers.contract import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 60.0
"""Seconds between two tries to reach a cluster that does not answer."""

_NOTICE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits, `every` seconds as a rule, and notices within a moment that it is to stop."""

    every: float
    stop: Callable[[], bool]

    def check(self) -> None:
        """Raise `Stopped` where `stop()` is true."""
        if self.stop():
            raise Stopped("the training is no longer watched; its Ray job goes on")

    def wait(self, seconds: float) -> None:
        """Wait, in vain when `stop()` turns true: then `Stopped` is raised."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _NOTICE))

    def again(self, failures: int) -> None:
        """Wait longer with each failure in a row."""
        self.wait(min(self.every * 2.0 ** min(failures, 10), LONGEST))
