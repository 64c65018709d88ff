"""Which files are specs: those named, and the YAML files below the folders named."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.loader.source import reason, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.loader.findings import Log

BEGIN = "begin with `dpo-ops init`, which writes a small set of specs"
"""The advice where there are no specs."""
ENDINGS = (".yaml", ".yml")
"""How the names of spec files end, in small letters."""
_DATA_ENDINGS = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read. `root` is the folder that no path in it may leave, symlinks resolved."""

    path: Path
    shown: str
    root: Path
    named: bool
    """Whether the command line named the file itself."""


@dataclass(slots=True)
class _Walk:
    root: Path
    log: Log
    seen: set[Path] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)


def repository_root(path: Path) -> Path:
    """Return the nearest folder at or above `path` with a `.git`, else the path's own folder."""
    whole = Path(os.path.realpath(path))
    # Not pathlib's questions: those raise where a path is too long, or a folder is closed to us.
    own = whole if os.path.isdir(whole) else whole.parent  # noqa: PTH112
    return next((at for at in (own, *own.parents) if os.path.exists(at / ".git")), own)  # noqa: PTH110


def find(
    paths: Sequence[Path], log: Log, *, root: Path | None, exclude: Sequence[Path]
) -> tuple[Found, ...]:
    """Return the spec files of `paths`, each once, by name; hidden ones in folders are left out."""
    seen = {Path(os.path.realpath(path)) for path in exclude}
    found: list[Found] = []
    for path in sorted(paths):
        bounds = Path(os.path.realpath(root)) if root else repository_root(path)
        _named(_Walk(bounds, log, seen, found), path)
    return tuple(sorted(found, key=lambda file: file.shown))


def _named(walk: _Walk, path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        what = f"can't be read: {reason(error)}"
        # What has no ending was meant to be a folder, and there may be no specs at all yet.
        fix = "check the path" if path.suffix else f"check the path, or {BEGIN}"
        walk.log.report(show(path), what, fix=fix, rule="unreadable-file")
        return
    if stat.S_ISDIR(status.st_mode):
        _folder(walk, path, above=())
    elif path.suffix in _DATA_ENDINGS:
        what, why = "is data, not specs", "data files are named by a Dataset's `source`"
        fix = "give the folder of specs"
        walk.log.report(show(path), what, why, fix, rule="not-a-spec")
    else:
        _file(walk, path, named=True)


def _folder(walk: _Walk, folder: Path, above: tuple[Path, ...]) -> None:
    real = Path(os.path.realpath(folder))
    if real in above:
        what = "is a symlink to a folder above it"
        fix = "remove the link; each folder is read once anyway"
        walk.log.add(Finding(Place(show(folder)), what, "", fix, "link-loop", Severity.WARNING))
    if real in walk.seen:
        return
    walk.seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        for entry in entries:
            if not entry.name.startswith("."):
                _entry(walk, entry, (*above, real))
    except OSError as error:
        what = f"can't be listed: {reason(error)}"
        walk.log.report(Place(show(folder)), what, fix="check its rights", rule="unreadable-file")


def _entry(walk: _Walk, entry: os.DirEntry[str], above: tuple[Path, ...]) -> None:
    path = Path(entry.path)
    if entry.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(walk.root):
        if entry.name.lower().endswith(ENDINGS):
            _outside(walk, path)
    elif path.is_dir():
        _folder(walk, path, above)
    elif entry.name.lower().endswith(ENDINGS):
        _file(walk, path, named=False)


def _outside(walk: _Walk, path: Path) -> None:
    what = "is a symlink that leaves the repository"
    why = "specs come from the repository only, so that review sees all of them"
    walk.log.report(Place(show(path)), what, why, "put the file itself there", rule="path-outside")


def _file(walk: _Walk, path: Path, *, named: bool) -> None:
    real = Path(os.path.realpath(path))
    if real not in walk.seen:
        walk.seen.add(real)
        walk.found.append(Found(path, show(path), walk.root, named))
