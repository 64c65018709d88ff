"""Carry a plan out on this machine: its clock, its signals, its screen."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import TYPE_CHECKING

from dpo_ops import reporters
from dpo_ops.cli.account import base_url
from dpo_ops.cli.again import same
from dpo_ops.cli.options import Patience
from dpo_ops.cli.progress import progress
from dpo_ops.cli.results import show
from dpo_ops.cli.stopping import Stop
from dpo_ops.cli.workshop import workshop
from dpo_ops.client import SystemClock
from dpo_ops.errors import DpoOpsError
from dpo_ops.executor import Waits, execute
from dpo_ops.executor.events import Outcome
from dpo_ops.reporters import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.options import Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.executor.events import Event
    from dpo_ops.planner import Plan


_TO_THE_END = Patience()


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of what happens, and who may ask to stop."""

    view: Callable[[Event], None]
    stop: Stop


@contextmanager
def watched(screen: Screen) -> Iterator[Watch]:
    """Give the view and the signals of one run that somebody started and looks at."""
    with (
        progress(screen, time.monotonic) as view,
        Stop(view.say, live=screen.live) as stop,
    ):
        yield Watch(view, stop)


def carry_out(  # noqa: PLR0913  -- a plan, an account, and how to go about it
    screen: Screen,
    target: Target,
    proposed: Plan,
    client: Client,
    *,
    secret: Callable[[str], str],
    patience: Patience = _TO_THE_END,
    watch: Watch | None = None,
) -> tuple[Report, Ending]:
    """Return how it ended, and why then. A first signal stops it in order, a second at once.

    Without a `watch` it is one run of its own: with its own view, hearing its own signals.
    """
    if watch is None and not proposed.in_sync:
        screen.say("\n")
    with nullcontext(watch) if watch else watched(screen) as by:
        report = execute(
            proposed,
            client,
            on_event=by.view,
            clock=SystemClock(),
            random=SystemRandom(),
            secret=secret,
            workshop=workshop(client),
            waits=_waits(target, patience),
            stop=by.stop,
        )
    hopeless = 0 < len(report.having(Outcome.FAILED)) <= client.calls.retired
    ending = replace(_ending(report, patience, asked=by.stop.asked), carry=same(screen))
    return reporters.with_outputs(report), replace(ending, hopeless=hopeless)


def _ending(report: Report, patience: Patience, *, asked: bool) -> Ending:
    """Return why a run left something unfinished, where it did."""
    unfinished = report.having(Outcome.RUNNING, Outcome.NOT_STARTED)
    if asked or not unfinished:
        return Ending()
    if report.left:
        return Ending(left_s=patience.budget_s, unwaited=patience.leave)
    return Ending(cause=report.blind)


def with_next(ending: Ending, report: Report, propose: Callable[[], Plan]) -> Ending:
    """Return the ending with the next plan where something failed: what will it do about that?"""
    if not report.having(Outcome.FAILED):
        return ending
    try:
        return replace(ending, ahead=propose())
    except (DpoOpsError, KeyboardInterrupt):
        return ending  # The report itself matters more.


def _waits(target: Target, patience: Patience) -> Waits:
    asked = Waits(budget_s=patience.budget_s, leave=patience.leave)
    if target.emulator:
        # Its hours are seconds, and asking it costs nothing. Looked at less often than every two
        # of its minutes, a deployment would fall asleep again before it is asked.
        first, longest = min(0.2, 24 / target.speed), min(1.0, 120 / target.speed)
        # Its lists never lag behind, so nothing is gained by long patience with them.
        return replace(asked, first_s=first, longest_s=longest, grace_s=2 * longest)
    return asked


def print_report(screen: Screen, target: Target, report: Report, ending: Ending) -> None:
    """Write how it ended to standard output."""
    style = screen.data_style()
    url = base_url(target)
    show(
        screen,
        text=lambda: reporters.report_text(
            report, style, ending=ending, verbose=screen.verbose, base_url=url
        ),
        markdown=lambda: reporters.report_markdown(report, style, ending=ending),
        document=lambda: reporters.report_document(report, ending),
    )
