"""Write files so that each is whole or not there at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MODE = 0o666


@contextmanager
def written(paths: Sequence[Path], *, force: bool) -> Iterator[Sequence[IO[bytes]]]:
    """Open files to write, which take their names together once the block is left without error.

    Until then they lie beside their targets under names of their own; after an error they are
    removed and the targets are as they were.

    Raises:
        DpoOpsError: a target exists and `force` is not given, or it can't be written.
    """
    _check(paths, force=force)
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(_beside(path)) for path in paths]
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
            for file, path in zip(files, paths, strict=True):
                Path(file.name).replace(path)
        except OSError as error:
            names = ", ".join(map(str, paths))
            why = error.strerror or str(error)
            raise DpoOpsError(f"{names} can't be written", why=why) from error


def _check(paths: Sequence[Path], *, force: bool) -> None:
    if len({path.resolve() for path in paths}) < len(paths):
        raise DpoOpsError("two outputs have one name", fix="name two files")
    taken = [path for path in paths if path.exists() or path.is_symlink()]
    if taken and not force:
        raise DpoOpsError(
            f"{taken[0]} exists; nothing was written",
            why="a file is not overwritten unless it is asked for",
            fix="name another file, or give --force",
        )


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    ) as file:
        try:
            # As any other new file, not for its owner alone.
            Path(file.name).chmod(_MODE & ~_umask())
            yield file
        finally:
            with suppress(OSError):
                Path(file.name).unlink()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
