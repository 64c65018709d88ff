"""Starts and ends the process that trains.

The child's standard input is a pipe that nothing is written to. When it closes, because the
parent asks for it or is gone, the child saves a checkpoint and leaves.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.trainers.contract import LOG, ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE: Final = "dpo_ops.trainers.trl"
STOPPED: Final = 75
"""The child's exit status when it was asked to stop; EX_TEMPFAIL."""

GRACE_S: Final = 30.0
"""How long a child may take to end its step and to save, once it is asked to stop."""

_MARGIN_S: Final = 10.0
_POLL_S: Final = 0.1

_ENVIRONMENT: Final = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONSAFEPATH": "1",  # no module is taken from the folder that it was started in
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # matrix products repeat to the bit
}
_OUTER: Final = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What says that this process is one of many; the child is not."""


def gpus() -> int:
    """Return how many NVIDIA GPUs a child would see, without loading a driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return len([path for path in Path("/dev").glob("nvidia*") if re.search(r"\d$", path.name)])


def command(order: Path, devices: int, arguments: list[str]) -> list[str]:
    """Return the command that trains on one device, or on several at once."""
    if devices == 1:
        return [sys.executable, "-m", MODULE, str(order), *arguments]
    # This is what `accelerate launch` runs too, without its file of settings in one's home.
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(devices)]
    return [sys.executable, *several, "-m", MODULE, str(order), *arguments]


class Child:
    """A process that trains in `out`."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self._started = started

    def ended(self) -> int | None:
        """Wait a moment; return the exit status, or None while it goes on."""
        try:
            return self._started.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Ask it to stop, and wait until it is gone."""
        if self._started.stdin and not self._started.stdin.closed:
            self._started.stdin.close()
        try:
            self._started.wait(GRACE_S + _MARGIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._started.pid, signal.SIGKILL)
            self._started.wait()


@contextmanager
def child(out: Path, devices: int, lock: int, arguments: list[str]) -> Iterator[Child]:
    """Start the training that `out` holds the order of; it is ended with the block."""
    inherited = {key: value for key, value in os.environ.items() if key not in _OUTER}
    environment = {**inherited, **_ENVIRONMENT}
    visible = gpus()
    if 0 < devices < visible:
        names = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(visible))))
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(names.split(",")[:devices])
    with (out / LOG).open("ab") as log:
        started = subprocess.Popen(  # noqa: S603  -- this interpreter, with our own module
            command(out / ORDER, devices, arguments),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(lock,),
            start_new_session=True,
        )
    running = Child(started)
    try:
        yield running
    finally:
        running.stop()
