"""Keep an account as the specs say, on a server: the loop, its log, its pages."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING

from dpo_ops.cli.account import Kept, check
from dpo_ops.cli.again import of_plan
from dpo_ops.cli.approval import check_cards
from dpo_ops.cli.cards import Cards
from dpo_ops.cli.carrying import Watch
from dpo_ops.cli.listening import Page, listening, state
from dpo_ops.cli.logbook import Logbook, without_waits
from dpo_ops.cli.options import Patience
from dpo_ops.cli.passing import Guard, one_pass, wanted
from dpo_ops.cli.progress import Lines
from dpo_ops.cli.rounds import MachineTimes, Pace, keep_up
from dpo_ops.cli.saving import saved_plan
from dpo_ops.cli.stopping import Stop
from dpo_ops.cli.vitals import Gauges, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dpo_ops.cli.options import Specs, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.executor import Report
    from dpo_ops.executor.events import Event
    from dpo_ops.reporters.rounds import Round


def keep_reconciling(
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    every_s: float,
    listen: tuple[str, int] | None,
    cards: Path | None = None,
) -> None:
    """Make a pass at least every `every_s` seconds until SIGTERM or SIGINT.

    Raises:
        PlanError: cards are wanted of a saved plan.
        SettingsError: before the first round has ended: no key, or the port can't be had.
    """
    check_cards(saved_plan(screen, pinned(specs)) if cards else None, cards)
    check(screen, target)
    writer = Cards(screen, cards) if cards else None
    times = MachineTimes()
    log, pulse = Logbook(screen, target, times.now), Pulse(every_s, times.now)
    heard: list[Callable[[Round], None]] = [pulse.took, log]
    lines = without_waits(Lines(screen.say, screen.style(), times.now))

    def view(event: Event) -> None:
        pulse.beat()
        lines(event)

    with ExitStack() as open_:
        kept = Kept(open_)
        if listen:
            gauges = Gauges()
            # The figures first: whoever reads of a round in the log finds it counted.
            heard.insert(0, gauges.took)
            url = open_.enter_context(listening(*listen, _pages(pulse, gauges)))
            screen.say(f"listening on {url}\n")
        stop = open_.enter_context(Stop(lambda line: screen.say(f"{line}\n"), live=False))
        watch = Watch(view, stop)

        def one() -> Report:
            read = pinned(specs)
            saved = saved_plan(screen, read)
            report, ending = one_pass(
                screen,
                target,
                wanted(screen, read, saved),
                guard=Guard(log.plan),
                patience=Patience(leave=True),
                watch=watch,
                kept=kept,
                after=partial(writer.write, read) if writer else lambda _, __: None,
            )
            carry = of_plan(screen, specs, target, saved) if saved else ending.carry
            log.ending = replace(ending, rounds=not stop.asked, carry=carry)
            return report

        keep_up(one, _all(heard), pace=Pace(every_s, SystemRandom()), times=times, stop=stop)


def _all(heard: list[Callable[[Round], None]]) -> Callable[[Round], None]:
    def told(round_: Round) -> None:
        for hear in heard:
            hear(round_)

    return told


def _pages(pulse: Pulse, gauges: Gauges) -> Mapping[str, Callable[[], Page]]:
    return {
        "/healthz": lambda: state(pulse.stopped()),
        "/readyz": lambda: state(pulse.not_ready()),
        "/metrics": lambda: Page(gauges.page(), content_type=gauges.content_type),
    }


def pinned(specs: Specs) -> Specs:
    """Return the specs with links followed once, so that one round reads one commit.

    What brings new commits to a server may put each in a folder of its own, and turn a link.
    """
    return replace(
        specs, paths=tuple(map(_followed, specs.paths)), values=tuple(map(_followed, specs.values))
    )


def _followed(path: Path) -> Path:
    # A path without a link stays as it was given, as messages show it.
    return path.resolve() if path.resolve() != path.absolute() else path
