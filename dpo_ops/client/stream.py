"""The bytes of a file as a request body, checked on the way against what the plan promised.

The last chunk leaves only after size and sha256 turned out right, so that the body of a file
that changed meanwhile stays incomplete and the receiver stores nothing.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.errors import Interrupted, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK = 256 * 1024
"""Bytes that are read, hashed and sent at a time."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def silent(_done: int, _total: int) -> None:
    """Report progress to nobody."""


def never() -> bool:
    """Keep going."""
    return False


@dataclass(frozen=True, slots=True)
class Promised:
    """A file as the plan saw it: `size` in bytes, `digest` = sha256 hex of its bytes."""

    file: Path
    size: int
    digest: str

    @property
    def name(self) -> str:
        """The file's name, in characters that need no escaping anywhere."""
        return _UNSAFE.sub("_", self.file.name)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who follows an upload: `progress(done, total)` in bytes, and `stop()` to end it."""

    progress: Callable[[int, int], None] = silent
    stop: Callable[[], bool] = never


def check(promised: Promised) -> None:
    """Raise StorageError where a look at the file is enough to see that it is not as promised."""
    with _readable(promised):
        size = promised.file.stat().st_size
    if size != promised.size or not size:
        raise changed(promised)


def chunks(promised: Promised, watch: Watch) -> Iterator[bytes]:
    """Yield the file's bytes, the last chunk only once all of them are known to be right.

    Errors: StorageError when the file can't be read or is not as promised; Interrupted.
    """
    digest, done, held = hashlib.sha256(), 0, b""
    for chunk in _parts(promised):
        _stop_if(watch, promised)
        digest.update(chunk)
        if held:
            yield held
            done += len(held)
            watch.progress(done, promised.size)
        held = chunk
    done += len(held)
    if done != promised.size or digest.hexdigest() != promised.digest:
        raise changed(promised)
    yield held
    watch.progress(done, promised.size)


def changed(promised: Promised) -> StorageError:
    """Return the error for a file that is not what the plan was made from."""
    return StorageError(
        "the file is not the one that was planned",
        where=str(promised.file),
        why="its bytes changed since the plan was made, or it is empty",
        fix=_FIX,
    )


_FIX = "leave the file alone while it is uploaded, then plan and apply again"


@dataclass(frozen=True, slots=True)
class Multipart:
    """A `multipart/form-data` body with one field `file`, of known size, never in memory."""

    promised: Promised

    @property
    def boundary(self) -> str:
        """A file can't hold its own sha256, so this needs no look at its content."""
        return f"dpo-ops-{self.promised.digest[:48]}"

    @property
    def size(self) -> int:
        """The size of the body in bytes."""
        return len(self._head) + self.promised.size + len(self._tail)

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"

    def body(self, watch: Watch) -> Iterator[bytes]:
        """Yield the body. Errors: as `chunks`."""
        yield self._head
        yield from chunks(self.promised, watch)
        yield self._tail

    @property
    def _head(self) -> bytes:
        disposition = f'form-data; name="file"; filename="{self.promised.name}"'
        return (
            f"--{self.boundary}\r\nContent-Disposition: {disposition}\r\n"
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def _parts(promised: Promised) -> Iterator[bytes]:
    """Yield what the file holds now, but not past the promised size: a growing file would."""
    read = 0
    with _readable(promised), promised.file.open("rb") as source:
        while chunk := source.read(CHUNK):
            read += len(chunk)
            if read > promised.size:
                raise changed(promised)
            yield chunk


@contextmanager
def _readable(promised: Promised) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "the file can't be read", where=str(promised.file), why=type(error).__name__, fix=_FIX
        ) from None


def _stop_if(watch: Watch, promised: Promised) -> None:
    if watch.stop():
        raise Interrupted(
            "stopped in the middle of an upload",
            where=str(promised.file),
            why="nothing of it is stored",
            fix="run again: the upload starts anew",
        )
