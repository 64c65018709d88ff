"""Check a large file in parts: in processes of their own where there are cores for them.

The workers are forked, so they start in a millisecond and know what this process knows. Where
it can't be forked safely (it has threads, or the system is not Linux) the parts are checked
here, one after the other, with the same result.

The numbers of the parts lie in one pipe, from which each worker takes the next; what it finds
comes back through a pipe of its own. A worker that fails, however it does, ends without a word:
its parts are checked here, and what is wrong shows here.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.pairs.check import Part, check_block
from dpo_ops.pairs.lines import whole_lines
from dpo_ops.pairs.rules import MAX_ROW_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dpo_ops.pairs.layout import Layout

RANGE: Final = 2**22
_MOST: Final = 8
# All numbers fit into the pipe at once, whatever the system's size of one: 64 KiB or 16.
_MOST_RANGES: Final = 4000
_WORD: Final = 4
_CHUNK: Final = 2**20


class Range(NamedTuple):
    """The bytes of a file in which the lines of one part begin."""

    start: int
    stop: int


def ranges(size: int, width: int = RANGE) -> list[Range]:
    """Cut a file of `size` bytes into ranges, of `width` bytes or of more if they are many."""
    width = max(width, -(-size // _MOST_RANGES))
    return [Range(at, min(size, at + width)) for at in range(0, size, width)]


class Crew:
    """Some workers, and the parts that came back from them so far, joined in their order."""

    def __init__(self, spans: Sequence[Range], check: Callable[[Range], Part], into: Part) -> None:
        self._spans = spans
        self._check = check
        self._into = into
        self._joined = 0
        self._waiting: dict[int, Part] = {}
        self._workers: dict[int, int] = {}
        self._partial: dict[int, bytearray] = {}

    def start(self, count: int) -> None:
        """Fork `count` workers, or as many as the system lets this process have."""
        tasks, fill = os.pipe()
        try:
            os.write(fill, b"".join(n.to_bytes(_WORD) for n in range(len(self._spans))))
            os.close(fill)
            with suppress(OSError):
                for _ in range(count):
                    self._fork(tasks)
        finally:
            os.close(tasks)

    def _fork(self, tasks: int) -> None:
        found, give = os.pipe()
        try:
            worker = os.fork()
            if not worker:
                self._work(tasks, give, (found, *self._workers))
        except OSError:
            os.close(found)
            raise
        finally:
            os.close(give)
        self._workers[found] = worker
        self._partial[found] = bytearray()

    def _work(self, tasks: int, give: int, others: Sequence[int]) -> None:
        """Check parts as long as there are any; never returns."""
        try:
            # With these open, a worker would not notice that nobody waits any more.
            for other in others:
                os.close(other)
            settle()
            while number := os.read(tasks, _WORD):
                found = pickle.dumps(self._check(self._spans[int.from_bytes(number)]), 5)
                _write(give, number + len(found).to_bytes(_WORD) + found)
        finally:
            # Nothing of the process that was forked is to be ended, flushed or reported here.
            os._exit(0)

    def collect(self, *, wait: bool = False) -> None:
        """Take what the workers have found; with `wait` until all of them are done."""
        while self._workers:
            ready, _, _ = select.select(list(self._workers), (), (), None if wait else 0)
            for pipe in ready:
                self._read(pipe)
            if not ready:
                return

    def _read(self, pipe: int) -> None:
        data = os.read(pipe, _CHUNK)
        if not data:
            self._dismiss(pipe)
            return
        pending = self._partial[pipe]
        pending += data
        head = 2 * _WORD
        while len(pending) >= head and len(pending) >= (end := head + _number(pending[_WORD:head])):
            # What it holds was written by this very program, a moment ago.
            self._waiting[_number(pending[:_WORD])] = pickle.loads(pending[head:end])  # noqa: S301
            del pending[:end]
        self._join()

    def _join(self) -> None:
        while self._joined in self._waiting:
            self._into.join(self._waiting.pop(self._joined))
            self._joined += 1

    def finish(self) -> None:
        """Wait for all parts, and check here those that no worker gave."""
        self.collect(wait=True)
        while self._joined < len(self._spans):
            self._waiting[self._joined] = self._check(self._spans[self._joined])
            self._join()

    def dismiss(self) -> None:
        """End all workers, whether they are done or not."""
        for pipe in list(self._workers):
            self._dismiss(pipe)

    def _dismiss(self, pipe: int) -> None:
        os.close(pipe)
        worker = self._workers.pop(pipe)
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


@contextmanager
def checking(
    fd: int, size: int, part: Part, workers: int | None, *, width: int = RANGE
) -> Iterator[Crew]:
    """Begin to check an open file in the background; what is found is joined to `part`.

    `workers` is their number, None for as many as there are cores, 0 for none. A range takes
    `width` bytes. Call `collect` now and then, and `finish` at the end.
    """
    check = partial(check_range, fd, Part(part.cap, count=part.count), [])
    crew = Crew(ranges(size, width), check, part)
    try:
        if count := _cores() if workers is None else workers:
            crew.start(count)
        else:
            settle()
        yield crew
    finally:
        crew.dismiss()


def _cores() -> int:
    """Return how many workers to start, 0 where this process can't be forked safely."""
    if sys.platform != "linux" or threading.active_count() > 1 or _threads() > 1:
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(cores, _MOST) if cores > 1 else 0


def _threads() -> int:
    """Return how many threads the system counts: a library in C may have some of its own."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


def settle() -> None:
    """Let the C library keep the memory that is freed, for the next block to take.

    It gives large pieces back to the system, and gets them again with all their pages to be
    made anew, until one larger than they are was freed. This takes no memory: no page of it
    is touched.
    """
    bytes(_CHUNK * 16)
    # What was there before is not to be walked over, nor copied for having been looked at.
    gc.freeze()


def check_range(fd: int, like: Part, layouts: list[Layout], span: Range) -> Part:
    """Check the lines that begin in a range of bytes, for a part `like` another.

    Raises:
        OSError: the file can't be read.
    """
    part = Part(like.cap, count=like.count)
    for at, data in whole_lines(fd, *span, MAX_ROW_BYTES):
        again = partial(os.pread, fd, len(data), at)
        check_block(data, part, layouts, again, top=at == 0)
    return part


def _write(pipe: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(pipe, left) :]


def _number(data: bytes | bytearray) -> int:
    return int.from_bytes(data)
