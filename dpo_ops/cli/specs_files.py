"""Spec files that an import writes: all of them, or none."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.atomic import written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_specs(folder: Path, files: Mapping[str, str], *, force: bool) -> list[str]:
    """Write the texts by name into `folder` and return their paths.

    Errors: DpoOpsError where one exists and `force` is not given, or can't be written; then
    none is.
    """
    paths = [folder / name for name in files]
    if blocked := [path for path in paths if path.exists() and not path.is_file()]:
        raise DpoOpsError(f"{blocked[0]} is no file; nothing was written", fix="name another DIR")
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written(paths, force=force) as opened:
            for file, text in zip(opened, files.values(), strict=True):
                file.write(text.encode())
    except OSError as error:
        why = error.strerror or str(error)
        raise DpoOpsError(f"{folder} can't be written to", why=why) from error
    finally:
        if not existed:
            with suppress(OSError):
                folder.rmdir()  # Only while it is empty.
    return [str(path) for path in paths]
