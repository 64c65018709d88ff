"""Wording that all stages of the loader share: quoting, listing and guessing what was meant."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SHOWN = 60
_LISTED = 12
_COMPARED = 2_000


def quoted(value: Any, *, bare: bool = False) -> str:
    """Return a value as it is shown in a finding: in quotes unless `bare`, escaped, shortened."""
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    if bare or not isinstance(value, str):
        return short if short.isprintable() else repr(short)[1:-1]
    return repr(short)


def listed(options: Iterable[str]) -> str:
    """Return the options in order, the first dozen of them."""
    names = sorted(options)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(quoted(name, bare=True) for name in names[:_LISTED]) + more


def likely(word: str, options: Collection[str]) -> str | None:
    """Return the option that `word` was most likely meant to be, or None."""
    if len(options) > _COMPARED:
        return None  # to compare with so many takes longer than to look
    folded = {_fold(option): option for option in options}
    close = difflib.get_close_matches(_fold(word[:_SHOWN]), folded, n=1, cutoff=0.65)
    return folded[close[0]] if close else None


def alike(word: str, option: str) -> bool:
    """Return whether two names differ in nothing but case, dashes and underscores."""
    return _fold(word) == _fold(option)


def meant(word: str, options: Collection[str], nothing: str = "there is none") -> str:
    """Return the advice for a name that is not among `options`."""
    if guess := likely(word, options):
        return f"did you mean {quoted(guess, bare=True)}?"
    return f"use one of: {listed(options)}" if options else nothing


def _fold(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).casefold()
