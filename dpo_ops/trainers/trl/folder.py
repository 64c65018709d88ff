"""A training's folder: whose it is, who works in it, and where to go on from.

A checkpoint counts once `complete.json` is in it, which is written when all else is on the
disk; what a kill in mid-save left behind is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.trainers.contract import (
    ADAPTER_FILES,
    CHECKPOINTS,
    METRICS,
    ORDER,
    Training,
    TrainingFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOCK: Final = "lock"
FAILURE: Final = "failure.json"
COMPLETE: Final = "complete.json"

_DECIDES: Final = ("weights", "settings", "loss", "seed", "digests")


def write_json(path: Path, value: Any) -> None:
    """Write `value` so that the file is whole or not there at all, also after a power cut."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def whole(training: Training) -> dict[str, Any]:
    """Return the order with absolute paths and the digests of what it reads.

    Raises:
        TrainingFailed: a file that it names can't be read.
    """
    adapter = training.adapter.resolve() if training.adapter else None
    rows = tuple(path.resolve() for path in training.rows)
    order = replace(training, rows=rows, out=training.out.resolve(), adapter=adapter).to_json()
    start = [adapter / name for name in ADAPTER_FILES] if adapter else []
    order["digests"] = {
        "rows": [_digest(path) for path in rows],
        "adapter": [_digest(path) for path in start],
    }
    plain: dict[str, Any] = json.loads(json.dumps(order))
    return plain


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingFailed(f"{path} can't be read", error.strerror or str(error)) from error


def hold(order: Mapping[str, Any], out: Path) -> None:
    """Check that the folder is free or holds this order, whose files may have moved.

    Raises:
        TrainingFailed: another training is in it.
    """
    try:
        there = json.loads((out / ORDER).read_bytes())
    except FileNotFoundError:
        return
    for key in _DECIDES:
        if there.get(key) != order[key]:
            name = "rows or adapter" if key == "digests" else key
            raise TrainingFailed(
                f"{out} can't be used",
                f"another training is in it, with other {name}",
                "train in a folder of its own, or remove this one",
            )


@contextmanager
def locked(out: Path, wait: Callable[[], None]) -> Iterator[int]:
    """Hold the folder's lock; call `wait` for as long as another process or thread has it.

    The number of the open lock is given, for the child: so the lock outlives a parent that is
    killed until its child is gone too.
    """
    handle = os.open(out / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        while not _taken(handle):
            wait()
        yield handle
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def steps_of(checkpoint: Path) -> int:
    """Return the steps that a checkpoint is made after, by its name."""
    return int(checkpoint.name.rpartition("-")[2])


def newest(out: Path) -> Path | None:
    """Return the checkpoint to go on from, if there is one."""
    made = (mark.parent for mark in (out / CHECKPOINTS).glob(f"checkpoint-*/{COMPLETE}"))
    return max(made, key=steps_of, default=None)


def prepare(out: Path) -> int:
    """Remove what an earlier run left half done; return the steps that are done already.

    `metrics.jsonl` is cut after these steps, since the next ones will be measured again.
    """
    checkpoint = newest(out)
    for path in (out / CHECKPOINTS).glob("*"):
        if path.is_dir() and not (path / COMPLETE).exists():
            shutil.rmtree(path)
    (out / FAILURE).unlink(missing_ok=True)
    steps = steps_of(checkpoint) if checkpoint else 0
    _cut(out / METRICS, steps)
    return steps


def _cut(path: Path, steps: int) -> None:
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")[:-1]
    kept = [line for line in lines if line.strip() and json.loads(line)["step"] <= steps]
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(b"".join(line + b"\n" for line in kept))
    part.replace(path)
