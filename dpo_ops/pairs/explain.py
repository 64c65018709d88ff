"""The long way: all that is wrong with one row, and where. Precise rather than fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops.pairs.rules import MAX_ROW_BYTES, Fault
from dpo_ops.pairs.scan import Broken, Scanner
from dpo_ops.pairs.shape import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def explain(row: bytes) -> Iterator[Fault]:
    """Yield the faults of one row, given without its line end. Never raises for bad data."""
    if len(row) > MAX_ROW_BYTES:
        yield Fault("row-too-large", 0, f"this row is over {MAX_ROW_BYTES // 2**20} MiB")
        return
    try:
        text = str(row, "utf-8")
    except UnicodeDecodeError as error:
        yield _encoding_fault(row, error.start)
        return
    yield from _explain_text(text)


def _encoding_fault(row: bytes, start: int) -> Fault:
    at = len(str(row[:start], "utf-8"))
    if row.startswith(_UTF_16_MARKS):
        return Fault("utf-8", at, "the file looks like UTF-16")
    return Fault("utf-8", at, f"the byte 0x{row[start]:02X} is not UTF-8 here")


def _explain_text(text: str) -> Iterator[Fault]:
    scanner = Scanner(text)
    try:
        row = scanner.scan()
    except Broken as broken:
        yield from scanner.faults
        yield broken.fault
        return
    yield from scanner.faults
    yield from faults(row)
