"""One pass over a file of pairs: its digest, its size, its rows and what is wrong with them."""

from __future__ import annotations

import errno
import hashlib
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from dpo_ops.pairs.accept import accepts
from dpo_ops.pairs.explain import explain
from dpo_ops.pairs.lines import split
from dpo_ops.pairs.rules import MAX_ROW_BYTES, MAX_ROWS, MIN_ROWS
from dpo_ops.pairs.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dpo_ops.errors import Finding
    from dpo_ops.pairs.rules import Fault

_BLOCK: Final = 2**20
_MARK: Final = b"\xef\xbb\xbf"
# What JSON calls white space; a line of nothing else is blank.
_SPACE: Final = b" \t\r"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds: `digest` is the sha256 hex of its bytes, `size` counts bytes.

    `rows` counts the lines that are not blank, good or bad. `findings` come in file order,
    then one for each rule that was broken more often than is shown.
    Of a file that can't be read to its end, the digest is empty; size and rows are 0.
    """

    digest: str
    size: int
    rows: int
    findings: tuple[Finding, ...]


def inspect(path: Path, *, shown: str, cap: int = 10) -> Inspection:
    """Digest and check the file at `path` in one pass; findings call it `shown`.

    At most `cap` findings a rule, then one that counts the rest. Memory does not grow with
    the file. Raises nothing for what is in the file, nor if it can't be read: all is a finding.
    """
    tally = Tally(shown, cap)
    try:
        with _open(path) as file:
            return _inspect(file, tally)
    except OSError as error:
        tally.add("unreadable", 1, 1, f"the file can't be read: {error.strerror or error}")
        return Inspection(digest="", size=0, rows=0, findings=tally.findings())


def _open(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise OSError(errno.EINVAL, f"no file has such a name: {error}") from error
    # Opening a pipe could wait for ever, reading a device could never end.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return path.open("rb")


def _inspect(file: BinaryIO, tally: Tally) -> Inspection:
    meter = _Meter(file)
    lines, rows = _check(split(meter.blocks(), MAX_ROW_BYTES), tally)
    _check_count(lines, rows, tally)
    return Inspection(meter.sha256.hexdigest(), meter.size, rows, tally.findings())


class _Meter:
    """Digests and measures the bytes that it passes on."""

    def __init__(self, file: BinaryIO) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0
        self._file = file

    def blocks(self) -> Iterator[bytes]:
        while block := self._file.read(_BLOCK):
            self.sha256.update(block)
            self.size += len(block)
            yield block


def _check(lines: Iterable[bytes], tally: Tally) -> tuple[int, int]:
    """Check every line; return the number of lines and of rows. This is the hot loop."""
    number = blank = 0
    for number, line in enumerate(lines, 1):
        if not accepts(line):
            blank += not _check_line(number, line, tally)
    return number, number - blank


def _check_line(number: int, line: bytes, tally: Tally) -> bool:
    """Add what is wrong with a line that was not accepted; return whether it is a row."""
    if number == 1 and line.startswith(_MARK):
        tally.add("byte-order-mark", 1, 1)
        # No editor shows the mark, so the columns of the line begin behind it.
        line = line.removeprefix(_MARK)
    if not line.strip(_SPACE):
        tally.add("blank-line", number, 1)
        return False
    if line.endswith(b"\r"):
        line = line[:-1]
        tally.add("crlf", number, _column_behind(line))
    for fault in sorted(() if accepts(line) else explain(line), key=_position):
        tally.add(fault.rule, number, fault.at + 1, fault.what)
    return True


def _position(fault: Fault) -> int:
    return fault.at


def _column_behind(line: bytes) -> int:
    return len(str(line, "utf-8", "replace")) + 1


def _check_count(lines: int, rows: int, tally: Tally) -> None:
    last = max(lines, 1)
    if rows == 0:
        tally.add("empty-file", last, 1)
    elif rows < MIN_ROWS:
        tally.add("too-few-rows", last, 1, f"{rows} row{'s' if rows > 1 else ''}")
    elif rows > MAX_ROWS:
        tally.add("too-many-rows", last, 1, f"{rows:,} rows")
