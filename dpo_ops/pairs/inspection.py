"""One look at a file of pairs: its digest, its size, its rows and what is wrong with them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from dpo_ops.pairs.check import Part, check_block, check_plainly
from dpo_ops.pairs.lines import BLOCK
from dpo_ops.pairs.repeats import note_repeats
from dpo_ops.pairs.rules import MAX_ROWS, MIN_ROWS
from dpo_ops.pairs.tokens import ESTIMATE
from dpo_ops.resource import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.errors import Finding
    from dpo_ops.pairs.cache import Cache
    from dpo_ops.pairs.layout import Layout
    from dpo_ops.pairs.tally import Tally

# Up to here the plain way takes less time than the imports of the fast one; up to there, than
# to learn how the rows are laid out.
_SMALL: Final = 2**18
_TINY: Final = 2**15
# Up to here one process takes less time than starting others.
_LARGE: Final = 2**23
# Fewer pairs than this may all lean one way by chance.
_ENOUGH: Final = 50
LENGTH_BIAS: Final = 0.85
"""From this share of pairs whose longer side is preferred on, the data is called biased."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds: `digest` is the sha256 hex of its bytes, `size` counts bytes.

    `rows` counts the lines that are not blank, good or bad. `findings` come in file order,
    then one for each rule that was broken more often than is shown.
    Of a file that can't be read to its end, the digest is empty; size and rows are 0.
    `tokens` are an estimate, there where they were asked for.
    """

    digest: str
    size: int
    rows: int
    findings: tuple[Finding, ...]
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file is held against: `epochs` of training, `bias` as a share from 0 to 1."""

    epochs: int = 1
    bias: float = LENGTH_BIAS


LIMITS: Final = Limits()
CAP: Final = 10
"""How many findings of one rule are shown where nobody says how many."""
Question = tuple[int, Limits]
"""What an answer hangs on besides the file: the cap, and the limits."""


def inspect(  # noqa: PLR0913  -- one question, each part of it by name
    path: Path,
    *,
    shown: str,
    cap: int = CAP,
    limits: Limits = LIMITS,
    cache: Cache | None = None,
    workers: int | None = None,
    tokens: bool = False,
) -> Inspection:
    """Digest and check the file at `path`, all in one read; findings call it `shown`.

    At most `cap` findings a rule, then one that counts the rest. Memory grows with the number
    of rows, by 9 bytes each, and not with their size. `cache` may answer for a file that has
    not changed. With `tokens` those of all its pairs are estimated on the way.
    `workers` is how many processes check a large file; None: one for each core.
    Raises nothing for what is in the file, nor if it can't be read: all is a finding.
    """
    part = Part(cap, shown, ESTIMATE.count if tokens else None)
    try:
        status = _status(path)
        known = cache.find(path, status, (cap, limits), shown) if cache else None
        if known and (known.tokens or not tokens):
            return known
        with _opened(path) as fd:
            before = os.fstat(fd)
            found = _inspect(fd, before.st_size, part, limits, workers)
            _check_unchanged(before, os.fstat(fd), found.size)
        if cache:
            cache.keep(path, before, (cap, limits), found)
    except OSError as error:
        part = Part(cap, shown)
        part.tally.add("unreadable", 1, 1, f"the file can't be read: {error.strerror or error}")
        return Inspection(digest="", size=0, rows=0, findings=part.tally.findings())
    return found


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, f"no file has such a name: {error}") from error
    # Opening a pipe could wait for ever, reading a device could never end.
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return status


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        yield fd
    finally:
        os.close(fd)


def _inspect(fd: int, size: int, part: Part, limits: Limits, workers: int | None) -> Inspection:
    if size <= _LARGE and not workers:
        data = _read(fd, size)
        digest, size = hashlib.sha256(data).hexdigest(), len(data)
        _check_data(data, part)
    else:
        digest, size = _check_large(fd, size, part, workers)
    _check_whole(part, limits)
    prompt, preferred, other = part.tokens
    tokens = Tokens(prompt, preferred, other) if part.count else None
    return Inspection(digest, size, part.lines - part.blank, part.tally.findings(), tokens)


def _read(fd: int, size: int) -> bytes:
    """Return what is in a file of `size` bytes, and what may have been added since."""
    blocks = []
    left = size + 1
    while left > 0 and (block := os.read(fd, left)):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _check_data(data: bytes, part: Part) -> None:
    if len(data) <= (_TINY if "orjson" in sys.modules else _SMALL):
        check_plainly(data, part)
        return
    layouts: list[Layout] = []
    at = 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + BLOCK) + 1 or data.find(b"\n", at) + 1 or len(data)
        block = bytearray(memoryview(data)[at:end])
        check_block(block, part, layouts, partial(_piece, data, at, end), top=at == 0)
        at = end


def _piece(data: bytes, start: int, stop: int) -> bytes:
    return data[start:stop]


def _check_large(fd: int, size: int, part: Part, workers: int | None) -> tuple[str, int]:
    # A small file needs none of this, nor the time to import it.
    from dpo_ops.pairs.crew import checking  # noqa: PLC0415

    with checking(fd, size, part, workers) as crew:
        # Little here but a loop in C: the workers have the cores.
        sha256, size = hashlib.sha256(), 0
        block = memoryview(bytearray(BLOCK))
        while count := os.preadv(fd, [block], size):
            sha256.update(block[:count])
            size += count
            crew.collect()
        crew.finish()
    return sha256.hexdigest(), size


def _check_unchanged(before: os.stat_result, after: os.stat_result, size: int) -> None:
    """Raise OSError if a file is not what it was: the digest would not be that of the rows."""
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or (
        size != before.st_size
    ):
        raise OSError(errno.EBUSY, "it changed while it was read")


def _check_whole(part: Part, limits: Limits) -> None:
    """Note what is wrong with the file as a whole."""
    rows = part.lines - part.blank
    _check_count(part.lines, rows, part.tally, limits.epochs)
    note_repeats(part.keys, part.tally, part.cap)
    if rows >= _ENOUGH and part.longer > limits.bias * part.uneven:
        share = f"{100 * part.longer / part.uneven:.0f} % of {part.uneven:,} pairs"
        part.tally.add("length-bias", 1, 1, f"the longer side is preferred in {share}")


def _check_count(lines: int, rows: int, tally: Tally, epochs: int = 1) -> None:
    last = max(lines, 1)
    if rows == 0:
        tally.add("empty-file", last, 1)
    elif rows < MIN_ROWS:
        tally.add("too-few-rows", last, 1, f"{rows} row{'s' if rows > 1 else ''}")
    elif rows > MAX_ROWS:
        tally.add("too-many-rows", last, 1, f"{rows:,} rows")
    elif rows * epochs > MAX_ROWS:
        what = f"{rows:,} rows times {epochs} epochs are {rows * epochs:,} examples"
        tally.add("too-many-examples", last, 1, what)
