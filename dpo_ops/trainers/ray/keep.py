"""Where a job leaves its result: the log folder of the head node, which Ray's dashboard shows."""

from __future__ import annotations

import hashlib
import json
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT: Final = "kept.json"
"""Written last, beside the files: name → {size, sha256} of each."""

_PIECE: Final = 64 * 1024 * 1024


def place(job: str) -> str:
    """Return the folder of a job's result, inside the log folder of the head node."""
    return f"dpo-ops/{job}"


class Head:
    """The head node, as a job sees it that runs on any node of the cluster."""

    def __init__(self, job: str) -> None:
        # Called before anything is trained: what can't be delivered is not worth a GPU.
        self._ray: Any = import_module("ray")
        self._ray.init(address="auto", log_to_driver=False, logging_level="warning")
        self._place = place(job)
        self._task = self._ray.remote(_write()).options(
            num_cpus=0, resources={"node:__internal_head__": 0.001}, max_retries=3
        )
        self._write("begun", 0, b"\n", last=True)

    def keep(self, folder: Path, names: Iterable[str]) -> None:
        """Copy files of a folder to the head node; a copy that is cut short does not count."""
        kept = {}
        for name in names:
            digest = hashlib.sha256()
            at = 0
            with (folder / name).open("rb") as file:
                piece = file.read(_PIECE)
                while True:
                    following = file.read(_PIECE)
                    digest.update(piece)
                    self._write(name, at, piece, last=not following)
                    at += len(piece)
                    piece = following
                    if not piece:
                        break
            kept[name] = {"size": at, "sha256": digest.hexdigest()}
        self._write(KEPT, 0, json.dumps(kept, indent=2).encode(), last=True)

    def _write(self, name: str, at: int, piece: bytes, *, last: bool) -> None:
        self._ray.get(self._task.remote(self._place, name, at, piece, last))


def _write() -> Any:
    """Return what runs on the head node: made here, so that Ray sends it whole.

    The head's image need not hold this package then; only the image of the nodes that train.
    """

    def write(place: str, name: str, at: int, piece: bytes, last: bool) -> None:
        # Ray says nowhere else, to a task, where its node's log folder is.
        node: Any = import_module("ray._private.worker")._global_node  # noqa: SLF001
        path = Path(node.get_logs_dir_path()) / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        with part.open("r+b" if at else "wb") as file:
            file.seek(at)
            file.truncate()
            file.write(piece)
            file.flush()
            if last:
                os.fsync(file.fileno())
        if last:
            part.replace(path)

    return write
