"""Take values out of JSON that somebody else wrote: what is not as it should be reads as empty."""

from __future__ import annotations

from typing import Any, Final

LARGEST_NUMBER: Final = 2**53
"""Above this, JSON readers disagree about integers; ids of a forge stay far below."""


def part(value: Any, *names: str) -> dict[str, Any]:
    """Return the object at the end of this path of names, or an empty one."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Any, *names: str) -> str:
    """Return the text at the end of this path of names, or ""."""
    *way, last = names
    found = part(value, *way).get(last)
    return found if isinstance(found, str) else ""


def number(value: Any, *names: str) -> int:
    """Return the positive integer at the end of this path of names, or 0."""
    *way, last = names
    found = part(value, *way).get(last)
    return found if type(found) is int and 0 < found < LARGEST_NUMBER else 0


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list, or nothing where it is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def same(one: str, other: str) -> bool:
    """Say whether two texts are one, but for white space, which a forge may change."""
    return one.split() == other.split()
