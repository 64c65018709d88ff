"""The live view: one line for each resource that something is happening to.

What is over scrolls up as an ordinary line, so the moving part stays as small as the work.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dpo_ops.cli.progress import DOING, Forecast, View, brief, megabytes, said, trained
from dpo_ops.executor.events import (
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
from dpo_ops.reporters import elapsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.screen import Screen
    from dpo_ops.reporters import Style
    from dpo_ops.resource import Address

_PER_SECOND = 4
_MARGIN = 4
_NARROW = 60
_BAR = 16
_INDENT = "  "
_STEP, _ELAPSED = 9, 7
_COLOURS = {
    Outcome.DONE: "green",
    Outcome.FAILED: "red",
    Outcome.SKIPPED: "yellow",
    Outcome.RUNNING: "yellow",
    Outcome.NOT_STARTED: "yellow",
}


@contextmanager
def live_view(screen: Screen, clock: Callable[[], float]) -> Iterator[View]:
    """Show events as they happen; the view is gone afterwards, its finished lines stay."""
    style = screen.style()
    console = Console(
        file=cast("IO[str]", _Masked(screen)),
        force_terminal=True,
        no_color=not style.colour,
        width=style.width,
        highlight=False,
        markup=False,
        emoji=False,
    )
    view = _View(console, style, clock)
    with Live(
        get_renderable=view.picture,
        console=console,
        refresh_per_second=_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield view


class _Masked:
    """Standard error as rich writes to it, through the screen that masks."""

    encoding = "utf-8"

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        self._screen.say(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return True


@dataclass(slots=True)
class _Line:
    began: float
    step: str
    state: str = ""
    share: float | None = None
    below: str = ""
    """What there is to say at length, on a line of its own."""

    @property
    def height(self) -> int:
        return 2 if self.below else 1


class _View:
    """The lines of what is under way; rich draws them from a thread of its own."""

    def __init__(self, console: Console, style: Style, clock: Callable[[], float]) -> None:
        self._console, self._style, self._clock = console, style, clock
        self._lines: dict[Address, _Line] = {}
        self._notice = ""
        self._forecast = Forecast()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._take(event)
        if isinstance(event, StepEnded | Ended) and (line := said(event)):
            self.say(line, _COLOURS.get(event.outcome, "") if isinstance(event, Ended) else "")

    def say(self, line: str, colour: str = "") -> None:
        """Show a line above the moving part; it stays."""
        self._console.print(Text(self._style.clean(line), style=colour))

    def _take(self, event: Event) -> None:
        match event:
            case StepBegan(address, step):
                began = self._lines[address].began if address in self._lines else self._clock()
                self._lines[address] = _Line(began, DOING[step.verb].removesuffix(" for"))
            case Uploading(address, done, total) if address in self._lines:
                self._lines[address].share = done / total if total else 1.0
                self._lines[address].state = f"{megabytes(done)} of {megabytes(total)}"
            case Training(address, measured) if address in self._lines:
                line = self._lines[address]
                line.share = min(1.0, measured.step / measured.steps) if measured.steps else None
                left = self._forecast.left_s(event, self._clock())
                line.below = trained(event, left, self._style.width - len(_INDENT))
            case Waiting(address, state, message, _) if address in self._lines:
                self._lines[address].state = message or state
                self._notice = ""
            case Unseen(error, _):
                self._notice = f"the account can't be seen: {brief(error)}"
            case Ended(address):
                self._lines.pop(address, None)
            case _:
                pass

    def picture(self) -> RenderableType:
        """Return the moving part as it is now."""
        with self._lock:
            lines, notice = dict(self._lines), self._notice
        shown = self._fitting(list(lines.items()))
        parts: list[RenderableType] = [part for row in self._grouped(shown) for part in row]
        if len(lines) > len(shown):
            parts.append(Text(f"and {len(lines) - len(shown)} more", style="dim"))
        if notice:
            parts.append(self._one_line(notice, look="yellow"))
        return Group(*parts)

    def _fitting(self, rows: list[tuple[Address, _Line]]) -> list[tuple[Address, _Line]]:
        """Return as many rows as there is room for, at least one."""
        room, shown = self._console.height - _MARGIN, 0
        for _, line in rows:
            room -= line.height
            if room < 0:
                break
            shown += 1
        return rows[: max(1, shown)]

    def _grouped(self, rows: list[tuple[Address, _Line]]) -> Iterator[tuple[RenderableType, ...]]:
        """Yield tables of one look; each ends where a line of its own has something to say."""
        widest = max((len(self._style.clean(address)) for address, _ in rows), default=0)
        table: list[tuple[Address, _Line]] = []
        for row in rows:
            table.append(row)
            if row[1].below:
                yield self._table(table, widest), self._one_line(row[1].below, indent=_INDENT)
                table = []
        if table:
            yield (self._table(table, widest),)

    def _one_line(self, said: str, *, look: str = "", indent: str = "") -> Text:
        text = Text(indent + self._style.clean(said), style=look, no_wrap=True)
        text.overflow = "ellipsis"
        return text

    def _table(self, rows: list[tuple[Address, _Line]], widest: int) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        narrow = self._console.width < _NARROW
        # Only the address and the state give way; the state is left out where there is no room.
        width = min(widest, self._console.width // 2)
        table.add_column(no_wrap=True, overflow="ellipsis", width=width)
        table.add_column(no_wrap=True, min_width=_STEP)
        table.add_column(no_wrap=True, min_width=_ELAPSED, justify="right")
        if not narrow:
            table.add_column(no_wrap=True, overflow="ellipsis")
        for address, line in rows:
            cells = self._cells(address, line)
            table.add_row(*cells[:3] if narrow else cells)
        return table

    def _cells(self, address: Address, line: _Line) -> tuple[RenderableType, ...]:
        state: RenderableType = Text(self._style.clean(line.state), style="yellow")
        if line.share is not None:
            state = ProgressBar(total=1.0, completed=line.share, width=_BAR)
        return (
            Text(self._style.clean(address), style="bold"),
            Text(line.step),
            Text(elapsed(self._clock() - line.began), style="dim"),
            state,
        )
