"""From paths to the desired state: find, parse, render, check, connect, and make resources."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, SpecError
from dpo_ops.kinds import STACK
from dpo_ops.kinds.facts import Document
from dpo_ops.loader.check import report, validate
from dpo_ops.loader.content import Contents
from dpo_ops.loader.envelope import Draft, Lost, looks_like_ours, open_envelope
from dpo_ops.loader.faults import TemplateFault, UnknownName
from dpo_ops.loader.files import BEGIN, find
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.parse import parse
from dpo_ops.loader.references import connect
from dpo_ops.loader.source import read, show
from dpo_ops.loader.stack import Stack, take_stack, with_defaults
from dpo_ops.loader.tree import BROKEN, places, plain, secrets_in
from dpo_ops.loader.values import load_values
from dpo_ops.resource import Address, Resource, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dpo_ops.loader.build import Parsed
    from dpo_ops.loader.content import Recall
    from dpo_ops.loader.files import Found
    from dpo_ops.loader.templates import GitFacts, Renderer
    from dpo_ops.loader.values import Values
    from dpo_ops.pairs.cache import Cache


@dataclass(frozen=True)
class Loaded:
    """The desired state, and what was said on the way to it. `files` are the spec files read."""

    state: State
    stack: str
    account: str | None
    warnings: tuple[Finding, ...]
    files: tuple[str, ...]


def load(  # noqa: PLR0913  -- what the outside world gives, each by name
    paths: Sequence[Path],
    *,
    values: Sequence[Path] = (),
    git: GitFacts = None,
    root: Path | None = None,
    count_tokens: bool = False,
    today: dt.date = dt.date.max,
    cache: Cache | None = None,
    recall: Recall | None = None,
    on_secret: Callable[[str], None] = lambda _: None,
) -> Loaded:
    """Return what the specs at `paths`, files or folders, want to exist.

    `values` are merged in order and seen by templates; so is `git`, a mapping or a function that
    returns one, called only if a template mentions it. No path in a spec leaves `root`, by
    default the repository of each path. With `count_tokens` the tokens of each file of pairs are
    estimated while it is checked; from them a plan tells its cost. `today` decides which waivers
    still hold; left out, none does. With a `cache`, files of pairs that have not changed are not
    read again. With `recall`, which says what a file of pairs holds, none is read or checked at
    all. `on_secret` is told of each environment variable that a document takes a secret from, as
    soon as that is read, and whatever else is wrong. Reads files, and writes none but the cache.

    Raises:
        SpecError: the specs can't be used, or there are none; it holds all findings.
    """
    log = Log()
    given = load_values(values, log)
    reader = _Reader(given, git, Lost(), log, on_secret)
    found = find(paths, log, root=root, exclude=values)
    documents = [draft for file in found for draft in reader.drafts(file)]
    stack = take_stack(documents, reader.lost, log)
    drafts = _unique(documents, log)
    for draft in drafts.values():
        _check(draft, stack, log)
    order = connect(drafts, reader.lost, log)
    contents = Contents(log, count_tokens=count_tokens, today=today, cache=cache, recall=recall)
    for draft in drafts.values():
        _suit(draft, drafts, log)
        draft.content = contents.of(draft)
    for draft in drafts.values():
        _check_files(draft, drafts, log)
    if cache:
        cache.save()
    if not drafts and not log.errors:
        _nothing(paths, log)
    findings = log.all()
    if log.errors:
        raise SpecError(findings)
    state = _desire([drafts[address] for address in order], stack)
    return Loaded(state, stack.name, stack.account, findings, tuple(reader.files))


@dataclass(slots=True)
class _Reader:
    """Reads files to drafts, and remembers what is known of those that are lost."""

    given: Values
    git: GitFacts
    lost: Lost
    log: Log
    on_secret: Callable[[str], None]
    files: list[str] = field(default_factory=list)
    renderer: Renderer | None = None

    def drafts(self, found: Found) -> Iterator[Draft]:
        try:
            file = parse(read(found.path, found.shown), self.log)
        except Refused as refused:
            self.log.add(refused.finding)
            self.lost.nameless = True
            return
        self.lost.texts += file.lost
        if is_for_values(found, file.documents):
            return
        self.files.append(found.shown)
        for parsed in file.documents:
            yield from self._draft(found, parsed)

    def _draft(self, found: Found, parsed: Parsed) -> Iterator[Draft]:
        before = self.log.errors
        for node in parsed.templates:
            try:
                node.value = self._rendering().render(node.value)
            except TemplateFault as fault:
                # With a values file missing, a name that is not known says nothing new.
                if self.given.complete or not isinstance(fault, UnknownName):
                    where = node.place
                    self.log.report(where, fault.what, fault.why, fault.fix, rule="template")
                node.value = BROKEN
        for variable in secrets_in(parsed.root):
            self.on_secret(variable)
        draft = open_envelope(found, parsed.root, self.lost, self.log)
        if draft is not None:
            draft.sound = draft.sound and parsed.sound and self.log.errors == before
            yield draft

    def _rendering(self) -> Renderer:
        # The template library loads slowly, and many specs have no template.
        from dpo_ops.loader.templates import Renderer  # noqa: PLC0415

        if self.renderer is None:
            self.renderer = Renderer(self.given.tree, self.git)
        return self.renderer


def is_for_values(found: Found, documents: Sequence[Parsed]) -> bool:
    """Return whether a file lies beside the specs to be given by --values in another run."""
    path = found.path
    if found.named or not (path.name.startswith("values") or path.parent.name == "values"):
        return False
    return not any(looks_like_ours(document.root) for document in documents)


def _unique(documents: Sequence[Draft], log: Log) -> dict[Address, Draft]:
    drafts: dict[Address, Draft] = {}
    for draft in documents:
        if draft.address.kind == STACK:
            continue
        first = drafts.setdefault(draft.address, draft)
        if first is not draft:
            what = f"{draft.address} is described twice; first at {first.name_place}"
            why = "a name stands for one resource"
            log.report(draft.name_place, what, why, "rename or remove one", rule="duplicate-name")
    return drafts


def _check(draft: Draft, stack: Stack, log: Log) -> None:
    kind, draft.spec = draft.kind, with_defaults(draft, stack)
    draft.value = plain(draft.spec.node)
    draft.model = validate(kind.spec, draft.spec, kind.fields, log, complete=stack.complete)
    if draft.model is not None:
        report(kind.check(draft.model), draft.spec, log)


def _check_files(draft: Draft, drafts: dict[Address, Draft], log: Log) -> None:
    """Report what does not go together with the files of what a draft refers to."""
    linked = {path: drafts[target].content for path, target in draft.links.items()}
    files = {path: content for path, content in linked.items() if content}
    if files and draft.model is not None:
        report(draft.kind.takes(draft.model, files), draft.spec, log)


def _suit(draft: Draft, drafts: Mapping[Address, Draft], log: Log) -> None:
    if draft.model is not None:
        linked = {path: drafts[target].model for path, target in draft.links.items()}
        report(draft.kind.suits(draft.model, linked), draft.spec, log)


def _nothing(paths: Sequence[Path], log: Log) -> None:
    looked = ", ".join(show(path) for path in paths) or "no path at all"
    what = "there is no spec of a resource here"
    why = "an empty desired state would mean that nothing should exist"
    log.report(looked, what, why, f"point at the specs, or {BEGIN}", rule="no-specs")


def _desire(drafts: Sequence[Draft], stack: Stack) -> State:
    made: dict[Address, Resource] = {}
    for draft in drafts:
        links = {path: made[target] for path, target in draft.links.items()}
        made[draft.address] = draft.kind.desire(_document(draft), links, stack.name)
    for address in _read_here_only(made):
        made[address] = replace(made[address], stays=True)
    return State(made, stack=stack.name, named=stack.named, policy=stack.policy)


def _read_here_only(made: Mapping[Address, Resource]) -> set[Address]:
    """Return what needs no upload: all that needs its content is made here, or exists already."""
    here, there = set[Address](), set[Address]()
    for resource in made.values():
        (here if resource.recipe or resource.external else there).update(resource.needs)
    return {address for address in here - there if made[address].content}


def _document(draft: Draft) -> Document:
    where = dict(places(draft.spec))
    return Document(draft.address, draft.model, draft.value, draft.place, where, draft.content)
