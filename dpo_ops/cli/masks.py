"""What must not be shown, in every form in which it could appear.

A secret comes back as JSON, in a URL, in HTML, in Markdown, or as several of these at once; so
each of its characters is looked for in all forms that one of them gives it. Where a text was cut
in the middle of a secret, what is left of it counts as well.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from html.entities import codepoint2name
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MASK = "***"
SHORTEST = 4
"""Characters; a shorter secret can't be told from ordinary text, so it isn't masked."""
_ENCODED = 8
"""Characters; less than this of a text in base64 could be an ordinary word."""
_NESTED = 60
"""Characters up to which what is left of a secret that was cut is told letter by letter."""
_CUT = r"\s?(?:…|\.\.\.|\\u2026)"
# Every repetition is bounded, so that no text of a server can keep a search busy.
_AMP = "&(?:amp;){0,3}"
_BLANK = "(?:09|0a|0d|20)"
_SPACE = (
    rf"(?:\s|\+|\\{{1,8}}[nrtfv]|\\{{1,8}}u00{_BLANK}|%(?:25){{0,3}}{_BLANK}|{_AMP}nbsp;)"
    "{1,200}"
)


class Masks:
    """The secrets known so far. Calling it hides them in a text."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, re.Pattern[str]]] = {}

    def __repr__(self) -> str:
        return f"Masks({len(self._known)} secrets)"

    def add(self, secret: str | None, name: str = "a secret") -> None:
        """Hide `secret` from now on; `name` says which it is, such as `$WANDB_API_KEY`."""
        bare = (secret or "").strip()
        if len(bare) >= SHORTEST and bare not in self._known:
            known = {**self._known, bare: (name, re.compile("|".join(_forms(bare))))}
            # The longest first: a secret may begin with a shorter one.
            self._known = dict(sorted(known.items(), key=lambda one: len(one[0]), reverse=True))

    def __call__(self, text: str) -> str:
        """Return `text` with every known secret replaced by `***`."""
        for _, pattern in self._known.values():
            text = pattern.sub(MASK, text)
        return text

    def found(self, text: str) -> str:
        """Return the name of a secret that `text` holds; empty where it holds none."""
        return next((name for name, one in self._known.values() if one.search(text)), "")


def _forms(secret: str) -> Iterator[str]:
    """Yield patterns of a secret: whole, cut short at either end, and in base64."""
    units = [
        unit
        for (same, char), run in groupby(secret, lambda c: (c.isspace() or c == "\\", c))
        for unit in ([_unit(char)] if same else map(_unit, run))
    ]
    yield f"(?i:{''.join(units)})"
    if len(units) > SHORTEST:
        yield f"(?i:{_begun(units)}{_CUT})"
        yield f"(?i:(?:…|\\.\\.\\.|\\\\u2026)\\s?{_ended(units)})"
    yield from _in_base64(secret.encode("utf-8", "surrogateescape"))


def _unit(char: str) -> str:
    """Return the pattern of one character, of a run of backslashes, or of white space."""
    if char.isspace():
        return _SPACE
    if char.isascii() and char.isalnum():
        return char
    code = ord(char)
    bytes_ = char.encode("utf-8", "surrogateescape")
    octets = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in bytes_)
    wide = char.encode("utf-16-be", "surrogatepass")
    units = r"\\{1,8}".join(f"u{wide[n]:02x}{wide[n + 1]:02x}" for n in range(0, len(wide), 2))
    entities = f"#0{{0,6}}{code};|#x0{{0,6}}{code:x};|{codepoint2name.get(code, 'apos')};"
    forms = f"{re.escape(char)}|{octets}|{units}|{_AMP}(?:{entities})"
    found = f"(?:{forms}){{1,64}}" if char == "\\" else rf"(?:\\{{0,8}}(?:{forms}))"
    # What can't be seen is left out where text is made fit to show.
    return f"{found}?" if unicodedata.category(char).startswith("C") else found


def _begun(units: Sequence[str]) -> str:
    """Return the pattern of all beginnings of a secret."""
    pattern = "" if len(units) <= _NESTED else r"[^…\n]{0,400}"
    for unit in reversed(units[SHORTEST:_NESTED]):
        pattern = f"(?:{unit}{pattern})?"
    return "".join(units[:SHORTEST]) + pattern


def _ended(units: Sequence[str]) -> str:
    """Return the pattern of all endings of a secret."""
    pattern = "" if len(units) <= _NESTED else r"[^…\n]{0,400}"
    for unit in units[-_NESTED:-SHORTEST]:
        pattern = f"(?:{pattern}{unit})?"
    return pattern + "".join(units[-SHORTEST:])


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield the characters of base64 that the secret alone decides, wherever it begins."""
    for before in range(3):
        text = b64encode(b"\0" * before + secret).decode()
        own = text[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        if len(own) >= _ENCODED:
            yield own.replace("/", "(?:/|_|%2[Ff])").replace("+", r"(?:\+|-|%2[Bb])")
