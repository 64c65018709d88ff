"""Pieces of Markdown for GitHub, in which text from outside can only be text.

A pull request's author writes the specs, so every name, value and message is taken to be
hostile: no markup, no mention, no link, no image, no HTML and no second table cell from it.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.reporters.style import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpo_ops.reporters.style import Style

LIMIT = 60_000
"""Bytes of UTF-8 and units of UTF-16; GitHub refuses a comment above 65,536 characters."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"([\\`*_\[\]#|~$])")
_LINKING = re.compile(
    # Mentions, addresses, issues, and what GitHub would show as a picture: `:x:`.
    r"(@|:(?=//)|www(?=\.)|GH(?=-)|\\#|:(?=(?:[a-z+-](?:[\w+-]|\\_)*|100|1234):))",
    re.IGNORECASE,
)
# What begins a list at the start of a line, or makes a heading or a table of the line above it.
_STARTING = re.compile(r"^(?=[-+](?:\s|$)|=+$|:?-+:?$)|^\d{1,9}(?=[.)](?:\s|$))")
_NOTHING = "\u200b"  # A space without width: what GitHub would turn into a link no longer is one.
_BACKTICKS = re.compile(r"`+")


def defused(text: object, style: Style) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    line = style.clean(text)
    line = "".join(_ENTITIES.get(char, char) for char in line)
    line = _STARTING.sub(r"\g<0>\\", _MARKUP.sub(r"\\\1", line))
    return _LINKING.sub(rf"\1{_NOTHING}", line)


def code(text: object, style: Style) -> str:
    """Return `text` as inline code; in a table cell too."""
    line = style.clean(text).replace("|", "¦")
    ticks = "`" * (1 + max(map(len, _BACKTICKS.findall(line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}" if line else ""


def fenced(lines: Iterable[str], language: str = "") -> str:
    """Return clean `lines` as a block of code that nothing in them can end."""
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(body)), default=0))
    return f"{fence}{language}\n{body}\n{fence}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def cut_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, limit: int, more: int = 0
) -> str:
    """Return a table of the first rows, of about `limit` bytes at most.

    Below it stands how many there are besides; `more` is the number of those that are not given.
    """
    kept = len(leading(table((), rows).splitlines(keepends=True)[2:], limit))
    more += len(rows) - kept
    note = f"\n*and {count(more, 'more row')}*\n" if more else ""
    return table(head, rows[:kept]) + note


def leading(rows: Iterable[str], limit: int) -> list[str]:
    """Return the first of `rows` that have at most `limit` bytes together."""
    kept, left = [], limit
    for row in rows:
        left -= size(row)
        if left < 0:
            break
        kept.append(row)
    return kept


def items(rows: Sequence[str], noun: str, *, limit: int) -> str:
    """Return the first items of a list in at most about `limit` bytes, and how many more."""
    kept = leading(rows, limit)
    more = len(rows) - len(kept)
    return "".join(kept) + (f"- *and {count(more, f'more {noun}')}*\n" if more else "")


def coded(text: object, style: Style) -> str:
    """Return `text` as code in HTML, where Markdown is not read, such as the title of a fold."""
    line = html.escape(style.clean(text))
    return f"<code>{line}</code>" if line else ""


def titled(text: object, style: Style) -> str:
    """Return `text` as text in HTML, where Markdown is not read."""
    line = style.clean(text).replace("#", f"#{_NOTHING}")
    return html.escape(_LINKING.sub(rf"\1{_NOTHING}", line))


def folded(title: str, body: str, *, shown: bool = False) -> str:
    """Return a section that opens on a click, or is open; `title` is HTML-safe text."""
    tag = "details open" if shown else "details"
    return f"<{tag}><summary>{title}</summary>\n\n{body}\n</details>\n"


def alert(sort: str, lines: Iterable[str]) -> str:
    """Return lines of Markdown as a block that stands out: NOTE, WARNING or CAUTION."""
    return "".join(f"> {line}\n" for line in (f"[!{sort}]", *lines))


def size(text: str) -> int:
    """Return how long a forge takes a text to be, whichever way it counts.

    The bytes of UTF-8: no character has more UTF-16 units than bytes (two where it has four
    bytes, else one), so a text of so many bytes holds to a limit of units as well.
    """
    return len(text.encode())


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that is shown whole or not at all; the lowest priority stays longest."""

    text: str
    priority: int = 0


def fitted(  # noqa: PLR0913  -- the parts of a page, and how it is said that some are missing
    start: str,
    sections: Sequence[Section | str],
    end: str,
    *,
    what: str,
    why: str = "too long for one page",
    limit: int = LIMIT,
    besides: int = 0,
) -> str:
    """Return the parts in their order, without some sections where all would not fit.

    Whole sections go, never a part of one, and the text says how many. Room is given by priority,
    then in their order; what is too long for the room that is left does not keep a shorter one
    behind it from its place. `start` and `end` always stay. `besides` sections were left out
    before, and are counted with the others.
    """
    parts = [Section(part) if isinstance(part, str) else part for part in sections]
    kept, room = set(), limit - size(start + end) - _NOTE
    for number in sorted(range(len(parts)), key=lambda number: parts[number].priority):
        needed = size(parts[number].text) + 1
        if needed <= room:
            kept.add(number)
            room -= needed
    missing = len(parts) - len(kept) + besides
    note = f"*{missing:,} of {len(parts) + besides:,} {what} left out: {why}.*\n"
    texts = [part.text for number, part in enumerate(parts) if number in kept]
    return "\n".join([start, *texts, *([note] if missing else []), end])


_NOTE = 200
"""Bytes for the line that says what is missing, and for what joins the parts."""
