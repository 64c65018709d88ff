"""A whole rehearsal in one process and without waiting: emulator, client and a virtual clock."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx

from dpo_ops.client import Client, Retry, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport
from dpo_ops.executor import Report, Waits, Workshop, execute
from dpo_ops.observer import observe, preflight
from dpo_ops.planner import Plan, plan, questions, teardown
from tests.apprentice import Apprentice

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.executor.events import Event
    from dpo_ops.resource import State

# What asks and changes nothing, though it is a POST.
READS = (":match", "/chat/completions")


class VirtualClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


@dataclass
class Rehearsal:
    """One account of the emulator, and the three calls that tell the story."""

    data: Path | None = None
    profile: Any = "managed"
    clock: VirtualClock = field(default_factory=VirtualClock)
    events: list[Event] = field(default_factory=list)
    waits: Waits = Waits()
    wrap: Callable[[httpx.BaseTransport], httpx.BaseTransport] = lambda transport: transport
    environ: dict[str, str] = field(default_factory=dict)
    # Made when something is trained, which seldom happens.
    shop: Path = field(default_factory=lambda: Path(gettempdir()) / f"dpo-ops-shop-{uuid4()}")
    apprentice: Apprentice = field(default_factory=Apprentice)

    def __post_init__(self) -> None:
        self.emulator = Emulator(
            self.data, profile=self.profile, wall=self.clock.now, sleep=self.clock.sleep
        )
        self.client = self.connect()

    def connect(self) -> Client:
        settings = Settings("fw-rehearsal", base_url="http://127.0.0.1")
        return Client(
            settings,
            transport=self.wrap(EmulatorTransport(self.emulator)),
            clock=self.clock,
            random=random.Random(7),  # noqa: S311  -- jitter, not a secret
            retry=Retry(),
        )

    def plan(self, desired: State) -> Plan:
        observed = observe(self.client, desired)
        return plan(desired, observed, preflight(self.client, questions(desired, observed)))

    def teardown(self, desired: State, *, everything: bool = False) -> Plan:
        return teardown(desired, observe(self.client, desired), everything=everything)

    def run(self, made: Plan, **options: Any) -> Report:
        options = {"waits": self.waits, "secret": self.environ.__getitem__, **options}
        return execute(
            made,
            self.client,
            on_event=self.events.append,
            clock=self.clock,
            random=random.Random(7),  # noqa: S311  -- jitter, not a secret
            **{"workshop": self.workshop(), **options},
        )

    def workshop(self) -> Workshop:
        trainers = {"trl": self.apprentice, "ray": self.apprentice}
        return Workshop(self.shop, trainers, self.client.download_model)

    def apply(self, desired: State, **options: Any) -> Report:
        return self.run(self.plan(desired), **options)

    def admin(self, method: str, route: str, body: Any = None) -> Any:
        with httpx.Client(
            transport=EmulatorTransport(self.emulator), base_url="http://127.0.0.1"
        ) as http:
            answer = http.request(method, f"/_emulator/{route}", json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def fault(self, **said: Any) -> None:
        self.admin("POST", "faults", said)

    def requests(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.admin("GET", "requests")["requests"]
        return listed

    def forget_requests(self) -> None:
        self.admin("DELETE", "requests")

    def writes(self) -> list[str]:
        """Return `METHOD path` of each request that could change something."""
        return [
            f"{r['method']} {r['path']}"
            for r in self.requests()
            if r["method"] != "GET" and not r["path"].endswith(READS)
        ]

    def jobs(self) -> list[dict[str, Any]]:
        return self.client.list("dpoJobs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.emulator.close()
        rmtree(self.shop, ignore_errors=True)
