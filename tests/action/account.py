"""A Fireworks account for the workflows: the emulator, served on a port by a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

KEY = "fw-stage-key"


class Account:
    """Answers at `url` while the `with` block lasts; `scale` emulated seconds pass in one.

    A training then takes a second, and a deployment that nobody asks is not yet taken away.
    """

    def __init__(self, data: Path, scale: float = 1_000) -> None:
        self._command = [
            *(sys.executable, "-m", "dpo_ops", "emulator", "serve", "--port=0"),
            *(f"--data={data}", f"--time-scale={scale}", f"--api-key={KEY}"),
        ]
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, "DPO_OPS_EMULATOR_ENGINE": "stand-in"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        for line in self._process.stdout:
            if "listening on " in line:
                self.url = line.split("listening on ")[1].split()[0]
                return self
        raise AssertionError(" ".join(self._command))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API says to a request; the emulator's own routes are below `/_emulator/`."""
        data = None if body is None else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 -- the address is our own
            self.url + path, data=data, headers=head, method=method
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            return json.loads(reply.read() or b"null")

    def advance(self, seconds: float) -> None:
        """Let emulated time pass."""
        self.ask("POST", "/_emulator/clock", {"advance": seconds})

    @property
    def calls(self) -> list[str]:
        """All requests so far as `METHOD path`."""
        told = self.ask("GET", "/_emulator/requests")["requests"]
        return [f"{r['method']} {r['path'].partition('?')[0]}" for r in told]

    @property
    def writes(self) -> list[str]:
        """Those that are there to change something."""
        reads = ("GET ",)
        asks = (":match", "/chat/completions", ":validateUpload")
        return [c for c in self.calls if not c.startswith(reads) and not c.endswith(asks)]
