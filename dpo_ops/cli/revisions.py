"""A file as it is, or as it was in a revision of git: `FILE` or `REV:path`."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 600.0
_POINTER = b"version https://git-lfs.github.com/spec/"
# A repository may name programs for fsmonitor: reading a file of its must not start one.
_GIT = ("git", "-c", "core.fsmonitor=false")


@contextmanager
def opened(name: str) -> Iterator[Path]:
    """Give the path of what `name` stands for; of a revision, a copy that goes afterwards.

    A file with that very name comes first. `REV:path` counts from the top of the repository,
    `REV:./path` from this folder.

    Raises:
        DpoOpsError: there is no such file and no such revision.
    """
    path = Path(name)
    if ":" not in name or path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dpo-ops-") as folder:
        copy = Path(folder) / "pairs"
        with copy.open("wb") as file:
            _write(name, file)
        with copy.open("rb") as file:
            _check_pointer(name, file)
        yield copy


def _write(name: str, file: IO[bytes]) -> None:
    if name.startswith("-"):
        raise DpoOpsError(f"{name} names no revision", fix="write REV:path")
    try:
        done = subprocess.run(  # noqa: S603  -- no shell, and nothing that begins with a dash
            [*_GIT, "cat-file", "blob", name],
            stdout=file,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise _missing(name, str(error)) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _missing(name, said[-1] if said else f"git ended with {done.returncode}")


def _check_pointer(name: str, file: IO[bytes]) -> None:
    if file.read(len(_POINTER)) == _POINTER:
        raise DpoOpsError(
            f"{name} is a pointer of Git LFS, not the file itself",
            fix="check that revision out, and compare the files",
        )


def _missing(name: str, why: str) -> DpoOpsError:
    fix = "name a file, or REV:path as in HEAD~1:data/pairs.jsonl"
    return DpoOpsError(f"there is no file {name}, and git has none", why=why, fix=fix)
