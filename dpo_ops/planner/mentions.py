"""What refers to what: the names of the account's own resources in a record or a body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.resource import Json

Records = Mapping[str, "Sequence[Mapping[str, Json]]"]
"""What an account holds, by collection; its own names are written `accounts/-/…`."""


def held(records: Records) -> dict[str, Mapping[str, Json]]:
    """Return the records by `collection/id`."""
    return {
        f"{collection}/{last_segment(str(record.get('name') or ''))}": record
        for collection, rows in records.items()
        for record in rows
    }


def mentions(value: Json, account: str) -> frozenset[str]:
    """Return, as `collection/id`, every resource of `account` that is named in a value.

    Wherever it stands, in a longer text too: to see one too many keeps something, no more.
    """
    return frozenset(_found(value, _names(account)))


@cache
def _names(account: str) -> re.Pattern[str]:
    return re.compile(rf"accounts/(?:-|{re.escape(account)})/([A-Za-z]+/[A-Za-z0-9._-]+)")


def _found(value: Json, names: re.Pattern[str]) -> Iterator[str]:
    if isinstance(value, str):
        if "accounts/" in value:
            yield from names.findall(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _found(inner, names)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _found(inner, names)
