"""GitHub's pages: at most 100 a page, and a Link header that leads on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.hub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hub.hub import Hub
    from tests.hub.wire import Request


def page(
    hub: Hub, request: Request, rows: list[Any], wrap: Callable[[list[Any]], Any] = list
) -> Reply:
    size = min(max(_number(request, "per_page", 30), 1), 100)
    number = max(_number(request, "page", 1), 1)
    last = max(1, -(-len(rows) // size))
    links = []
    if number < last:
        links = [f'<{_url(hub, request, number + 1)}>; rel="next"']
        links.append(f'<{_url(hub, request, last)}>; rel="last"')
    if number > 1:
        links.insert(0, f'<{_url(hub, request, number - 1)}>; rel="prev"')
    part = rows[(number - 1) * size : number * size]
    return Reply(200, wrap(part), {"Link": ", ".join(links)} if links else {})


def _url(hub: Hub, request: Request, number: int) -> str:
    return f"{hub.url}{request.path}?{urlencode({**request.query, 'page': number})}"


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdigit() else otherwise
