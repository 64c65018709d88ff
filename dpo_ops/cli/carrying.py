"""Carry a plan out on this machine: its clock, its signals, its screen."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING

from dpo_ops import reporters
from dpo_ops.cli.account import base_url
from dpo_ops.cli.progress import progress
from dpo_ops.cli.results import show
from dpo_ops.cli.stopping import Stop
from dpo_ops.client import SystemClock
from dpo_ops.executor import Waits, execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.cli.options import Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.planner import Plan


def carry_out(
    screen: Screen,
    target: Target,
    proposed: Plan,
    client: Client,
    *,
    secret: Callable[[str], str],
    budget_s: float | None = None,
) -> Report:
    """Return how it ended; a first signal stops it in order, a second leaves at once."""
    with (
        progress(screen, time.monotonic) as view,
        Stop(view.say, live=screen.live) as stop,
    ):
        report = execute(
            proposed,
            client,
            on_event=view,
            clock=SystemClock(),
            random=SystemRandom(),
            secret=secret,
            waits=_waits(target, budget_s),
            stop=stop,
        )
    return reporters.with_outputs(report)


def _waits(target: Target, budget_s: float | None) -> Waits:
    if target.emulator:
        # Its hours are seconds, and asking it costs nothing. Looked at less often than every two
        # of its minutes, a deployment would fall asleep again before it is asked.
        first, longest = min(0.2, 24 / target.speed), min(1.0, 120 / target.speed)
        return Waits(first_s=first, longest_s=longest, budget_s=budget_s)
    return Waits(budget_s=budget_s)


def print_report(screen: Screen, target: Target, report: Report) -> None:
    """Write how it ended to standard output."""
    style = screen.data_style()
    url = base_url(target)
    show(
        screen,
        text=lambda: reporters.report_text(report, style, verbose=screen.verbose, base_url=url),
        markdown=lambda: reporters.report_markdown(report, style),
        document=lambda: reporters.report_document(report),
    )
