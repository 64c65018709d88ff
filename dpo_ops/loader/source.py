"""Reading one file within limits, and where in it each character stands."""

from __future__ import annotations

import errno
import os
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place
from dpo_ops.loader.findings import Refused

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
_BREAK = re.compile(r"\r\n|\n|\r")
# What YAML forbids in a stream, escaped or not being another matter.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
# Each of these makes libyaml compare it with all before it: a file full of them takes minutes.
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)


@dataclass(eq=False)
class Source:
    """The text of one file; `shown` is the name that findings call it by."""

    path: Path
    shown: str
    text: str

    def place(self, index: int) -> Place:
        """Return where the character at `index`, counted from 0, stands."""
        index = max(0, min(index, len(self.text)))
        line = bisect_right(self._starts, index)
        return Place(self.shown, line, index - self._starts[line - 1] + 1)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]


def read(path: Path, shown: str) -> Source:
    """Return the text of a YAML file of at most 4 MiB.

    Raises:
        Refused: it is no regular file, can't be read, is too large, or is not clean UTF-8.
    """
    data = _bytes(path, shown)
    try:
        source = Source(path, shown, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = Source(path, shown, data[: error.start].decode("utf-8-sig", "replace"))
        what = f"is not UTF-8: the byte 0x{data[error.start]:02x} can't stand here"
        raise _refused(before.place(len(before.text)), what, "save the file as UTF-8") from None
    if match := _UNPRINTABLE.search(source.text):
        what = f"holds the character U+{ord(match[0]):04X}, which YAML forbids"
        raise _refused(source.place(match.start()), what, "remove it")
    if match := _TAG_DIRECTIVE.search(source.text):
        raise _refused(source.place(match.start()), "declares tags", "remove the %TAG line")
    return source


def _refused(where: Place | str, what: str, fix: str, why: str = "") -> Refused:
    return Refused(Finding(where, what, why, fix, rule="unreadable-file"))


def _bytes(path: Path, shown: str) -> bytes:
    here = Place(shown)
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _refused(here, "is not a regular file", "point at a YAML file")
            if status.st_size > MAX_BYTES:
                raise _too_large(here)
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        # Of a file that can't be opened there is no line to point at.
        raise _refused(shown, f"can't be read: {reason(error)}", "check the path") from None
    if len(data) > MAX_BYTES:  # it grew meanwhile, or its size was a lie
        raise _too_large(here)
    return data


def _too_large(here: Place) -> Refused:
    limit = f"{MAX_BYTES // 1024 // 1024} MiB"
    return _refused(here, f"is larger than {limit}", "split it", "specs are small files")


def reason(error: OSError) -> str:
    """Return the cause of a failed file operation in a few words."""
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__


def is_loop(error: OSError) -> bool:
    """Return whether a symlink that leads back to itself is the cause."""
    return error.errno == errno.ELOOP


def show(path: Path | str) -> str:
    """Return how findings call a file: relative to the current directory when inside it.

    What a terminal could take for a command, or can't print, is escaped.
    """
    text = relative(path)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def relative(path: Path | str) -> str:
    """Return a path that opens the file: relative to the current directory when inside it."""
    # As text: this is asked for every file, and a Path takes ten times as long.
    here = os.getcwd()  # noqa: PTH109
    whole = os.path.normpath(os.path.join(here, path))  # noqa: PTH118
    if whole == here:
        return "."
    inside = here if here.endswith(os.sep) else here + os.sep
    return whole.removeprefix(inside)
