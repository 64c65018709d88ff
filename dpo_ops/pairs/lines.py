"""Bytes to lines, in memory that does not grow with the file nor with its longest line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
