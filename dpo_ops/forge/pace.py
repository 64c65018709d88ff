"""When to ask a forge again: after what it asks for, or after a little longer each time."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPTS: Final = 5
"""How often one request is sent at most."""
FIRST_S: Final = 1.0
SECONDARY_S: Final = 60.0
"""Seconds to wait where a limit of bursts names none: GitHub asks for a minute at least."""
LONGEST_S: Final = 120.0
"""Seconds of one wait at most. Who asks for more is told no: the run costs money meanwhile."""
PATIENCE_S: Final = 300.0
"""Seconds that one run waits at most, over all its requests."""

_TURNED_AWAY = (403, 429)
_FAULTS = (500, 502, 503, 504)


class Pace:
    """Waits for one run, whose patience ends."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self._left = PATIENCE_S

    def begin(self) -> Pause:
        """Return the waits of one request."""
        return Pause(self)

    def rest(self, seconds: float) -> bool:
        """Wait that long and return True, or False at once where that is too long."""
        if seconds > min(LONGEST_S, self._left):
            return False
        self._left -= seconds
        self._sleep(seconds)
        return True


class Pause:
    """The waits between the tries of one request; each call says whether to try again."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._tries = 0

    def once(self) -> bool:
        """Wait as for a request that nobody answered."""
        return self._rest(0)

    def for_answer(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Wait as this answer asks for; an answer that is final is not waited for."""
        if status in _TURNED_AWAY:
            seconds = limited_s(status, headers, body)
            return seconds is not None and self._rest(seconds)
        return status in _FAULTS and self._rest(asked_s(headers) or 0)

    def _rest(self, seconds: float) -> bool:
        self._tries += 1
        if self._tries >= ATTEMPTS:
            return False
        return self._pace.rest(max(seconds, FIRST_S * 2 ** (self._tries - 1)))


def limited_s(status: int, headers: Mapping[str, str], body: bytes) -> float | None:
    """Return the seconds that a limit asks to wait, or None where it is no limit that says no."""
    asked = asked_s(headers)
    if asked is not None:
        return asked
    if headers.get("x-ratelimit-remaining") == "0":
        return _until_s(headers)
    spent = status == _TURNED_AWAY[1] or b"rate limit" in body[:4096].lower()
    return SECONDARY_S if spent else None


def asked_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in Retry-After, or None."""
    return _number(headers.get("retry-after", ""))


def _until_s(headers: Mapping[str, str]) -> float:
    """The seconds until the limit begins anew, by the forge's own clock."""
    reset = _number(headers.get("x-ratelimit-reset", ""))
    try:
        now = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return SECONDARY_S
    return SECONDARY_S if reset is None else max(FIRST_S, reset - now + 1)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
