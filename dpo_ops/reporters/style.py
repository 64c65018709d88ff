"""How text looks: colour, width, and nothing in it that could act on a terminal.

Every text that comes from a spec, a file or the server goes through `Style.clean` before it
is placed: it becomes one line without control characters, and secrets in it are masked while
they are still in one piece. Wrapping never breaks a name in the middle.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Tone(StrEnum):
    """What a colour stands for; the words beside it always say the same."""

    GOOD = "32"
    CHANGE = "33"
    BAD = "31"
    QUIET = "2"
    STRONG = "1"
    PLAIN = ""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's screen can do. `mask` hides secrets in text from outside.

    `ascii_only` is for a screen that has no letters for a curve.
    """

    colour: bool = False
    width: int = 80
    mask: Callable[[str], str] = _as_it_is
    ascii_only: bool = False

    def clean(self, text: object) -> str:
        """Return `text` as one line that can't move a cursor and holds no secret."""
        return self.mask(one_line(str(text)))

    def paint(self, text: str, tone: Tone) -> str:
        """Return `text` in the colour of `tone`, or as it is where there is no colour."""
        if not self.colour or tone is Tone.PLAIN:
            return text
        return f"\x1b[{tone}m{text}\x1b[0m"


PLAIN = Style()
"""No colour, 80 columns, no secrets to hide."""

# CSI and OSC sequences with their parameters, then any other two-character escape.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
# Joiners are letters of some scripts; every other invisible character can only deceive.
_JOINERS = "\u200c\u200d"
_TIMESTAMP = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z\b")
_KEPT = "\u00a0"  # Text from outside has none: it is cleaned to plain spaces.


def one_line(text: str) -> str:
    """Return `text` on one line: escapes and control characters gone, spaces single."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, _ANSI.sub("", text)))
    return " ".join(text.split())


def _visible(char: str) -> str:
    if char.isspace():
        return " "
    hidden = unicodedata.category(char).startswith("C") and char not in _JOINERS
    return "" if hidden else char


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    text = text.replace(_KEPT, " ")  # As wide, and what is ASCII besides is counted quickly.
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(char: str) -> int:
    if char in _JOINERS or unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return clean `text` in lines of at most `width` columns.

    The first line begins with `first`, the others with `rest`. A word that is too long for a
    line, such as a full resource name, stands alone on its line and stays whole; so do words
    that `kept` holds together. An empty text has no lines.
    """
    lines: list[str] = []
    for piece, glue in _pieces(text, width - cells(rest)):
        if not lines and cells(first + piece) > width and cells(rest) < cells(first):
            lines = [first.rstrip(), rest + piece]
        elif not lines:
            lines = [first + piece]
        elif cells(lines[-1] + glue + piece) > width:
            lines.append(rest + piece)
        else:
            lines[-1] += glue + piece
    return [line.replace(_KEPT, " ") for line in lines]


def kept(text: str) -> str:
    """Return `text` so that `wrap` leaves it on one line."""
    return text.replace(" ", _KEPT)


def _pieces(text: str, width: int) -> Iterator[tuple[str, str]]:
    """Yield the words of `text` with what stands before each; wide letters count as words."""
    for word in filter(None, text.split(" ")):
        breakable = cells(word) > width and any(_cell(char) > 1 for char in word)
        if breakable:
            yield from ((char, " " if n == 0 else "") for n, char in enumerate(word))
        else:
            yield word, " "


def dated(text: str) -> str:
    """Return `text` with the times in it to the minute: `2026-09-21 14:37 UTC`."""
    return _TIMESTAMP.sub(r"\1 \2 UTC", text)


def elide(text: str, most: int) -> str:
    """Return clean `text` in at most about `most` characters, cut between words, saying so."""
    if len(text) <= most:
        return text
    head = text[:most]
    # A cut inside a word could leave most of a name; only a text without spaces is cut hard.
    kept = head.rpartition(" ")[0] or head
    return f"{kept} … ({len(text):,} characters)"


def pad(text: str, width: int) -> str:
    """Return `text` filled with spaces to `width` columns."""
    return text + " " * max(0, width - cells(text))


def widest(texts: Iterable[str], *, most: int) -> int:
    """Return the columns that the widest of `texts` takes, leaving out those above `most`."""
    return max((cells(text) for text in texts if cells(text) <= most), default=0)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 error`, `2 errors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def elapsed(seconds: float) -> str:
    """Return a time such as `8s`, `3m 05s` or `2h 10m`."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
