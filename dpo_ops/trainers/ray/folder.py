"""The training's own folder, on the side that ordered: it comes to look as after training here."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dpo_ops.trainers.contract import (
    ADAPTER,
    ADAPTER_FILES,
    DONE,
    LOG,
    METRICS,
    ORDER,
    Training,
    trained,
)
from dpo_ops.trainers.ray.cluster import Unreachable
from dpo_ops.trainers.ray.keep import KEPT, place
from dpo_ops.trainers.trl.folder import hold, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dpo_ops.trainers.contract import Measured, Trained
    from dpo_ops.trainers.ray.cluster import Cluster


class Damaged(Exception):
    """A file did not arrive as it was sent."""


def claim(training: Training) -> Training:
    """Take the training's folder, and return the training with its paths made absolute.

    Raises:
        TrainingFailed: another training is in it, or a file of this one can't be read.
    """
    order = whole(training)
    out = Path(order["out"])
    hold(order, out)
    out.mkdir(parents=True, exist_ok=True)
    write(out / ORDER, [json.dumps(order, indent=1, ensure_ascii=False).encode()])
    return Training.from_json(order)


def write_metrics(out: Path, steps: Iterable[Measured]) -> None:
    """Write `metrics.jsonl` anew, where that changes it."""
    text = "".join(json.dumps(measured.to_row()) + "\n" for measured in steps).encode()
    path = out / METRICS
    if not path.exists() or path.read_bytes() != text:
        write(path, [text])


def write_log(out: Path, log: str) -> Path:
    """Write what a job has printed, and return where."""
    write(out / LOG, [log.encode()])
    return out / LOG


def fetch(cluster: Cluster, job: str, out: Path) -> Trained:
    """Copy what a job left on the head node into `out`, `done.json` last.

    Raises:
        Unreachable: the cluster does not answer now.
        Gone: the result is not there any more.
        Damaged: a file is not as it was kept.
    """
    head = cluster.head()
    listing = b"".join(cluster.file(head, f"{place(job)}/{KEPT}"))
    if not listing:
        # It is written whole and never empty: a busy node ends a stream that it has not begun.
        raise Unreachable(f"the head node answered with nothing of {KEPT}")
    try:
        kept: dict[str, Any] = json.loads(listing)
    except ValueError as error:
        raise Damaged(f"{KEPT} can't be read") from error
    needed = {DONE, *(f"{ADAPTER}/{name}" for name in ADAPTER_FILES)}
    if not needed <= kept.keys():
        raise Damaged(f"{', '.join(sorted(needed - kept.keys()))} was not kept")
    for name in sorted(kept, key=DONE.__eq__):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise Damaged(f"{name} leaves the folder")
        size, sha256 = int(kept[name]["size"]), str(kept[name]["sha256"])
        # Older clusters answer an empty file with an error.
        pieces = cluster.file(head, f"{place(job)}/{name}") if size else iter(())
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write(out / name, _checked(name, pieces, sha256))
    result = trained(out)
    if result is None:
        raise Damaged(f"{DONE} is missing")
    return result


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole or not at all: its place is taken once all of it is on the disk."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checked(name: str, pieces: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    seen = hashlib.sha256()
    for piece in pieces:
        seen.update(piece)
        yield piece
    if seen.hexdigest() != sha256:
        raise Damaged(f"{name} arrived with another digest")
