"""uvicorn, set up for the emulator: broken connections on demand, a quiet end on a signal."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .asgi import ABORT, Application
from .core import Emulator

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Protocol(H11Protocol):
    """Lets the application break its connection, as a fault may ask for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection's `abort` to the application, in the scope's extensions."""
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            extensions = {**scope.get("extensions", {}), ABORT: transport.abort}
            await inner({**scope, "extensions": extensions}, receive, send)

        self.app = app


class Server(uvicorn.Server):
    """Says when it accepts connections, and ends quietly on a signal."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed signals without raising them again once all is shut down."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in _SIGNALS}
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)


def build(emulator: Emulator, on_start: Callable[[], None]) -> Server:
    """Return a server of the emulator that is yet to run."""
    config = uvicorn.Config(
        Application(emulator),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return Server(config, on_start)
