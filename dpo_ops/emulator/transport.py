"""The emulator as an httpx transport: no socket, no copy of a large body."""

from collections.abc import Iterator

import httpx

from .core import Emulator
from .wire import DroppedError, Request, Response

_ERRORS = {
    "protocol": (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    "read": (httpx.ReadError, "the connection broke"),
    "connect": (httpx.ConnectError, "the connection was refused"),
}


class EmulatorTransport(httpx.BaseTransport):
    """Answers an `httpx.Client`'s requests from an emulator in this process.

    Closing the client leaves the emulator open. A fault that drops the connection raises
    `httpx.RemoteProtocolError`, `ReadError` or `ConnectError`.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        try:
            return _answer(self._emulator.handle(_request(request)))
        except DroppedError as dropped:
            kind, message = _ERRORS[dropped.kind]
            raise kind(message, request=request) from None


def _request(request: httpx.Request) -> Request:
    stream = request.stream
    return Request(
        method=request.method,
        path=request.url.path,
        query=dict(request.url.params),
        headers={k.lower(): v for k, v in request.headers.items()},
        body=stream if isinstance(stream, httpx.SyncByteStream) else b"",
        scheme=request.url.scheme,
    )


def _answer(response: Response) -> httpx.Response:
    headers = dict(response.headers)
    if isinstance(response.body, bytes):
        return httpx.Response(response.status, headers=headers, content=response.body)
    return httpx.Response(response.status, headers=headers, stream=_Chunks(response.body))


class _Chunks(httpx.SyncByteStream):
    """A body that comes piece by piece."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
