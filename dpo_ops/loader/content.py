"""The files that specs point at: found inside the repository, and inspected once each."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops import pairs
from dpo_ops.kinds.values import look_up
from dpo_ops.loader.policy import judged
from dpo_ops.loader.source import is_loop, reason, relative, show
from dpo_ops.loader.tree import nearest
from dpo_ops.loader.words import likely, listed, quoted
from dpo_ops.resource import Content

if TYPE_CHECKING:
    from dpo_ops.errors import Finding
    from dpo_ops.loader.envelope import Draft
    from dpo_ops.loader.findings import Log
    from dpo_ops.pairs.cache import Cache

_LOOKED_AT = 1000
Recall = Callable[[Path], Content | None]
"""Says what a file holds that is not on the disk; None where there is none."""


class Contents:
    """Inspects each file once, however many specs point at it."""

    def __init__(
        self,
        log: Log,
        *,
        count_tokens: bool = False,
        today: dt.date = dt.date.max,
        cache: Cache | None = None,
        recall: Recall | None = None,
    ) -> None:
        self._log = log
        self._count_tokens = count_tokens
        self._today = today
        self._cache = cache
        self._recall = recall
        self._seen: dict[str, tuple[Content | None, tuple[Finding, ...]]] = {}

    def of(self, draft: Draft) -> Content | None:
        """Return what the file of a draft holds, or None where there is none that can be used."""
        field = draft.kind.content_field
        written = look_up(draft.value, field.split(".")) if field else None
        if not isinstance(written, str) or not written:
            return None  # reported with the types, if it is wrong
        where = nearest(draft.spec, field.split("."))
        try:
            path = _find(draft, written)
            if self._recall:
                return _recalled(self._recall(path))
            content, findings = self._inspect(path)
        except _Unusable as fault:
            what = f"{field} {quoted(written)} {fault.what}"
            self._log.report(where, what, fault.why, fault.fix, rule="content-file")
            return None
        # Each spec judges for itself what is wrong with a file that several point at.
        self._log.extend(judged(draft, findings, self._today))
        return content

    def _inspect(self, place: Path) -> tuple[Content | None, tuple[Finding, ...]]:
        path = str(place)
        if path not in self._seen:
            _check_regular(place)
            found = pairs.inspect(
                Path(path), shown=show(path), cache=self._cache, tokens=self._count_tokens
            )
            content = Content(relative(path), found.digest, found.size, found.rows, found.tokens)
            self._seen[path] = (content if found.digest else None, found.findings)
        return self._seen[path]


class _Unusable(Exception):
    """A path that names no file to be used: what is wrong, why, and what to do."""

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


def _recalled(content: Content | None) -> Content:
    if content is None:
        raise _Unusable("does not exist", "that commit has no such file")
    return content


def _find(draft: Draft, written: str) -> Path:
    """Return the file that a spec names, with all symlinks resolved.

    Raises:
        _Unusable: it leaves the repository.
    """
    root, folder = draft.found.root, draft.found.path.parent
    if "\0" in written:
        raise _Unusable("holds a NUL character", fix="remove it")
    if Path(written).is_absolute() or written.startswith("~"):
        fix = "write it relative to this file"
        raise _Unusable("is not a relative path", _REVIEWED, fix)
    inside = Path(os.path.realpath(folder / written))
    if not inside.is_relative_to(root):
        why = f"with symlinks followed it is outside; {_REVIEWED}"
        raise _Unusable("leaves the repository", why, "copy the file into it")
    if ".git" in inside.relative_to(root).parts:
        raise _Unusable("is git's own", fix="point at a file of pairs")
    return inside


def _check_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _Unusable("does not exist", *_beside(path)) from None
    except OSError as error:
        why = "a symlink leads back to itself" if is_loop(error) else reason(error)
        raise _Unusable("can't be read", why, "check the path") from None
    if not stat.S_ISREG(mode):
        what = "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"
        raise _Unusable(what, fix="point at one JSONL file")


_REVIEWED = "content comes from the repository only, so that review sees it"


def _beside(path: Path) -> tuple[str, str]:
    """Return why a missing file is not there, and what may have been meant."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry, _ in zip(entries, range(_LOOKED_AT), strict=False)]
    except OSError:
        return f"there is no folder {show(path.parent)}", "check the path"
    names = [name for name in names if not name.startswith(".")]
    guess = likely(path.name, names)
    why = f"{show(path.parent)} holds {listed(names)}" if names else "its folder is empty"
    return why, f"did you mean {quoted(guess, bare=True)}?" if guess else "add it, or mend the path"
