"""Fakes for the client's seams: a clock that only counts, a service that says what it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops.client import Client, Promised, Settings

if TYPE_CHECKING:
    from pathlib import Path

KEY = "fw_3ZkT0pSecretKeyOfNobody"
Promise = Callable[..., Promised]
Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeClock:
    time: float = 1_790_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Script(httpx.MockTransport):
    """Plays the given replies one after another, and keeps the requests that it got."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__(self._reply)
        self.replies, self.requests = list(replies), []

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else reply(request)

    @property
    def asked(self) -> list[str]:
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests]


@dataclass
class Talk:
    client: Client
    script: Script
    clock: FakeClock


Talker = Callable[..., Talk]


def _talk(*replies: Reply, **options: Any) -> Talk:
    script, clock = Script(*replies), FakeClock()
    told = Settings(api_key=KEY, account=options.pop("account", "acme"), key_from="the vault")
    seeded = Random(7)  # noqa: S311 - jitter, not a secret
    client = Client(told, transport=script, clock=clock, random=seeded, **options)
    return Talk(client, script, clock)


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def talk() -> Talker:
    return _talk


@pytest.fixture
def promise(tmp_path: Path) -> Promise:
    def write(content: bytes, name: str = "pairs.jsonl") -> Promised:
        file = tmp_path / name
        file.write_bytes(content)
        return Promised(file, len(content), hashlib.sha256(content).hexdigest())

    return write
