"""When to try again: exponential backoff with full jitter, and the server's own word on it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random


class Clock(Protocol):
    """Time as an argument. `now` is seconds since 1970, `sleep` waits that many seconds."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often to try, the first try included, and how long to wait in between, in seconds."""

    attempts: int = 5
    uploads: int = 3
    """Whole uploads of one file: each sends every byte again."""
    first_s: float = 0.5
    longest_s: float = 8.0
    patience_s: float = 60.0
    """The longest wait that a server may ask for; a longer one is cut to this."""


class Pace:
    """Waits between two attempts, on the clock it was given."""

    def __init__(self, retry: Retry, clock: Clock, random: Random) -> None:
        self._retry, self._clock, self._random = retry, clock, random

    def now(self) -> float:
        """Return the time in seconds, to measure how long all attempts took."""
        return self._clock.now()

    def wait(self, attempt: int, headers: Mapping[str, str]) -> None:
        """Sleep after the failed `attempt` (from 1) that was answered with `headers`."""
        self._clock.sleep(self.delay_s(attempt, headers))

    def delay_s(self, attempt: int, headers: Mapping[str, str]) -> float:
        """Return the seconds to wait: what the server asks for, else a random backoff."""
        asked = asked_delay_s(headers, self._clock.now)
        if asked is not None:
            return min(asked, self._retry.patience_s)
        # The exponent is capped too: 2.0 ** 2000 would overflow before `min` sees it.
        ceiling = min(self._retry.longest_s, self._retry.first_s * 2.0 ** min(attempt - 1, 30))
        # Full jitter: clients that failed together must not come back together.
        return self._random.uniform(0.0, ceiling)


def asked_delay_s(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Return the seconds that an answer asks to wait, or None where it says nothing usable."""
    millis = _number(headers.get("retry-after-ms", ""))
    if millis is not None:
        return millis / 1000
    after = headers.get("retry-after", "")
    seconds = _number(after)
    return seconds if seconds is not None else _until(after, headers.get("date", ""), now)


def _until(moment: str, sent_at: str, now: Callable[[], float]) -> float | None:
    then = _timestamp(moment)
    if then is None:
        return None
    # The server's own Date makes the wait independent of how wrong our clock is.
    start = _timestamp(sent_at)
    return max(0.0, then - (now() if start is None else start))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _timestamp(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
