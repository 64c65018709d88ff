"""Remembers what was found in files, so that files that have not changed are not read again.

A file is known again by its path, inode, size and both of its times. It is never trusted if
it was written within two seconds of being looked at: a second write in that time could leave
all of them as they are. A cache that can't be read, or can't be written, is no cache.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import Finding, Place
from dpo_ops.pairs.inspection import CAP, LIMITS, Inspection
from dpo_ops.pairs.rules import RULES
from dpo_ops.resource import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dpo_ops.pairs.inspection import Question

_FRESH_NS: Final = 2_000_000_000
_MOST: Final = 10_000
# To be raised when a rule changes what it finds.
_VERSION: Final = 2


class Cache:
    """Inspections by file, kept in the file `store`; `now` returns nanoseconds since 1970.

    Nothing is written until `save`.
    """

    def __init__(self, store: Path, *, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._known = _load(store)
        self._new: dict[str, Any] = {}
        self._digests: dict[str, tuple[list[int], str]] = {}

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file's bytes in hex; it is read only where that is not known.

        Errors: OSError where there is no such file, or it can't be read.
        """
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # To read a pipe could take for ever.
            raise OSError(errno.EINVAL, "it is not a regular file")
        key, marks = os.path.abspath(path), _marks(status)  # noqa: PTH100
        if self._is_old(status):
            before, digest = self._digests.get(key, ([], ""))
            if before == marks:
                return digest
            if found := self.find(path, status, (CAP, LIMITS), ""):
                return found.digest
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._digests[key] = (marks, digest)
        return digest

    def find(
        self, path: Path, status: os.stat_result, question: Question, shown: str
    ) -> Inspection | None:
        """Return what the same question about the same file was answered, if anything."""
        entry = self._known.get(_key(path, question))
        if entry is None or not self._is_old(status):
            return None
        try:
            return _read(entry, shown) if entry["file"] == _marks(status) else None
        except (ValueError, TypeError, LookupError, AttributeError):
            return None

    def keep(
        self, path: Path, status: os.stat_result, question: Question, found: Inspection
    ) -> None:
        """Remember what was found in a file, whose `status` is from before it was read."""
        if found.digest and self._is_old(status):
            self._new[_key(path, question)] = _written(status, found)

    def save(self) -> None:
        """Write what was learned. A cache that can't be written costs time, and nothing else."""
        if not self._new:
            return
        # Another run may have saved meanwhile.
        known = {**_load(self._store), **self._new}
        newest = dict(list(known.items())[-_MOST:])
        text = json.dumps({"version": _VERSION, "files": newest}, separators=(",", ":"))
        beside = self._store.with_name(f"{self._store.name}.{os.getpid()}")
        with suppress(OSError):
            self._store.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._store)
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        self._known, self._new = newest, {}

    def _is_old(self, status: os.stat_result) -> bool:
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        return self._now() - changed > _FRESH_NS


def _load(store: Path) -> dict[str, Any]:
    try:
        held = json.loads(store.read_bytes())
        files = held["files"] if held["version"] == _VERSION else {}
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return {}
    return files if isinstance(files, dict) else {}


def _key(path: Path, question: Question) -> str:
    cap, limits = question
    return f"{cap} {limits.epochs} {limits.bias} {os.path.abspath(path)}"  # noqa: PTH100


def _marks(status: os.stat_result) -> list[int]:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return [status.st_dev, status.st_ino, status.st_size, *times]


def _written(status: os.stat_result, found: Inspection) -> dict[str, Any]:
    findings = [_written_finding(finding) for finding in found.findings]
    tokens = found.tokens
    return {
        "file": _marks(status),
        "digest": found.digest,
        "rows": found.rows,
        "findings": findings,
        "tokens": tokens and [tokens.prompt, tokens.preferred, tokens.other],
    }


def _written_finding(finding: Finding) -> list[Any]:
    place = finding.where
    assert isinstance(place, Place)  # noqa: S101 - all that is found in a file has one
    return [finding.rule, place.line, place.column, finding.what, bool(finding.why)]


def _read(entry: dict[str, Any], shown: str) -> Inspection:
    digest, rows, size = entry["digest"], entry["rows"], entry["file"][2]
    if not (isinstance(digest, str) and len(bytes.fromhex(digest)) == _DIGEST):
        raise ValueError(digest)
    findings = tuple(_read_finding(shown, *finding) for finding in entry["findings"])
    counts = entry["tokens"]
    tokens = Tokens(int(counts[0]), int(counts[1]), int(counts[2])) if counts else None
    return Inspection(digest, size, int(rows), findings, tokens)


_DIGEST: Final = 32


def _read_finding(shown: str, name: str, line: int, column: int, what: str, full: bool) -> Finding:
    rule = RULES[name]
    why, fix = (rule.why, rule.fix) if full else ("", "")
    place = Place(shown, int(line), int(column))
    return Finding(place, str(what), why, fix, name, rule.severity)
