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
        body = _Body(request.stream)
        try:
            return _answer(self._emulator.handle(_request(request, body)))
        except DroppedError as dropped:
            if body.error is not None:
                raise body.error from None
            kind, message = _ERRORS[dropped.kind]
            raise kind(message, request=request) from None


def _request(request: httpx.Request, body: "_Body") -> Request:
    return Request(
        method=request.method,
        path=request.url.path,
        query=dict(request.url.params),
        headers={k.lower(): v for k, v in request.headers.items()},
        body=body,
        scheme=request.url.scheme,
    )


def _answer(response: Response) -> httpx.Response:
    headers = dict(response.headers)
    if isinstance(response.body, bytes):
        return httpx.Response(response.status, headers=headers, content=response.body)
    return httpx.Response(response.status, headers=headers, stream=_Chunks(response.body))


class _Body:
    """What the caller sends. An error of its own ends the request, and goes back to it."""

    def __init__(self, stream: object) -> None:
        self._stream = stream if isinstance(stream, httpx.SyncByteStream) else ()
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as error:
            self.error = error
            raise ConnectionError("the caller gave up") from error


class _Chunks(httpx.SyncByteStream):
    """A body that comes piece by piece."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
