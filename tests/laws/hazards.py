"""What can happen to a request on its way: the process dies, or the answer never arrives."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

import httpx

from tests.rehearsal import READS

When = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone; nothing that it could still do happens."""


@dataclass
class Hazard(httpx.BaseTransport):
    """Lets requests through and counts the writes; something happens to the n-th, from 1."""

    inner: httpx.BaseTransport
    nth: int = 0
    when: When = "after"
    kill: bool = True
    writes: int = 0
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            if self.dead:
                raise Killed
            struck = self._is_write(request) and self._count() == self.nth
            if not struck:
                return self.inner.handle_request(request)
            self.dead = self.kill
            if self.when == "after":
                self.inner.handle_request(request)
        if self.kill:
            raise Killed
        raise httpx.ReadError("the connection broke", request=request)

    def _is_write(self, request: httpx.Request) -> bool:
        return request.method != "GET" and not request.url.path.endswith(READS)

    def _count(self) -> int:
        self.writes += 1
        return self.writes
