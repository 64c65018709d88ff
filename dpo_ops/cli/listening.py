"""A small HTTP server beside a loop: a few fixed pages, read only, in plain text."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PATIENCE_S = 10.0
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT


def state(why_not: str) -> Page:
    """Return `ok`, or 503 and why not."""
    if why_not:
        return Page(f"{why_not}\n".encode(), HTTPStatus.SERVICE_UNAVAILABLE)
    return Page(b"ok\n")


@contextmanager
def listening(host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> Iterator[str]:
    """Serve `pages` by their paths from a thread, and give the address as a URL.

    Errors: SettingsError where the port can't be had.
    """
    try:
        server = _server(host, port, pages)
    except OSError as error:
        raise SettingsError(
            f"can't listen on {_shown(host, port)}",
            why=error.strerror or str(error),
            fix="choose another --listen; port 0 takes any that is free",
        ) from error
    thread = Thread(target=server.serve_forever, name="dpo-ops-listen", daemon=True)
    thread.start()
    try:
        yield f"http://{_shown(host, server.server_address[1])}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _server(host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> ThreadingTCPServer:
    class Server(ThreadingTCPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Be quiet about whoever hung up; anything else is a defect."""
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "dpo-ops", ""
        timeout = _PATIENCE_S  # Of a silent connection, so that it keeps no thread.
        error_message_format, error_content_type = "%(code)d %(message)s\n", TEXT

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> None:
            make = pages.get(self.path.partition("?")[0])
            page = make() if make else Page(b"not found\n", HTTPStatus.NOT_FOUND)
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(page.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: probes come every few seconds."""

    return Server((host, port), Handler)
