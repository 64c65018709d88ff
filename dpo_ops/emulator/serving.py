"""Serving the emulator on a loopback port. The server itself is imported only when it is used."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final

from .core import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .engine import Engine
    from .server import Server
    from .world import Profile

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_START_LIMIT: Final = 10.0


def serve(  # noqa: PLR0913 - the command's own options
    *,
    port: int,
    data: Path,
    profile: Profile,
    time_scale: float,
    api_key: str | None,
    announce: Callable[[str], None],
    host: str = "127.0.0.1",
    engine: Engine | None = None,
) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    `engine` trains and answers; without one nothing is trained and no model is run.
    `announce` gets `listening on http://127.0.0.1:N` once connections are accepted; with
    port 0 the system picks N.

    Raises:
        ValueError: for a host that is not loopback.
        OSError: where the port can't be had.
    """
    with _bound(host, port) as bound:
        emulator = Emulator(
            data, profile=profile, time_scale=time_scale, api_key=api_key, engine=engine
        )
        with emulator:
            url = _url(bound)
            server = _server(emulator, lambda: announce(f"listening on {url}"))
            server.run(sockets=[bound])


@contextlib.contextmanager
def running(emulator: Emulator) -> Iterator[str]:
    """Serve an emulator from a thread of this process; the value is its base URL."""
    ready = threading.Event()
    with _bound("127.0.0.1", 0) as bound:
        server = _server(emulator, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            if not ready.wait(_START_LIMIT):
                raise TimeoutError("the emulator did not start")
            yield _url(bound)
        finally:
            server.should_exit = True
            thread.join(_START_LIMIT)


def _bound(host: str, port: int) -> socket.socket:
    if host not in _LOOPBACK:
        raise ValueError(f"the emulator serves loopback only, not {host!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns off Nagle's algorithm only then.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(emulator: Emulator, started: Callable[[], None]) -> Server:
    from .server import build  # noqa: PLC0415 - a command that serves nothing must not load it

    return build(emulator, started)
