"""The emulator as the service of a test, in this process or over a loopback port."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from dpo_ops.client import Client, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport, running

KEY = "fw_key_of_the_emulator"


class Clock:
    """Sleeping moves the emulator's time on, and costs none of ours."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator, self.slept = emulator, []

    def now(self):
        return 0.0

    def sleep(self, seconds: float):
        self.slept.append(seconds)
        self.emulator.advance(seconds)


@dataclass
class World:
    emulator: Emulator
    base_url: str
    transport: httpx.BaseTransport | None

    def client(self, key: str = KEY, **options: Any):
        told = Settings(key, base_url=self.base_url)
        clock = Clock(self.emulator)
        return Client(told, transport=self.transport, clock=clock, **options)

    def admin(self, method: str, route: str, body: Any = None):
        with httpx.Client(transport=self.transport, trust_env=False) as http:
            answer = http.request(method, f"{self.base_url}/_emulator/{route}", json=body)
            return answer.raise_for_status().json()

    def fault(self, **fault: Any):
        self.admin("POST", "faults", fault)

    def seen(self, end: str):
        return [r for r in self.admin("GET", "requests")["requests"] if r["path"].endswith(end)]


@contextmanager
def world(way: str, **options: Any):
    with Emulator(api_key=KEY, time_scale=0, **options) as emulator:
        if way == "in-process":
            yield World(emulator, "https://api.fireworks.ai", EmulatorTransport(emulator))
            return
        with running(emulator) as url:
            yield World(emulator, url, None)
