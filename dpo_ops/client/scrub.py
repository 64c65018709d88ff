"""Make text from outside fit to show: one line, no control characters, no key."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

LONGEST = 500
"""Characters of a server's message that are shown."""

MASK = "[key]"

# CSI and OSC sequences with their parameters, then any other two-character escape.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
_REACH = 20 * LONGEST
"""Characters that are read at most; what is cut off here would hardly be shown anyway."""


class Scrub:
    """Cleans text and masks one key in it, in whatever case its letters are."""

    def __init__(self, key: str) -> None:
        forms = {key, quote(key, safe="")} - {""}
        self._key = re.compile("|".join(map(re.escape, forms)) or r"(?!)", re.IGNORECASE)
        self._longest_form = max(map(len, forms), default=0)

    def __repr__(self) -> str:
        return "Scrub()"

    def __call__(self, text: str) -> str:
        """Return `text` as one line of at most `LONGEST` characters without the key."""
        plain = _ANSI.sub("", text[:_REACH])
        line = " ".join("".join(map(_printable, plain)).split())
        # Masked after the control characters went (they could split the key), and before the
        # cut (which could leave most of it).
        line = self._key.sub(MASK, line)
        if len(text) > _REACH:
            line = line[: -self._longest_form] + "…"  # Its end may be the beginning of the key.
        return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _printable(char: str) -> str:
    if char.isspace():
        return " "
    # C*: control, format (bidirectional overrides), surrogate, private use, unassigned.
    return "" if unicodedata.category(char).startswith("C") else char
