"""The tool as a process that is killed, for good, by the very request that it sends.

The emulator is served on a port by the process of the tests. At the n-th write it kills whoever is
running: before the write has its effect, or after it and before the answer goes out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpo_ops.emulator import Emulator
from dpo_ops.emulator.server import build
from dpo_ops.emulator.wire import DroppedError
from tests.rehearsal import READS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.emulator.wire import Request, Response
    from tests.laws.hazards import When

ROOT = Path(__file__).parents[2]
SPEED = 600.0
"""Emulated seconds in one: a job takes half a second."""
GONE = ("DELETED", "DELETING")
TALLY: Counter[str] = Counter()
"""What the processes of this session went through, for the summary of a long run."""


class Deadly(Emulator):
    """Counts the writes, and kills `victim` at the n-th, from 1."""

    victim: subprocess.Popen[bytes] | None = None
    nth = 0
    when: When = "after"
    writes = 0

    def __init__(self, data: Path) -> None:
        super().__init__(data, time_scale=SPEED)
        self._counting = threading.Lock()

    def handle(self, request: Request) -> Response:
        if request.method == "GET" or request.path.endswith(READS):
            return super().handle(request)
        with self._counting:
            self.writes += 1
            struck = self.writes == self.nth and self.victim is not None
        if not struck:
            return super().handle(request)
        if self.when == "after":
            super().handle(request)
        assert self.victim
        self.victim.send_signal(signal.SIGKILL)
        self.victim.wait(20)
        raise DroppedError("read")


@dataclass
class Served:
    """A stack in `folder`, and the emulator on a port that it is released to."""

    folder: Path
    emulator: Deadly
    url: str
    paths: tuple[str, ...] = (".",)
    errors: list[str] = field(default_factory=list)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIREWORKS_", "GITHUB_"))}
        told = {
            "FIREWORKS_BASE_URL": self.url,
            "FIREWORKS_API_KEY": "fw-served",
            "FIREWORKS_ACCOUNT_ID": "emulator",
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "tests.laws.hasty", *args, *self.paths]
        TALLY["processes"] += 1
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**kept, **told},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *args: str) -> tuple[int, str]:
        with self.start(*args) as process:
            out, _ = process.communicate(timeout=120)
        return process.returncode, out.decode()

    def killed(self, nth: int, when: When) -> None:
        """Apply, in a process that the n-th write kills."""
        # Nothing is sent before its imports are done, so the victim is known in time.
        self.emulator.nth, self.emulator.when = nth, when
        with self.start("apply", "--auto-approve") as process:
            self.emulator.victim = process
            out, _ = process.communicate(timeout=120)
        self.emulator.victim = None
        assert process.returncode == -signal.SIGKILL, out.decode()
        TALLY[f"killed {when} the effect"] += 1

    def converges(self) -> None:
        code, out = self.run("apply", "--auto-approve")
        assert code == 0, out
        code, out = self.run("plan")
        assert code == 0, out

    def rows(self, collection: str) -> dict[str, Any]:
        with self.emulator._opened() as world:
            found = world.store.rows(collection, "accounts/emulator/")
        return {row.id: row.fields for row in found}

    def live(self) -> list[str]:
        """Return by name what serves, once for each deployment that does."""
        there = [r for r in self.rows("deployments").values() if r["state"] not in GONE]
        return sorted(record["annotations"]["custom/dpo-ops-name"] for record in there)


@contextmanager
def served(folder: Path, data: Path, *paths: str) -> Iterator[Served]:
    """Serve an emulator with an empty account to the stack in `folder`."""
    with Deadly(data) as emulator:
        up = threading.Event()
        server = build(emulator, up.set)
        server.config.port = 0
        thread = threading.Thread(target=server.run)
        thread.start()
        assert up.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(folder, emulator, f"http://127.0.0.1:{port}", paths or (".",))
        finally:
            server.should_exit = True
            thread.join(20)
