"""The emulated clock: an anchor in the store, moved on by each request.

While a process runs, emulated time passes at `scale` times wall time; between one
process and the next it passes at wall speed. What passed since the last request of a
process that was killed counts at wall speed too: nobody was there to say otherwise.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from .wire import refuse

_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


class Clock:
    """Turns wall seconds into emulated seconds (both since the Unix epoch)."""

    def __init__(self, wall: Callable[[], float], scale: float) -> None:
        self._wall = wall
        self._scale = scale
        self._first = True

    def advance(self, anchor: tuple[float, float] | None) -> tuple[float, float]:
        """Return the next `(emulated, wall)` anchor from the last one; time never runs back."""
        wall = self._wall()
        if anchor is None:
            self._first = False
            return wall, wall
        emulated, then = anchor
        speed = 1.0 if self._first else self._scale
        self._first = False
        return emulated + max(0.0, wall - then) * speed, wall


def duration(text: str, name: str) -> float:
    """Return the seconds in a protobuf JSON duration such as `600s`; else refuse with 400."""
    found = _DURATION.fullmatch(text)
    if not found:
        message = f'{name}: invalid google.protobuf.Duration value "{text}"'
        raise refuse("INVALID_ARGUMENT", message)
    return float(found[1])


def timestamp(nanoseconds: int, *, precise: bool) -> str:
    """Return RFC 3339 in UTC, to the nanosecond if `precise`, else to the microsecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:09d}Z" if precise else f"{whole}.{rest // 1000:06d}Z"


def nanoseconds(seconds: float) -> int:
    """Return emulated seconds as the integer that resources store."""
    return round(seconds * 1_000_000_000)
