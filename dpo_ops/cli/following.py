"""Follow a training until it is over: new steps as they come, and what went wrong in between."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING

from dpo_ops.cli.screen import Format
from dpo_ops.client import SystemClock
from dpo_ops.errors import QuotaExceeded, ServerFault, StorageError, Unreachable
from dpo_ops.executor import Waits
from dpo_ops.reporters.metrics import some, table_lines
from dpo_ops.resource import Health

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.cli.options import Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.reporters.metrics import Metrics
    from dpo_ops.trainers import Measured

_OVER = (Health.CURRENT, Health.FAILED, Health.NOT_FOUND)
_PASSING = (Unreachable, ServerFault, QuotaExceeded, StorageError)
"""What may go wrong with one look and says nothing about the training."""


def follow(
    screen: Screen,
    target: Target,
    look: Callable[[], tuple[Metrics, bytes]],
    on_look: Callable[[Metrics, bytes], None],
) -> tuple[Metrics, bytes]:
    """Return the metrics once the job is over, or once the user interrupts.

    `on_look` gets them after each look. Errors: those of the first `look`; what may pass is
    waited out later on.
    """
    waits, clock, random = _waits(target), SystemClock(), SystemRandom()
    found, data = look()
    looks = 0
    try:
        while True:
            on_look(found, data)
            if found.health in _OVER:
                return found, data
            clock.sleep(waits.pause(looks, random))
            before = (found.health, len(data))
            found, data = _again(screen, look) or (found, data)
            looks = looks + 1 if before == (found.health, len(data)) else 0
    except KeyboardInterrupt:
        screen.say("\nleft to itself; the same command shows it again\n")
        return found, data


def _again(
    screen: Screen, look: Callable[[], tuple[Metrics, bytes]]
) -> tuple[Metrics, bytes] | None:
    try:
        return look()
    except _PASSING as error:
        screen.say(f"{screen.style().clean(error)}\n")
    return None


def _waits(target: Target) -> Waits:
    if target.emulator:  # Its minutes are seconds, and asking it costs nothing.
        return Waits(min(0.2, 24 / target.speed), min(1.0, 120 / target.speed))
    return Waits(first_s=2.0, longest_s=15.0)


class Table:
    """A table that grows: each look adds the steps that are new in it."""

    def __init__(self, screen: Screen, *, whole: bool) -> None:
        self._screen, self._whole = screen, whole
        self._columns: list[Measured] = []
        self._last, self._said = -1, ""

    def __call__(self, found: Metrics, _data: bytes) -> None:
        """Show what is new in `found`."""
        if found.state != self._said:
            self._said = found.state
            self._screen.say(f"{self._screen.style().clean(f'{found.name}: {found.state}')}\n")
        if self._screen.format is not Format.TEXT:
            return
        new = [step for step in found.readings.steps if step.step > self._last]
        if not new:
            return
        head = not self._columns
        self._columns = self._columns or found.readings.steps
        self._last = new[-1].step
        shown = new if self._whole else some(new)
        lines = table_lines(shown, self._columns, self._screen.data_style(), head=head)
        self._screen.data("".join(f"{line}\n" for line in lines))
