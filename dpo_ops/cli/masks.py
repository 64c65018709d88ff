"""What must not be shown, in every form in which it could appear."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "***"
SHORTEST = 4
"""Characters; a shorter secret can't be told from ordinary text, so it isn't masked."""


class Masks:
    """The secrets known so far. Calling it hides them in a text."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern = re.compile(r"(?!)")

    def __repr__(self) -> str:
        return f"Masks({len(self._forms)} forms)"

    def add(self, secret: str | None) -> None:
        """Hide `secret` from now on."""
        if secret and len(secret.strip()) >= SHORTEST:
            self._forms.update(form for form in _forms(secret) if len(form) >= SHORTEST)
            # The longest first: a form may begin with a shorter one.
            forms = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Return `text` with every known secret replaced by `***`."""
        return self._pattern.sub(MASK, text)


def _forms(secret: str) -> Iterator[str]:
    for plain in {secret, secret.strip(), " ".join(secret.split())}:
        yield plain
        yield quote(plain)
        yield quote(plain, safe="")
        yield quote_plus(plain)
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
