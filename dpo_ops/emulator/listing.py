"""Lists: filter, order, pages and field masks over the JSON of a collection."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from .aip160 import compile_filter
from .codec import camel, fields, write
from .store import Row
from .wire import Response, refuse, reply
from .world import Call

_DEFAULT: Final = 50
_MOST: Final = 200
_PAGED_WITH: Final = ("pageSize", "filter", "orderBy", "readMask", "showDeleted", "targetModel")


def list_response(
    message: str,
    plural: str,
    rows: Sequence[Mapping[str, Any]],
    query: Mapping[str, str],
    *,
    order: str = "name",
) -> Response:
    """Return one page of `rows` under the collection's plural key.

    Raises:
        RefusalError: 400 for a page token, size, filter, order or mask that can't be used.
    """
    query = {camel(k): v for k, v in query.items()}
    known = frozenset(fields(message))
    test = compile_filter(query.get("filter", ""), known)
    found = _ordered([r for r in rows if test(r)], query.get("orderBy") or order, known)
    return _page(message, plural, found, query, dict)


def list_rows(
    message: str, plural: str, rows: Sequence[Row], query: Mapping[str, str], *, order: str = "name"
) -> Response:
    """Return one page of stored `rows`; what no filter and no order asks for is not written out.

    Raises:
        RefusalError: 400 for a page token, size, filter, order or mask that can't be used.
    """
    query = {camel(k): v for k, v in query.items()}

    def written(row: Row) -> dict[str, Any]:
        return write(message, {**row.fields, "name": row.name})

    if query.get("filter") or query.get("orderBy"):
        return list_response(message, plural, [written(r) for r in rows], query, order=order)
    if order != "name":
        rows = sorted(rows, key=lambda r: (r.fields.get(camel(order)) or 0, r.name))
    return _page(message, plural, rows, query, written)


def _page(
    message: str,
    plural: str,
    found: Sequence[Any],
    query: Mapping[str, str],
    written: Callable[[Any], dict[str, Any]],
) -> Response:
    size, start = _size(query), _start(query)
    mask = read_mask(query, frozenset(fields(message)))
    page = [masked(written(r), mask) for r in found[start : start + size]]
    after = start + size
    token = _token(query, after) if after < len(found) else ""
    return reply({plural: page, "nextPageToken": token, "totalSize": len(found)})


def show(call: Call, message: str, row: Row) -> Response:
    """Return one resource of any kind, cut down to `readMask`."""
    mask = read_mask(call.request.query, frozenset(fields(message)))
    return reply(masked(write(message, {**row.fields, "name": row.name}), mask))


def read_mask(query: Mapping[str, str], known: frozenset[str]) -> tuple[str, ...]:
    """Return the paths of `readMask` in camelCase, none for all fields."""
    text = query.get("readMask", query.get("read_mask", ""))
    paths = [".".join(map(camel, p.strip().split("."))) for p in text.split(",") if p.strip()]
    for path in paths:
        if path != "*" and path.split(".")[0] not in known:
            raise refuse("INVALID_ARGUMENT", f"invalid read_mask: unknown field {path!r}")
    return () if "*" in paths else tuple(paths)


def masked(row: Mapping[str, Any], mask: Sequence[str]) -> dict[str, Any]:
    """Return the parts of a JSON object that a mask names; all of it for no mask."""
    if not mask:
        return dict(row)
    kept: dict[str, Any] = {}
    for path in mask:
        head, _, rest = path.partition(".")
        inner = row.get(head)
        if rest and isinstance(inner, Mapping):
            kept[head] = {**kept.get(head, {}), **masked(inner, (rest,))}
        elif head in row:
            kept[head] = inner
    return kept


def _ordered(
    rows: list[Mapping[str, Any]], order: str, known: frozenset[str]
) -> list[Mapping[str, Any]]:
    # The last key first: sorting is stable.
    for part in reversed([p.split() for p in order.split(",") if p.strip()]):
        path = [camel(p) for p in part[0].split(".")]
        if path[0] not in known or part[1:] not in ([], ["desc"], ["asc"]):
            raise refuse("INVALID_ARGUMENT", f"invalid order_by {order!r}")
        rows = sorted(rows, key=lambda r: _key(r, path), reverse=part[1:] == ["desc"])
    return rows


def _key(row: Mapping[str, Any], path: Sequence[str]) -> tuple[int, Any]:
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return 0, 0
    if isinstance(value, bool | int | float):
        return 1, value
    if isinstance(value, str):
        return _text_key(value)
    return 4, json.dumps(value, sort_keys=True)


def _text_key(value: str) -> tuple[int, Any]:
    try:
        # int64 comes as text, and must not be ordered as text.
        return 1, int(value)
    except ValueError:
        pass
    try:
        return 2, datetime.fromisoformat(value).timestamp()
    except ValueError:
        return 3, value


def _size(query: Mapping[str, str]) -> int:
    text = query.get("pageSize") or "0"
    try:
        size = int(text)
    except ValueError:
        raise refuse("INVALID_ARGUMENT", f"invalid page_size {text!r}") from None
    if size < 0:
        raise refuse("INVALID_ARGUMENT", "page_size must not be negative")
    return min(size or _DEFAULT, _MOST)


def _start(query: Mapping[str, str]) -> int:
    token = query.get("pageToken", "")
    if not token:
        return 0
    try:
        start, digest = base64.urlsafe_b64decode(token).decode().split(":")
        good = digest == _digest(query)
    except (ValueError, binascii.Error):
        raise refuse("INVALID_ARGUMENT", "invalid page_token") from None
    if not good:
        problem = "page_token was given out for other parameters"
        raise refuse("INVALID_ARGUMENT", problem)
    return int(start)


def _token(query: Mapping[str, str], start: int) -> str:
    return base64.urlsafe_b64encode(f"{start}:{_digest(query)}".encode()).decode()


def _digest(query: Mapping[str, str]) -> str:
    same = json.dumps([query.get(k, "") for k in _PAGED_WITH])
    return hashlib.sha256(same.encode()).hexdigest()[:8]
