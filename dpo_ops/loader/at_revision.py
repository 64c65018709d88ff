"""The desired state as the specs had it at a commit; the working tree is not touched.

The specs, the values files and the links of that commit are laid out in a folder that goes
afterwards. Files of data stay where they are in Git: of each, only digest, size and rows are
needed, and those are remembered by the id of the blob. What is wrong with their rows is not
asked again: at that commit it was.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import DpoOpsError, Finding, Place, SpecError
from dpo_ops.loader.files import ENDINGS
from dpo_ops.loader.load import Loaded, load
from dpo_ops.loader.source import MAX_BYTES, show
from dpo_ops.planner.releases import Release
from dpo_ops.resource import Content, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dpo_ops.loader.repository import Entry, Repository
    from dpo_ops.planner.releases import Commit
    from dpo_ops.resource import Resource

_LINK: Final = "120000"
_LONGEST_LINK: Final = 4096
_SHORT: Final = 7


def releases(
    repository: Repository,
    paths: Sequence[Path],
    *,
    values: Sequence[Path] = (),
    limit: int | None = None,
    on_secret: Callable[[str], None] = lambda _: None,
) -> tuple[Release, ...]:
    """Return what each commit wanted that changed specs, data or values, the newest first.

    At most `limit` of them. A commit whose specs can't be used has findings instead. `on_secret`
    is as for `load`.

    Raises:
        DpoOpsError: git can't say, or a path is outside of the repository.
    """
    followed = {repository.relative(path) for path in paths} | _tracked(repository, values)
    known, asked = dict[str, Release](), False
    commits = repository.commits(["."], 1)  # Which data there is now is said by the last one.
    while True:
        for commit in commits:
            if commit.id not in known:
                known[commit.id] = _release(repository, commit, paths, values, on_secret)
        found = [known[commit.id] for commit in commits]
        # Data may lie beside the specs: then the commits that changed it count as well.
        more = {path for release in found for path in _data(release) if not _in(path, followed)}
        if not more and asked:
            return tuple(found)
        followed |= more
        commits, asked = repository.commits([path or "." for path in followed], limit), True


def load_at(
    repository: Repository,
    commit: Commit,
    paths: Sequence[Path],
    *,
    values: Sequence[Path] = (),
    on_secret: Callable[[str], None] = lambda _: None,
) -> Loaded:
    """Return what the specs at `paths` wanted at a commit; nothing where there were none yet.

    A values file that Git knows is read as it was then, any other as it is. What is said of
    places, and the paths of data, begin with `REV:`. To templates `git.branch` is the branch
    of today: Git does not keep on which one a commit was made. `on_secret` is as for `load`.

    Raises:
        SpecError: the specs of that commit can't be used; it holds all findings.
        DpoOpsError: git can't say, or a path is outside of the repository.
    """
    with tempfile.TemporaryDirectory(prefix="dpo-ops-") as made:
        folder, tree = Path(os.path.realpath(made)), repository.tree(commit.id)
        laid = _Laid(repository, tree, folder, commit, on_secret)
        try:
            return laid.renamed(laid.load(paths, values))
        except SpecError as error:
            findings = [laid.said(finding) for finding in error.findings]
            if all(finding.rule == "no-specs" for finding in findings):
                return Loaded(State({}), "default", None, (), ())
            raise SpecError(findings) from None
        except OSError as error:
            raise DpoOpsError(
                "its files can't be laid out",
                where=commit.short,
                why=error.strerror or str(error),
            ) from error


def _release(
    repository: Repository,
    commit: Commit,
    paths: Sequence[Path],
    values: Sequence[Path],
    on_secret: Callable[[str], None],
) -> Release:
    try:
        loaded = load_at(repository, commit, paths, values=values, on_secret=on_secret)
    except SpecError as error:
        return Release(commit, None, findings=error.findings)
    return Release(commit, loaded.state, loaded.account)


def _tracked(repository: Repository, values: Sequence[Path]) -> set[str]:
    names = (_own(repository, path) for path in values)
    return {name for name in names if name is not None and repository.tracks(name)}


def _own(repository: Repository, path: Path) -> str | None:
    try:
        return repository.relative(path)
    except DpoOpsError:
        return None


def _data(release: Release) -> Iterable[str]:
    wanted = release.desired.values() if release.desired else ()
    return (r.content.path.partition(":")[2] for r in wanted if r.content)


def _in(path: str, followed: Iterable[str]) -> bool:
    return any(not at or path == at or path.startswith(f"{at}/") for at in followed)


def _facts(repository: Repository, commit: Commit) -> Mapping[str, str]:
    facts = {"commit": commit.id, "short": commit.id[:_SHORT], "dirty": "false"}
    more = {"branch": repository.branch, "tag": repository.tag(commit.id)}
    return facts | {key: said for key, said in more.items() if said}


@dataclass(slots=True)
class _Laid:
    """What of a commit lies in a folder."""

    repository: Repository
    tree: Mapping[str, Entry]
    folder: Path
    commit: Commit
    on_secret: Callable[[str], None]
    written: set[str] = field(default_factory=set)

    def holds(self, path: str) -> bool:
        """Return whether the commit has a file of this name, or any below it."""
        return not path or path in self.tree or any(one.startswith(f"{path}/") for one in self.tree)

    def out(self, path: str) -> Path:
        """Lay out a spec file, or all below a folder, and return where it lies."""
        below = f"{path}/" if path else ""
        if path in self.tree:
            self._write(path)
        for one in self.tree:
            if one.startswith(below) and one.lower().endswith(ENDINGS):
                self._write(one)
        if path not in self.tree:
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        return self.folder / path

    def values(self, path: Path) -> Path | None:
        """Return where a values file lies; None where Git knows it, but not this commit."""
        name = _own(self.repository, path)
        if name is not None and name in self.tree:
            self._write(name)
            return self.folder / name
        return None if name is not None and self.repository.tracks(name) else path

    def links(self) -> None:
        """Lay out the links, after the files: so none of those was written through one."""
        for path, entry in self.tree.items():
            if entry.mode != _LINK:
                continue
            target = self.repository.read(entry.blob, _LONGEST_LINK)
            place = self.folder / path
            if b"\0" in target or not target or len(target) > _LONGEST_LINK:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(place):
                place.symlink_to(os.fsdecode(target))

    def is_inside(self, path: Path) -> bool:
        """Return whether what the command line names is of the commit, links followed."""
        return Path(os.path.realpath(path)).is_relative_to(self.folder)

    def content(self, path: Path) -> Content | None:
        """Return what a file of data holds, by the place that it would have; None: no such file."""
        name = path.relative_to(self.folder).as_posix()
        entry = self.tree.get(name)
        if entry is None or entry.mode == _LINK:
            return None
        found = self.repository.look(entry.blob)
        return Content(f"{self.commit.short}:{name}", found.digest, found.size, found.rows)

    def _write(self, path: str) -> None:
        entry = self.tree[path]
        if path in self.written or entry.mode == _LINK:
            return
        self.written.add(path)
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            # One byte above the limit is enough for the loader to refuse it.
            file.write(self.repository.read(entry.blob, MAX_BYTES))

    def load(self, paths: Sequence[Path], values: Sequence[Path]) -> Loaded:
        """Lay out what is asked for and load it."""
        inside = [
            self.out(path) for path in map(self.repository.relative, paths) if self.holds(path)
        ]
        given = [self.values(path) for path in values]
        self.links()
        return load(
            [path for path in inside if self.is_inside(path)],
            values=[path for path in given if path],
            git=partial(_facts, self.repository, self.commit),
            root=self.folder,
            recall=self.content,
            on_secret=self.on_secret,
        )

    # In the words of the commit

    def renamed(self, loaded: Loaded) -> Loaded:
        """Return the state with every place named by the commit."""
        wanted = {address: self._resource(one) for address, one in loaded.state.items()}
        return replace(
            loaded,
            state=loaded.state.holding(wanted),
            warnings=tuple(map(self.said, loaded.warnings)),
            files=tuple(map(self._text, loaded.files)),
        )

    def said(self, finding: Finding) -> Finding:
        """Return a finding with every place named by the commit."""
        where = finding.where
        return replace(
            finding,
            where=self._place(where) if isinstance(where, Place) else self._text(where),
            what=self._text(finding.what),
            why=self._text(finding.why),
            fix=self._text(finding.fix),
        )

    def _resource(self, resource: Resource) -> Resource:
        places = {path: self._place(place) for path, place in resource.places.items()}
        place = self._place(resource.place) if resource.place else None
        return replace(resource, place=place, places=places)

    def _place(self, place: Place) -> Place:
        return replace(place, file=self._text(place.file))

    def _text(self, text: str) -> str:
        # The folder's name is random: no spec can have it.
        for shown in (show(self.folder), str(self.folder)):
            text = text.replace(f"{shown}/", f"{self.commit.short}:")
            text = text.replace(shown, f"{self.commit.short}:")
        return text
