"""Convert whole files, JSONL or Parquet, as a stream: rows in, rows and refusals out."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from dpo_ops.errors import DpoOpsError, Finding, Place, SettingsError, Severity
from dpo_ops.pairs.accept import accepts
from dpo_ops.pairs.atomic import written
from dpo_ops.pairs.convert import Unconvertible, convert, line_of
from dpo_ops.pairs.explain import explain
from dpo_ops.pairs.rows import lines
from dpo_ops.pairs.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PARQUET = b"PAR1"
_BATCH = 1000


class Imported(NamedTuple):
    """How many rows were written, and how many can't be converted."""

    rows: int
    refused: int


def import_files(
    sources: Sequence[Path],
    target: Path,
    *,
    refuse: Callable[[Finding], None],
    skip: bool = False,
    force: bool = False,
) -> Imported:
    """Write the rows of `sources`, converted, to `target`; `refuse` hears of each that can't be.

    Nothing is written where a row can't be converted, unless `skip` leaves such rows out. Memory
    does not grow with the files.

    Raises:
        DpoOpsError: rows can't be converted, a source can't be read, a target be written.
        SettingsError: a Parquet file, and pyarrow is not installed.
    """
    rows = refused = 0
    with written((target,), force=force) as [file]:
        for place, found in _converted(sources):
            if isinstance(found, str):
                refused += 1
                refuse(Finding(place, found, rule="import"))
            else:
                rows += 1
                file.write(found + b"\n")
        if refused and not skip:
            raise _refusal(refused, rows)
    return Imported(rows, refused)


def _refusal(refused: int, rows: int) -> DpoOpsError:
    what = f"{refused:,} of {refused + rows:,} rows can't be converted; nothing was written"
    fix = "mend them, or leave them out with --skip-bad"
    return DpoOpsError(what, why="a row that is left out in silence would be missed", fix=fix)


def _converted(sources: Sequence[Path]) -> Iterator[tuple[Place, bytes | str]]:
    """Yield each row with its place: a line of the new file, or why there is none."""
    for source in sources:
        for number, row in _rows(source):
            yield Place(str(source), number), _line(row)


def _line(row: Any) -> bytes | str:
    if isinstance(row, _Broken):
        return row.why
    try:
        line = line_of(convert(row))
    except Unconvertible as error:
        return str(error)
    except ValueError as error:  # Half a surrogate pair has no bytes.
        return f"holds what can't be written: {error}"
    return line if accepts(line) else _objection(line) or line


def _objection(line: bytes) -> str:
    """Return what is wrong with a converted row, or nothing where it is only unusual."""
    faults = (fault for fault in explain(line) if RULES[fault.rule].severity is Severity.ERROR)
    return next((fault.what for fault in faults), "")


class _Broken(NamedTuple):
    why: str


def _rows(source: Path) -> Iterator[tuple[int, Any]]:
    """Yield the rows of a file with their lines; in Parquet, with their numbers from 1."""
    if _is_parquet(source):
        yield from enumerate(_parquet_rows(source), 1)
        return
    for line in lines(source):
        yield line.number, _json(line.data)


def _is_parquet(source: Path) -> bool:
    try:
        with source.open("rb") as file:
            return file.read(len(PARQUET)) == PARQUET
    except OSError:
        return False  # Reading its lines says why.


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return _Broken(f"is not JSON: {error}")


def _parquet_rows(source: Path) -> Iterator[Any]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        why, fix = "the package `pyarrow` is not here", "pip install 'dpo-ops[parquet]'"
        raise SettingsError(f"{source} is Parquet", why=why, fix=fix) from error
    try:
        with parquet.ParquetFile(source) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own failures are of these two.
        raise DpoOpsError(f"{source} can't be read as Parquet", why=str(error)) from error
