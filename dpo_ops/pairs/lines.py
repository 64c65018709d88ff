"""Bytes to lines, in memory that does not grow with the file nor with its longest line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Small enough for a core's own cache; below half of it each block's own cost begins to show.
BLOCK: Final = 250_000


def split(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    r"""Yield each line without its `\n`; one that is longer than `limit` bytes is cut one behind.

    So a line of `limit + 1` bytes is a line too long. An `\n` at the end of the file ends the
    last line; it begins no other. A lone `\r` ends no line: it does so for some readers only.
    """
    pending = bytearray()
    for block in blocks:
        first, *rest = block.split(b"\n")
        pending += first[: max(0, limit + 1 - len(pending))]
        if rest:
            yield bytes(pending)
            yield from (line[: limit + 1] for line in rest[:-1])
            pending = bytearray(rest[-1][: limit + 1])
    if pending:
        yield bytes(pending)


class Block(NamedTuple):
    """Some whole lines of a file, and the offset at which they begin there."""

    at: int
    data: bytearray


def whole_lines(fd: int, start: int, stop: int, limit: int, size: int = BLOCK) -> Iterator[Block]:
    r"""Yield the lines that begin in the bytes `start` to `stop` of a file, many at a time.

    Each value is some whole lines, each with its `\n`; the last line of the file gets one if it
    has none. Who gets it may write in it. A line over `limit` bytes is cut one behind, as
    `split` cuts it. Ranges that lie side by side so give each line of the file once.

    Raises:
        OSError: the file can't be read.
    """
    at = start if start == 0 else _behind_newline(fd, start - 1, stop, size)
    while at < stop:
        # Read to where it is worked on: a copy is a tenth of what reading costs in all.
        data = bytearray(size)
        del data[os.preadv(fd, [data], at) :]
        end = _end(data, stop - at)
        if end:
            del data[end:]
            yield Block(at, data)
            at += end
        elif data:
            line, behind = _long_line(fd, at, limit, size)
            yield Block(at, line)
            at = behind
        else:
            return


def _end(data: bytearray, wanted: int) -> int:
    """Return where the last line to take ends in `data`, 0 if it is longer than that."""
    last = data.find(b"\n", wanted - 1) if wanted <= len(data) else -1
    return (last if last >= 0 else data.rfind(b"\n", 0, wanted)) + 1


def _behind_newline(fd: int, at: int, stop: int, size: int) -> int:
    r"""Return the offset behind the first `\n` from `at` on, at least `stop` if none is before."""
    while at < stop:
        data = os.pread(fd, size, at)
        found = data.find(b"\n")
        if found >= 0:
            return at + found + 1
        if not data:
            break
        at += len(data)
    return max(at, stop)


def _long_line(fd: int, at: int, limit: int, size: int) -> tuple[bytearray, int]:
    r"""Return a line with an `\n` and the offset behind it, however long it is."""
    line = bytearray()
    while data := os.pread(fd, size, at):
        end = data.find(b"\n")
        line += data[: end if end >= 0 else None][: limit + 1 - len(line)]
        at += end + 1 if end >= 0 else len(data)
        if end >= 0:
            break
    line += b"\n"
    return line, at
