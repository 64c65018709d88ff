"""The objects of a Git repository, read so that nothing in it can run.

Only plumbing that reads objects is called: no hook, filter, text conversion, pager, signature
check or transport is started, whatever the repository's configuration names. Nothing is checked
out, and the index is not touched.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

from dpo_ops.errors import DpoOpsError
from dpo_ops.planner.releases import Commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

_SECONDS: Final = 600.0
_CHUNK: Final = 1 << 20
_SAFE: Final = (
    *("git", "--no-pager", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    # Of a partial clone nothing is fetched: that would start what its configuration names.
    *("-c", "protocol.allow=never"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
)
_SETTINGS: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_FIELDS: Final = "%H%x00%h%x00%aI%x00%aN%x00%s"
_HEADER: Final = re.compile(rb"[0-9a-f]+ (blob|tree|commit) ([0-9]+)\n")
_PARENT: Final = "parent "
_TREE: Final = "40000"
_MODULE: Final = "160000"
_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/.*^oid sha256:([0-9a-f]{64})$.*^size ([0-9]+)$",
    re.MULTILINE | re.DOTALL,
)
_LONGEST_POINTER: Final = 1024
FULL_CLONE: Final = "fetch all of it: git fetch --unshallow, or fetch-depth: 0 in a workflow"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: its mode as Git writes it, such as 100644, and the id of its blob."""

    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a blob holds: sha256 in hex, bytes, and lines that are not blank.

    Of a `pointer` of Git LFS: what it names, whose content is elsewhere and its rows not known.
    """

    digest: str
    size: int
    rows: int
    pointer: bool = False


class Repository:
    """The repository that `path` lies in. Use it as a context: it keeps one reader open.

    Errors of every method: DpoOpsError.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else path.parent
        top = self._say("rev-parse", "--show-toplevel").rstrip("\n")
        self.root = self._folder = Path(os.path.realpath(top))
        sha256 = self._say("rev-parse", "--show-object-format").strip() == "sha256"
        self._length = 32 if sha256 else 20
        self._reader: subprocess.Popen[bytes] | None = None
        self._looks: dict[str, Look] = {}
        self._trees: dict[str, dict[str, Entry]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the reader."""
        if self._reader:
            self._reader.kill()
            self._reader.communicate()
            self._reader = None

    @property
    def shallow(self) -> bool:
        """Whether earlier commits were left out when it was cloned."""
        return self._say("rev-parse", "--is-shallow-repository").strip() != "false"

    @property
    def branch(self) -> str:
        """The branch that is checked out; empty where none is."""
        return (self._ask("symbolic-ref", "--short", "-q", "HEAD") or "").strip()

    def tag(self, commit: str) -> str:
        """Return the highest tag on a commit; empty where there is none."""
        tags = self._ask("tag", "--points-at", commit, "--sort=-v:refname") or ""
        return next(iter(tags.splitlines()), "")

    def commits(self, paths: Iterable[str], limit: int | None = None) -> tuple[Commit, ...]:
        """Return the commits that changed any of `paths` (from the top), the newest first.

        Of a merge only the merge itself: what was on this branch, not what led there.
        """
        if self._ask("rev-parse", "-q", "--verify", "HEAD^{commit}") is None:
            return ()  # before the first commit
        most = [f"--max-count={limit}"] if limit is not None else []
        said = self._say(
            *("rev-list", "--first-parent", "--no-commit-header", f"--format={_FIELDS}"),
            *(*most, "HEAD", "--", *sorted(set(paths))),
        )
        return tuple(Commit(*line.split("\0")) for line in said.split("\n") if line)

    def find(self, revision: str) -> Commit:
        """Return the one commit that a revision names."""
        if revision.startswith("-"):
            raise DpoOpsError(f"{revision} names no revision")
        commit = self._ask("rev-parse", "-q", "--verify", f"{revision}^{{commit}}")
        if commit is None:
            raise DpoOpsError(f"there is no commit {revision} in {self.root}", fix=FULL_CLONE)
        options = ("--no-walk", "--no-commit-header", f"--format={_FIELDS}")
        said = self._say("rev-list", *options, commit.strip())
        return Commit(*said.rstrip("\n").split("\0"))

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the ids of a commit's parents, also of those that are not in this clone."""
        said = b"".join(self._chunks(f"{self.find(commit).id}^{{commit}}", "commit"))
        head = said.partition(b"\n\n")[0].decode("ascii", "replace").split("\n")
        return tuple(line[len(_PARENT) :] for line in head if line.startswith(_PARENT))

    def merge_base(self, one: str, other: str) -> str:
        """Return the id of the best common ancestor of two commits; empty where none is here."""
        ids = (self.find(one).id, self.find(other).id)
        return (self._ask("merge-base", *ids) or "").strip()

    def tracks(self, path: str) -> bool:
        """Return whether Git knows a file of this name now."""
        return bool(self._say("ls-files", "--full-name", "--", str(self.root / path)))

    def relative(self, path: Path) -> str:
        """Return a path as it is called from the top, whether it exists or not; `` is the top."""
        whole = Path(os.path.abspath(path))  # noqa: PTH100  -- links in it stay as they are
        for one in (whole, Path(os.path.realpath(path))):
            if one.is_relative_to(self.root):
                return "" if one == self.root else one.relative_to(self.root).as_posix()
        raise DpoOpsError(f"{path} is outside of the repository {self.root}")

    def tree(self, commit: str) -> dict[str, Entry]:
        """Return every file of a commit by its path from the top; submodules are left out.

        Each folder is read once, in whatever number of commits it is the same.
        """
        return self._below(f"{commit}^{{tree}}")

    def _below(self, tree: str) -> dict[str, Entry]:
        if known := self._trees.get(tree):
            return known
        found: dict[str, Entry] = {}
        for mode, name, id_ in _rows(b"".join(self._chunks(tree, "tree")), self._length):
            # A tree that somebody wrote by hand may hold names that lead elsewhere.
            if "/" in name or name in _FOREIGN or mode == _MODULE:
                continue
            if mode == _TREE:
                found |= {f"{name}/{path}": entry for path, entry in self._below(id_).items()}
            else:
                found[name] = Entry(mode, id_)
        if "^" not in tree:
            self._trees[tree] = found
        return found

    def read(self, blob: str, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes; of a larger one, one byte more than that."""
        data, rest = b"", limit + 1
        for chunk in self._chunks(blob):
            data += chunk[:rest]
            rest -= len(chunk[:rest])
        return data

    def copy(self, blob: str, file: IO[bytes]) -> None:
        """Write a blob to an open file."""
        for chunk in self._chunks(blob):
            file.write(chunk)

    def look(self, blob: str) -> Look:
        """Return what a blob holds. Each is read once; of a pointer of Git LFS, what it names."""
        if blob not in self._looks:
            self._looks[blob] = self._look(blob)
        return self._looks[blob]

    def _look(self, blob: str) -> Look:
        sha256, size, rows, line, head = hashlib.sha256(), 0, 0, b"", b""
        for chunk in self._chunks(blob):
            sha256.update(chunk)
            size += len(chunk)
            head = head or chunk[:_LONGEST_POINTER]
            *lines, line = (line + chunk).split(b"\n")
            rows += sum(1 for one in lines if one.strip())
        rows += bool(line.strip())
        if size < _LONGEST_POINTER and (pointer := _POINTER.match(head)):
            return Look(pointer[1].decode(), int(pointer[2]), 0, pointer=True)
        return Look(sha256.hexdigest(), size, rows)

    def _chunks(self, blob: str, kind: str = "blob") -> Iterator[bytes]:
        """Yield an object piece by piece."""
        reader, whole = self._reading(), False
        assert reader.stdin is not None  # noqa: S101  -- both are pipes
        assert reader.stdout is not None  # noqa: S101
        try:
            reader.stdin.write(f"{blob}\n".encode("ascii"))
            reader.stdin.flush()
            header = _HEADER.fullmatch(reader.stdout.readline())
            if header is None or header[1] != kind.encode():
                raise _incomplete(blob)
            left = int(header[2])
            while left and (chunk := reader.stdout.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk
            if left or reader.stdout.read(1) != b"\n":
                raise _incomplete(blob)
            whole = True
        except BrokenPipeError as error:
            raise _incomplete(blob) from error
        finally:
            if not whole:  # What is left of it must not be taken for the next one.
                self.close()

    def _reading(self) -> subprocess.Popen[bytes]:
        if self._reader is None:
            self._reader = subprocess.Popen(  # noqa: S603  -- a fixed command, no shell
                [*_SAFE, "-C", str(self.root), "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        return self._reader

    def _say(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "replace")

    def _ask(self, *arguments: str) -> str | None:
        """Return the answer, or None where git says that there is none."""
        try:
            return self._say(*arguments)
        except _Refused:
            return None

    def _run(self, *arguments: str) -> bytes:
        command: Sequence[str] = [*_SAFE, "-C", str(self._folder), *arguments]
        try:
            done = subprocess.run(  # noqa: S603  -- no shell, and options stand before `--`
                command, capture_output=True, timeout=_SECONDS, check=False, env=_environment()
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            what = "git can't be run" if isinstance(error, OSError) else "git did not answer"
            raise DpoOpsError(what, where=str(self._folder), why=str(error)) from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            why = said[-1] if said else f"git ended with {done.returncode}"
            fix = "run it in a clone of the repository that holds the specs"
            raise _Refused("git can't say", where=str(self._folder), why=why, fix=fix)
        return done.stdout


_FOREIGN: Final = frozenset({"", ".", "..", ".git"})


def _rows(data: bytes, length: int) -> Iterator[tuple[str, str, str]]:
    """Yield mode, name and id of each entry of a tree as Git keeps it."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + length
        yield mode.decode("ascii", "replace"), os.fsdecode(name), data[end + 1 : at].hex()


class _Refused(DpoOpsError):
    """Git said no."""


def _incomplete(blob: str) -> DpoOpsError:
    return DpoOpsError(
        f"the object {blob} is not in this clone",
        why="it was cloned without some of its files, or its objects are damaged",
        fix="clone it without --filter",
    )


def _environment() -> dict[str, str]:
    return {**os.environ, **_SETTINGS}
