"""How long to wait between looks: short at first, longer as time goes on, never in step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class Clock(Protocol):
    """Time as an argument, so that a test of an hour's wait takes no time."""

    def now(self) -> float:
        """Return the time in seconds, from any start."""

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The pace of looking, in seconds.

    The pause grows from `first_s` by `growth` to `longest_s`, each drawn up to `jitter` of
    itself shorter or longer. `budget_s` is how long to wait in all before leaving what runs to
    itself; with `leave`, that is done as soon as there is nothing else to do, and each thing was
    looked at once. `grace_s` is how long the account may lag behind: before a resource that a list
    does not show is asked for by name, and before a taken id that no read shows counts as deleted.
    """

    first_s: float = 5.0
    longest_s: float = 60.0
    growth: float = 1.5
    jitter: float = 0.2
    budget_s: float | None = None
    grace_s: float = 120.0
    leave: bool = False

    def pause(self, looks: int, random: Random) -> float:
        """Return the seconds to wait after this many looks that changed nothing."""
        # The exponent is bounded: a wait of days must not overflow a float.
        grown = min(self.longest_s, self.first_s * self.growth ** min(looks, 64))
        return grown * random.uniform(1 - self.jitter, 1 + self.jitter)


SLICE_S = 0.25
"""The longest that nobody looks whether to stop."""


def sleep_unless(clock: Clock, seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, but look at `stop` four times a second: a signal must not wait for a poll."""
    until = clock.now() + seconds
    while not stop() and (left := until - clock.now()) > 0:
        clock.sleep(min(left, SLICE_S))
