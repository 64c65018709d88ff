"""Pieces of Markdown for GitHub, in which text from outside can only be text.

A pull request's author writes the specs, so every name, value and message is taken to be
hostile: no markup, no mention, no link, no image, no HTML and no second table cell from it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpo_ops.reporters.style import Style

LIMIT = 60_000
"""Bytes of UTF-8; GitHub refuses a comment above 65,536 characters."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"([\\`*_\[\]#|~$])")
_LINKING = re.compile(r"(@|:(?=//)|www(?=\.)|GH(?=-)|\\#)")
_NOTHING = "\u200b"  # A space without width: what GitHub would turn into a link no longer is one.
_BACKTICKS = re.compile(r"`+")


def defused(text: object, style: Style) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    line = style.clean(text)
    line = "".join(_ENTITIES.get(char, char) for char in line)
    line = _MARKUP.sub(r"\\\1", line)
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


def folded(title: str, body: str) -> str:
    """Return a section that opens on a click; `title` is HTML-safe text."""
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n"


def fitted(start: str, sections: Sequence[str], end: str, *, what: str, limit: int = LIMIT) -> str:
    """Return the parts in their order, without the last sections where all would not fit.

    Whole sections go, never a part of one, and the text says how many.
    """
    kept, size = [], len((start + end).encode()) + 200
    for section in sections:
        size += len(section.encode()) + 1
        if size > limit:
            break
        kept.append(section)
    missing = len(sections) - len(kept)
    note = f"*{missing} of {len(sections)} {what} left out: too long for one page.*\n"
    return "\n".join([start, *kept, *([note] if missing else []), end])
