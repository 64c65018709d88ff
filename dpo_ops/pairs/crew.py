"""Check a large file in parts: in processes of their own where there are cores for them.

The workers are forked, so they start in milliseconds and know what this process knows. Where
it can't be forked safely (it has threads, or the system has no fork) the parts are checked
here, one after the other, with the same result.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.pairs.check import Part, check_block
from dpo_ops.pairs.lines import whole_lines
from dpo_ops.pairs.rules import MAX_ROW_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dpo_ops.pairs.layout import Layout

RANGE: Final = 2**22
_MOST: Final = 8


class Range(NamedTuple):
    """The bytes of a file in which the lines of one part begin."""

    start: int
    stop: int


def ranges(size: int, width: int = RANGE) -> list[Range]:
    """Cut a file of `size` bytes into ranges."""
    return [Range(at, min(size, at + width)) for at in range(0, size, width)]


@contextmanager
def checking(fd: int, size: int, cap: int, workers: int | None) -> Iterator[Iterable[Part]]:
    """Begin to check an open file in the background, and give its parts in their order.

    `workers` is their number, None for as many as there are cores, 0 for none.
    """
    check = partial(check_range, fd, cap, [])
    count = _cores() if workers is None else workers
    if not count:
        yield map(check, ranges(size))
        return
    # A worker keeps what it has learned of the layouts between its ranges.
    pool = ProcessPoolExecutor(count, get_context("fork"), _begin, (check,))
    try:
        yield _or_here(_handed_out(pool, size), check, size)
    finally:
        pool.shutdown(cancel_futures=True)


def _handed_out(pool: ProcessPoolExecutor, size: int) -> Iterator[Part]:
    with suppress(BrokenExecutor):
        return pool.map(_check, ranges(size))
    # The workers died while the parts were still being handed out.
    return iter(())


def _cores() -> int:
    """Return how many workers to start, 0 where this process can't be forked safely."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(cores, _MOST) if cores > 1 else 0


def _or_here(parts: Iterator[Part], check: Callable[[Range], Part], size: int) -> Iterator[Part]:
    """Yield the parts; those that the workers died over are checked here."""
    for index in range(len(ranges(size))):
        try:
            yield next(parts)
        except (BrokenExecutor, StopIteration):
            yield from map(check, ranges(size)[index:])
            return


def check_range(fd: int, cap: int, layouts: list[Layout], span: Range) -> Part:
    """Check the lines that begin in a range of bytes.

    Raises:
        OSError: the file can't be read.
    """
    part = Part(cap)
    for number, block in enumerate(whole_lines(fd, *span, MAX_ROW_BYTES)):
        check_block(block, part, layouts, top=span.start == number == 0)
    return part


_work: Callable[[Range], Part]


def _begin(check: Callable[[Range], Part]) -> None:
    global _work  # noqa: PLW0603 - of a worker, which does nothing else
    _work = check


def _check(span: Range) -> Part:
    return _work(span)
