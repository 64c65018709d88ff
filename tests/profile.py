"""How much is tried: a sample every day, all of it with `--hypothesis-profile=long`."""

from __future__ import annotations

from hypothesis import settings

LONG = settings.get_current_profile_name() == "long"


def tries(daily: int, *, long: int) -> int:
    """Return how many examples are drawn under the profile of this run."""
    return long if LONG else daily
