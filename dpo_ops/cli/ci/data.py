"""How the files of pairs differ from those of the base branch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.diff import compare
from dpo_ops.reporters.pull.subject import DataChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dpo_ops.loader.repository import Entry, Repository
    from dpo_ops.pairs.diff import Comparison
    from dpo_ops.resource import Address, Content, State

_MEBI: Final = 1 << 20
LIMIT_BYTES: Final = 256 * _MEBI
"""How much is compared in one run, both versions of all files together."""


def data_changes(
    repository: Repository,
    before: State,
    after: State,
    *,
    samples: int,
    limit_bytes: int = LIMIT_BYTES,
) -> tuple[DataChange, ...]:
    """Return what became of each file of pairs, by address; what is the same is left out.

    `before` is what `load_at` said of a commit, `after` what `load` says of the working tree. The
    same content is the same whichever spec refers to it, and whatever its file is called. At most
    `samples` rows of each fate are shown of each file. Above `limit_bytes` the largest are not
    compared; that, and whatever else keeps two versions from being compared, is a note.

    Errors: DpoOpsError where a file of `after` is outside of the repository.
    """
    with tempfile.TemporaryDirectory(prefix="dpo-ops-") as folder:
        look = _Look(repository, samples, Path(folder) / "pairs")
        found = _all(look, before, after, limit_bytes)
    return tuple(sorted(found, key=lambda change: change.address))


def _all(look: _Look, before: State, after: State, limit_bytes: int) -> list[DataChange]:
    left, found = limit_bytes, list[DataChange]()
    pairs = _changed(look.old(before), look.new(after))
    for address, (old, new) in sorted(pairs, key=lambda pair: (_size(*pair[1]), pair[0])):
        left -= _size(old, new)
        if left >= 0:
            found.append(look.compared(address, old, new))
        else:
            note = (
                f"not compared: its two versions are {_mebi(_size(old, new))}, and one run compares"
                f" {_mebi(limit_bytes)} in all, the smallest first"
            )
            found.append(_change(address, old, new, note=note))
    return found


@dataclass(frozen=True, slots=True)
class _File:
    """A file of pairs: its path from the top of the repository, and the blob of what is old."""

    path: str
    content: Content
    blob: str = ""


_Versions = tuple["_File | None", "_File | None"]


def _changed(
    old: Mapping[Address, _File], new: Mapping[Address, _File]
) -> Iterator[tuple[Address, _Versions]]:
    """Yield the versions of what changed: two, or one of what is new or gone."""
    digests = [{one.content.digest for one in side.values()} for side in (old, new)]
    gone = {a: one for a, one in old.items() if a not in new and _digest(one) not in digests[1]}
    moved = {one.path: address for address, one in gone.items()}
    for address, after in new.items():
        if before := old.get(address):
            if _digest(before) != _digest(after):
                yield address, (before, after)
        elif _digest(after) not in digests[0]:
            # The same file under a spec of another name is compared with itself.
            was = moved.get(after.path)
            yield address, (gone.pop(was, None) if was else None, after)
    for address, before in gone.items():
        yield address, (before, None)


@dataclass(slots=True)
class _Look:
    """Looks at files of both versions, each two of them once; `copy` is where the old one lies."""

    repository: Repository
    samples: int
    copy: Path
    trees: dict[str, Mapping[str, Entry]] = field(default_factory=dict)
    known: dict[tuple[str, str], Comparison | str] = field(default_factory=dict)

    def old(self, state: State) -> dict[Address, _File]:
        """Return the files of a commit: `REV:path`."""
        return {address: self._old(content) for address, content in _contents(state)}

    def _old(self, content: Content) -> _File:
        revision, _, path = content.path.partition(":")
        if revision not in self.trees:
            self.trees[revision] = self.repository.tree(revision)
        return _File(path, content, self.trees[revision][path].blob)

    def new(self, state: State) -> dict[Address, _File]:
        """Return the files of the working tree."""
        relative = self.repository.relative
        return {a: _File(relative(Path(one.path)), one) for a, one in _contents(state)}

    def compared(self, address: Address, old: _File | None, new: _File | None) -> DataChange:
        """Return how two versions differ, where there are two."""
        if old is None or new is None:
            return _change(address, old, new)
        key = (old.blob, new.path)
        if key not in self.known:
            self.known[key] = self._compared(old, new)
        found = self.known[key]
        if isinstance(found, str):
            return _change(address, old, new, note=found)
        return replace(_change(address, old, new), comparison=found)

    def _compared(self, old: _File, new: _File) -> Comparison | str:
        if self.repository.look(old.blob).pointer:
            return "not compared: before, it was kept by Git LFS, whose files are not fetched"
        try:
            # A new file each time: some file systems sync one that is written over.
            self.copy.unlink(missing_ok=True)
            with self.copy.open("xb") as file:
                self.repository.copy(old.blob, file)
            return compare(self.copy, Path(new.content.path), samples=self.samples)
        except DpoOpsError as error:
            return f"not compared: {error}"
        except OSError as error:
            return f"not compared: {error.strerror or type(error).__name__}"


def _contents(state: State) -> Iterable[tuple[Address, Content]]:
    return ((address, one.content) for address, one in state.items() if one.content)


def _digest(file: _File) -> str:
    return file.content.digest


def _size(old: _File | None, new: _File | None) -> int:
    return old.content.size + new.content.size if old and new else 0


def _change(
    address: Address, old: _File | None, new: _File | None, *, note: str = ""
) -> DataChange:
    rows = next(one.content.rows for one in (new, old) if one)
    return DataChange(
        address, old.path if old else None, new.path if new else None, rows=rows, note=note
    )


def _mebi(size: int) -> str:
    return f"{size / _MEBI:,.1f} MiB"
