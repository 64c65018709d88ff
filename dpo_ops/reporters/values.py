"""How the value of a field is shown: on one line, short, and never a secret."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import TYPE_CHECKING

from dpo_ops.kinds.values import secret_variable
from dpo_ops.reporters.style import Style, elide

if TYPE_CHECKING:
    from dpo_ops.resource import Json

LONGEST = 160
"""Characters of a value that are shown."""
_CONTEXT = 24


def shown(value: Json, style: Style) -> str:
    """Return one value for reading."""
    return elide(_whole(value, style), LONGEST)


def both(before: Json, after: Json, style: Style) -> tuple[str, str]:
    """Return two values of one field so that what differs in them is seen.

    Where long texts begin alike, what they share is left out.
    """
    texts = _whole(before, style), _whole(after, style)
    if max(map(len, texts)) <= LONGEST:
        return texts
    skipped = _shared(texts)
    first, second = (("… " if skipped else "") + text[skipped:] for text in texts)
    return elide(first, LONGEST), elide(second, LONGEST)


def _whole(value: Json, style: Style) -> str:
    if value is None:
        return "(unset)"
    if variable := secret_variable(value):
        return f"(secret from ${style.clean(variable)})"
    if isinstance(value, str):
        return style.clean(value if _is_plain(value) else json.dumps(value, ensure_ascii=False))
    return style.clean(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _is_plain(text: str) -> bool:
    # A line end or a space at the edge would not be seen without quotes.
    return bool(text) and text.isprintable() and text == " ".join(text.split())


def _shared(texts: tuple[str, str]) -> int:
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    if common <= _CONTEXT * 2:
        return 0
    start = texts[0].rfind(" ", 0, common - _CONTEXT)
    return max(start + 1, 0)
