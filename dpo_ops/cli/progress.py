"""What is going on while a plan is carried out: lines for a log, a live view for a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, assert_never

from dpo_ops.executor.events import (
    Answered,
    Began,
    Ended,
    Event,
    Outcome,
    StepBegan,
    StepEnded,
    Training,
    Unseen,
    Uploading,
    Waiting,
)
from dpo_ops.planner import Verb
from dpo_ops.reporters import Style, elapsed, latest, why
from dpo_ops.reporters.style import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.screen import Screen
    from dpo_ops.resource import Address

HEARTBEAT_S = 60.0

DOING = {
    Verb.TRAIN: "training",
    Verb.CREATE: "creating",
    Verb.UNDELETE: "restoring",
    Verb.RESUME: "resuming",
    Verb.CANCEL: "cancelling",
    Verb.UPLOAD: "uploading",
    Verb.PATCH: "changing",
    Verb.WAIT: "waiting for",
    Verb.PROBE: "asking",
    Verb.MARK: "marking",
    Verb.TAG: "tagging",
    Verb.DELETE: "deleting",
}
DID = {
    Verb.TRAIN: "trained",
    Verb.CREATE: "created",
    Verb.UNDELETE: "restored",
    Verb.RESUME: "resumed",
    Verb.CANCEL: "cancelled",
    Verb.UPLOAD: "uploaded",
    Verb.PATCH: "changed",
    Verb.WAIT: "there is",
    Verb.PROBE: "answered by",
    Verb.MARK: "marked",
    Verb.TAG: "tagged",
    Verb.DELETE: "deleted",
}
_QUIET = (Outcome.DONE, Outcome.IN_SYNC, Outcome.BLOCKED)
"""Outcomes that the plan, or the last step, has announced already."""


class View(Protocol):
    """What shows the events of a run."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def say(self, line: str) -> None:
        """Show a line that belongs to no event."""


@contextmanager
def progress(screen: Screen, clock: Callable[[], float]) -> Iterator[View]:
    """Give what shows events; `clock` is in seconds, from any start."""
    if screen.live:
        from dpo_ops.cli.live import live_view  # noqa: PLC0415  -- rich is for terminals only

        with live_view(screen, clock) as view:
            yield view
    else:
        yield Lines(screen.say, screen.style(), clock)


class Forecast:
    """How long trainings will take, from the pace that they were seen to keep."""

    def __init__(self) -> None:
        self._first: dict[Address, tuple[int, float]] = {}

    def left_s(self, event: Training, now: float) -> float | None:
        """Return the seconds until the last step; None while there is nothing to go by."""
        at = event.measured
        step, since = self._first.setdefault(event.address, (at.step, now))
        if at.step < step:  # It began anew.
            step, since = self._first[event.address] = (at.step, now)
        done = at.step - step
        return (now - since) / done * (at.steps - at.step) if done and at.steps else None


def trained(event: Training, left_s: float | None, room: int) -> str:
    """Return a step in words, with what there is room for: figures, and how long it will take."""
    at = event.measured
    left = f"about {elapsed(left_s)} left" if left_s is not None and at.step < at.steps else ""
    for figures in (("loss", "margin", "accuracy"), ("loss", "margin"), ("loss",)):
        said = ", ".join(filter(None, (latest(at, figures), left)))
        if len(said) <= room:
            return said
    return latest(at, ())


class Lines:
    """One line a step, and one a minute or a tenth for whatever takes longer."""

    def __init__(
        self, write: Callable[[str], None], style: Style, clock: Callable[[], float]
    ) -> None:
        self._write, self._style, self._clock = write, style, clock
        self._last: dict[str, tuple[str, float]] = {}
        self._forecast = Forecast()

    def __call__(self, event: Event) -> None:
        """Show one event, if there is anything new in it."""
        if line := self._line(event):
            self.say(line)

    def say(self, line: str) -> None:
        """Show a line that belongs to no event."""
        for part in wrap(self._style.clean(line), self._style.width, rest="    "):
            self._write(f"{part}\n")

    def _line(self, event: Event) -> str:
        match event:
            case Began() | Answered():
                return ""  # The report shows the answer in full.
            case StepBegan() | StepEnded() | Ended():
                return said(event)
            case Uploading(address, done, total):
                text = f"{address}: uploaded {megabytes(done)} of {megabytes(total)}"
                return "" if done == total else self._now_and_then(str(address), "", text)
            case Training(address, measured):
                left = self._forecast.left_s(event, self._clock())
                tenth = 10 * measured.step // measured.steps if measured.steps else 0
                room = self._style.width - len(f"{address}: ")
                text = f"{address}: {trained(event, left, room)}"
                return self._now_and_then(str(address), f"tenth {tenth}", text)
            case Waiting(address, state, message, waited):
                text = f"{address}: {message or state}" + (
                    f", waited {elapsed(waited)}" if waited >= 1 else ""
                )
                return self._now_and_then(str(address), state, text)
            case Unseen(error, waited):
                text = f"the account can't be seen, {elapsed(waited)} so far: {brief(error)}"
                return self._now_and_then("", "unseen", text)
        assert_never(event)

    def _now_and_then(self, about: str, state: str, text: str) -> str:
        """Return the text when the state is new, or a minute after it was last said."""
        before, at = self._last.get(about, ("", 0.0))
        now = self._clock()
        if state == before and now - at < HEARTBEAT_S:
            return ""
        self._last[about] = (state, now)
        return text


def said(event: StepBegan | StepEnded | Ended) -> str:
    """Return one event in words, or nothing where the rest says enough."""
    match event:
        case StepBegan(address, step):
            return f"{address}: {DOING[step.verb]} {step.name}"
        case StepEnded(address, step, note):
            return f"{address}: {note or f'{DID[step.verb]} {step.name}'}"
        case Ended(address, outcome):
            word = outcome.value.replace("-", " ")
            reason = brief(why(event))
            tail = f": {reason}" if reason else ""
            return "" if outcome in _QUIET else f"{address}: {word}{tail}"
    assert_never(event)


def brief(failure: str) -> str:
    """Return `what · why` of a failure; what to do about it is the report's to say."""
    return " · ".join(failure.split(" · ")[:2])


def megabytes(size: int) -> str:
    """Return a number of bytes such as `812 kB` or `1.4 GB`."""
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":  # noqa: PLR2004  -- SI
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}"  # noqa: PLR2004
