"""Which files get the layout: those that hold specs, and the values that lie beside them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place
from dpo_ops.loader import ours
from dpo_ops.loader.files import find, repository_root
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.layout.same import laid_out
from dpo_ops.loader.load import is_for_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.loader.files import Found


@dataclass(frozen=True, slots=True)
class Layout:
    """A file with its text before and after; `path` has no symlink left in it."""

    path: Path
    shown: str
    before: bytes
    after: bytes

    @property
    def changes(self) -> bool:
        """Whether the file is not in the layout yet."""
        return self.before != self.after

    @property
    def line(self) -> int:
        """The first line that would change, counted from 1."""
        old, new = self.before.splitlines(), self.after.splitlines()
        same = zip(old, new, strict=False)
        return 1 + next((n for n, (a, b) in enumerate(same) if a != b), min(len(old), len(new)))


def lay_out(
    paths: Sequence[Path], values: Sequence[Path] = ()
) -> tuple[tuple[Layout, ...], tuple[Finding, ...]]:
    """Return the layouts of the spec files at `paths` and of the `values`, and what is wrong.

    A file named in `paths` that is not ours is passed over, as is one in a folder that holds
    neither specs nor values. Nothing is rendered, and nothing is written.
    """
    log = Log()
    made: list[Layout] = []
    found = [(file, False) for file in find(paths, log, root=None, exclude=values)]
    found += [(file, True) for file in find(values, log, root=None, exclude=())]
    for file, given in found:
        try:
            made += _layout(file, log, is_values=given)
        except Refused as refused:
            log.add(refused.finding)
    return tuple(sorted(made, key=lambda layout: layout.shown)), log.all()


def _layout(file: Found, log: Log, *, is_values: bool) -> list[Layout]:
    # A file of values is expected to be one.
    found = ours.take(replace(file, named=False) if is_values else file)
    if found is None or not (is_values or found.ours or _counts(file, found)):
        return []
    if not found.sound:
        log.extend(found.findings)
        return []
    real = Path(os.path.realpath(file.path))
    if not real.is_relative_to(repository_root(file.path.parent)):
        what = "is a symlink that leaves the repository"
        fix = "name the file itself"
        raise Refused(Finding(Place(file.shown), what, "", fix, "path-outside"))
    after = laid_out(found.source, found.documents).encode()
    before = _bytes(real, file.shown)
    if before.decode("utf-8-sig", "replace") != found.source.text:
        what, fix = "was changed while it was read", "run the same command again"
        raise Refused(Finding(Place(file.shown), what, "", fix, "unreadable-file"))
    return [Layout(real, file.shown, before, after)]


def _counts(file: Found, found: ours.Read) -> bool:
    """Return whether a file that holds no spec lies where specs should be, or values."""
    if file.named:
        return False
    return not found.sound or is_for_values(file, found.documents)


def _bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"can't be read: {os.strerror(error.errno or 0)}"
        raise Refused(Finding(shown, what, "", "check the path", "unreadable-file")) from error
