"""Which script a text is written in: all that can be said of its language without a model."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import Final

_LOOKED_AT: Final = 2000
_RANGES: Final = (
    (0x00C0, 0x024F, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0530, 0x058F, "Armenian"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x077F, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x137F, "Ethiopic"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x3040, 0x30FF, "Kana"),
    (0x3130, 0x318F, "Hangul"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xAC00, 0xD7AF, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0x20000, 0x3FFFF, "Han"),
)
_STARTS: Final = tuple(start for start, _, _ in _RANGES)
NO_LETTERS: Final = "no letters"
OTHER: Final = "other"


def script_of(text: str) -> str:
    """Return the script that most letters of `text` are of, by its first 2,000 characters.

    Japanese mixes two scripts: a text with a tenth of Kana is Kana, however much Han is in it.
    """
    head = text[:_LOOKED_AT]
    if head.isascii():
        return "Latin" if any(map(str.isalpha, head)) else NO_LETTERS
    found = Counter(map(_of_letter, filter(str.isalpha, head)))
    if not found:
        return NO_LETTERS
    if found["Kana"] * 10 >= found.total():
        return "Kana"
    return found.most_common(1)[0][0]


def _of_letter(letter: str) -> str:
    if letter.isascii():
        return "Latin"
    point = ord(letter)
    index = bisect_right(_STARTS, point) - 1
    if index >= 0 and point <= _RANGES[index][1]:
        return _RANGES[index][2]
    return OTHER
