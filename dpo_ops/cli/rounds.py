"""The loop of `reconcile --every`: a pass, a pause, the next pass, until it is asked to stop.

No error ends it: what can't be read, seen or done now is tried again in a later round.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from dpo_ops.cli.endings import unexpected
from dpo_ops.errors import DpoOpsError, SettingsError
from dpo_ops.executor.waits import Clock, sleep_unless
from dpo_ops.reporters.rounds import Round, Verdict, news_of, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from random import Random

    from dpo_ops.executor import Report

SOONEST_S = 5.0
"""The first pause after a round that left something, or saw nothing; it doubles from there."""
_JITTER = 0.1


class Times(Clock, Protocol):
    """A clock that knows the date as well."""

    def date(self) -> datetime:
        """Return the date and time in UTC."""


class MachineTimes:
    """The time of this machine; what is measured does not jump when its clock is set."""

    def now(self) -> float:
        """Return the seconds since any start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`."""
        time.sleep(seconds)

    def date(self) -> datetime:
        """Return the date and time in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class Pace:
    """How long to wait for the next round: `every_s` at most, and less while something happens.

    What was just begun is looked at soon, and then ever less often while it stays as it is. Errors
    are tried again in the same way. Each pause is up to a tenth shorter, so that several loops do
    not stay in step.
    """

    every_s: float
    random: Random
    _before: Hashable = None
    _same: int = 0

    def after(self, result: Report | DpoOpsError) -> float:
        """Return the seconds to wait after a round that ended like this."""
        verdict = verdict_of(result)
        # Errors that only differ in their words must not be tried again at once for ever.
        news = verdict if verdict is Verdict.ERROR else news_of(result)
        self._same = self._same + 1 if news == self._before else 0
        self._before = news
        pause_s = self.every_s
        if verdict in (Verdict.RUNNING, Verdict.ERROR):
            # The exponent is bounded: an outage of days must not overflow a float.
            pause_s = min(pause_s, SOONEST_S * 2.0 ** min(self._same, 32))
        return pause_s * self.random.uniform(1 - _JITTER, 1)


def keep_up(
    one_pass: Callable[[], Report],
    told: Callable[[Round], None],
    *,
    pace: Pace,
    times: Times,
    stop: Callable[[], bool],
) -> None:
    """Make one pass after another until `stop` turns true; it ends the pass that it is in.

    `told` gets each round as soon as it ended.

    Raises:
        SettingsError: of the first round, where nothing is there yet that could be kept up.
    """
    number = 0
    while not stop():
        number += 1
        began = times.now()
        try:
            result: Report | DpoOpsError = one_pass()
        except SettingsError as error:
            if number == 1:
                raise
            result = error
        except DpoOpsError as error:
            result = error
        except Exception as error:  # noqa: BLE001  -- told of, and a later round may do without it
            result = unexpected(error)
        took_s, pause_s = times.now() - began, pace.after(result)
        told(Round(number, times.date(), took_s, pause_s, result))
        sleep_unless(times, pause_s, stop)
