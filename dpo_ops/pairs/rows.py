"""The rows of a file, read as far as they can be: what counts, compares and splits looks here.

Unlike the checks this says nothing about what is wrong with a row. A row that can't be read as
a preference pair is None, and whoever reads counts those.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.rules import MAX_ROW_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK: Final = b"\xef\xbb\xbf"
_DOUBTS: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Line(NamedTuple):
    """One line that is not blank: its number from 1, its offset in bytes, and its bytes."""

    number: int
    at: int
    data: bytes


class Message(NamedTuple):
    """Who says what."""

    role: str
    text: str


class Pair(NamedTuple):
    """One row as what it means: key order, spaces and text given in parts make no difference.

    `tools` is canonical JSON, empty where there are none.
    """

    messages: tuple[Message, ...]
    tools: str
    preferred: str
    other: str


def lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that are not blank, in memory that does not grow with it.

    Raises:
        DpoOpsError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            yield from read_lines(file)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DpoOpsError:
    """Return the failure of reading `path`."""
    why = error.strerror or str(error)
    return DpoOpsError(f"{path} can't be read", why=why, fix="name a file that may be read")


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of an open file; one over the limit of a row is cut, so it is no pair."""
    number = at = 0
    limit = MAX_ROW_BYTES + 2
    while data := file.readline(limit):
        number, start = number + 1, at
        at += len(data)
        if not data.endswith(b"\n"):
            at += _skip_rest(file, limit, data)
        text = (data.removeprefix(_MARK) if number == 1 else data).rstrip(b"\r\n")
        if text and not text.isspace():
            yield Line(number, start, text)


def _skip_rest(file: BinaryIO, limit: int, data: bytes) -> int:
    skipped = 0
    while len(data) == limit and not data.endswith(b"\n"):
        data = file.readline(limit)
        skipped += len(data)
    return skipped


def line_at(file: BinaryIO, at: int) -> bytes:
    """Return the line that begins at the offset `at`, as `read_lines` yields it."""
    file.seek(at)
    data = file.readline(MAX_ROW_BYTES + 2)
    return (data.removeprefix(_MARK) if at == 0 else data).rstrip(b"\r\n")


def pair_of(line: bytes) -> Pair | None:
    """Return the pair that a line holds, or None. Never raises for what is in the line."""
    try:
        row = json.loads(line)
        said = row["input"]
        pair = Pair(
            messages=tuple(map(_message, said["messages"])),
            tools=json.dumps(said["tools"], sort_keys=True) if said.get("tools") else "",
            preferred=_answer(row["preferred_output"]),
            other=_answer(row["non_preferred_output"]),
        )
        _encoded(pair)
    except _DOUBTS:
        return None
    return pair


def _message(message: Any) -> Message:
    return Message(_text(message["role"]), _text(message["content"]))


def _answer(messages: Any) -> str:
    [message] = messages
    return _text(message["content"])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(_text(part["text"]) for part in content)


def _encoded(pair: Pair) -> None:
    """Raise ValueError for half a surrogate pair, which is in no text that can be written."""
    for text in (pair.preferred, pair.other, *(message.text for message in pair.messages)):
        if not text.isascii():
            text.encode()


INPUT: Final = slice(0, 16)
PREFERRED: Final = slice(16, 24)
OTHER: Final = slice(24, 32)
"""Where the three parts of a pair stand in its fingerprint."""


def fingerprint(pair: Pair) -> bytes:
    """Return 32 bytes that tell pairs apart: a digest each of the input and of the two sides."""
    return b"".join(
        (
            blake2b(_input(pair), digest_size=16).digest(),
            blake2b(pair.preferred.encode(), digest_size=8).digest(),
            blake2b(pair.other.encode(), digest_size=8).digest(),
        )
    )


def _input(pair: Pair) -> bytes:
    return json.dumps((pair.messages, pair.tools)).encode()
