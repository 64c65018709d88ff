"""What a loop says of its rounds: what is new in full, what is not in a line an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops import reporters
from dpo_ops.cli.carrying import print_report
from dpo_ops.cli.screen import Format
from dpo_ops.executor.events import Ended, StepBegan, Waiting
from dpo_ops.executor.events import Outcome as Out
from dpo_ops.planner import fingerprint
from dpo_ops.planner.change import WAITING
from dpo_ops.reporters import Ending
from dpo_ops.reporters.rounds import Round, Verdict, news_of, round_document, round_line

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from dpo_ops.cli.options import Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.executor.events import Event
    from dpo_ops.planner import Plan

QUIET_S = 3600.0
"""The longest that nothing is said while nothing is new."""


class Logbook:
    """Says each round in the format that was asked for; in JSON a line for every one."""

    def __init__(self, screen: Screen, target: Target, clock: Callable[[], float]) -> None:
        self._screen, self._target, self._clock = screen, target, clock
        self._news: Hashable = None
        self._planned = ""
        self._said = 0.0
        self.ending = Ending()
        """How the last pass came to its end."""

    def plan(self, proposed: Plan) -> None:
        """Say a plan that is not the one of the round before."""
        planned = "" if proposed.in_sync else fingerprint(proposed)
        if planned and planned != self._planned:
            self._screen.say(reporters.plan_text(proposed, self._screen.style()) + "\n")
        self._planned = planned

    def __call__(self, round_: Round) -> None:
        """Say a round."""
        news = news_of(round_.result)
        new = news != self._news
        self._news = news
        if self._screen.format is Format.JSON:
            document = round_document(round_, self.ending)
            self._screen.data(reporters.json_text(document, indent=None))
            if new and round_.error:
                self._screen.say(reporters.error_text(round_.error, self._screen.style()))
            return
        if not new and not _did(round_) and self._clock() - self._said < QUIET_S:
            return
        self._said = self._clock()
        self._screen.say(f"{round_line(round_)}\n")
        if new or _did(round_):
            self._in_full(round_)

    def _in_full(self, round_: Round) -> None:
        if round_.error:
            self._screen.say(reporters.error_text(round_.error, self._screen.style()))
        elif round_.report and round_.verdict is not Verdict.IN_SYNC:
            print_report(self._screen, self._target, round_.report, self.ending)
        elif round_.report:
            warnings = round_.report.plan.warnings
            self._screen.say(reporters.findings_text(warnings, self._screen.style()))


def _did(round_: Round) -> bool:
    return bool(round_.report and round_.report.having(Out.DONE))


def without_waits(view: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return a view that is silent about waiting and endings: each round waits for the same."""

    def told(event: Event) -> None:
        begins_to_wait = isinstance(event, StepBegan) and event.step.verb in WAITING
        if not begins_to_wait and not isinstance(event, Waiting | Ended):
            view(event)

    return told
