"""All pages of a list.

A list that can't be read in full is an error, never a shorter list: what is missing from it
would be created again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpo_ops.client.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.client.exchange import Ask
    from dpo_ops.client.failures import Failures

PAGE_SIZE = "200"
"""The largest page that the service gives."""


class _Malformed(Exception):
    """A page is not a page; the text says why."""


def all_pages(
    send: Callable[[Ask], dict[str, Any]], ask: Ask, key: str, failures: Failures
) -> list[dict[str, Any]]:
    """Return the records under `key` of every page that answers `ask`, each name once.

    Errors: what `send` raises; ServerFault when a page holds no list, or paging never ends.
    """
    try:
        records = [record for page in _pages(send, ask) for record in _records(page, key)]
    except _Malformed as why:
        text = str(why)
    else:
        return _unique(records)
    raise failures.unusable(ask, Answer(200), text)


def _pages(send: Callable[[Ask], dict[str, Any]], ask: Ask) -> Iterator[dict[str, Any]]:
    seen, token = {""}, ""
    while True:
        extra = {"pageSize": PAGE_SIZE} | ({"pageToken": token} if token else {})
        page = send(replace(ask, params={**ask.params, **extra}))
        yield page
        token = page.get("nextPageToken") or ""
        if not token:
            return
        if not isinstance(token, str) or token in seen:
            raise _Malformed("its page tokens go round in a circle")
        seen.add(token)


def _records(page: dict[str, Any], key: str) -> list[dict[str, Any]]:
    records = page.get(key)
    if records is None and not set(page) - {key, "nextPageToken", "totalSize"}:
        records = []  # An empty list may be left out; an unknown object may not pass for one.
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise _Malformed(f"it holds no list of {key}")
    return records


def _unique(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A record that is created while we page moves the next ones over to the following page."""
    return list({str(r.get("name") or i): r for i, r in enumerate(records)}.values())
