"""The emulator as an ASGI application: each request is answered in a worker thread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from .core import Emulator
from .wire import DroppedError, Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# The scope's extension through which the server lets a connection be broken.
ABORT = "dpo_ops.abort"


class Application:
    """Answers HTTP scopes from an emulator. Bodies are streamed both ways."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        loop = asyncio.get_running_loop()
        request = _request(scope, _Body(receive, loop))
        try:
            response = await asyncio.to_thread(self._emulator.handle, request)
        except DroppedError:
            scope["extensions"][ABORT]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send(response, send)


class _Body:
    """The request's body, read from a worker thread."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop

    def __iter__(self) -> Iterator[bytes]:
        more = True
        while more:
            future = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            message = future.result()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the caller went away")
            more = message.get("more_body", False)
            yield message.get("body", b"")

    async def _next(self) -> Message:
        return await self._receive()


def _request(scope: Mapping[str, Any], body: _Body) -> Request:
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
        body=body,
        scheme=scope["scheme"],
    )


async def _send(response: Response, send: Send) -> None:
    headers = {k.lower(): v for k, v in response.headers.items()}
    if isinstance(response.body, bytes):
        headers["content-length"] = str(len(response.body))
    raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    if isinstance(response.body, bytes):
        await send({"type": "http.response.body", "body": response.body})
        return
    while (chunk := await asyncio.to_thread(next, response.body, None)) is not None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
