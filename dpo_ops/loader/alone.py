"""Each document against the schema of its kind, and nothing else: no data, no references.

So a file can be checked without the others. What a template will say is not known, and neither are
the defaults that a Stack in another file may give; `load` is what decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS, STACK, StackSpec
from dpo_ops.loader import ours
from dpo_ops.loader.check import validate
from dpo_ops.loader.envelope import Lost, open_envelope
from dpo_ops.loader.files import find
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.tree import BROKEN, Entry, entry_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.errors import Finding
    from dpo_ops.loader.build import Parsed
    from dpo_ops.loader.envelope import Draft
    from dpo_ops.loader.files import Found
    from dpo_ops.loader.tree import Node

_SOME_NAME = "x"


def check_alone(paths: Sequence[Path]) -> tuple[tuple[str, ...], int, tuple[Finding, ...]]:
    """Return the spec files at `paths`, how many documents they hold, and what is wrong in them.

    Files and documents that are not ours are passed over.
    """
    log = Log()
    files: list[str] = []
    documents = 0
    for file in find(paths, log, root=None, exclude=()):
        try:
            found = ours.take(file)
        except Refused as refused:
            log.add(refused.finding)
            continue
        if found is None or not (found.ours or (found.findings and not file.named)):
            continue
        files.append(file.shown)
        log.extend(found.findings)
        for document in filter(ours.is_ours, found.documents):
            documents += 1
            _document(file, document, log)
    return tuple(files), documents, log.all()


def _document(file: Found, document: Parsed, log: Log) -> None:
    root = document.root
    name = entry_at(Entry(root.source, root.index, root), ("metadata", "name"))
    if name is not None and name.node in document.templates:
        name.node.value = _SOME_NAME  # A template may give any name.
        document.templates.remove(name.node)
    if document.templates:
        # What a template will say is not known, but whether there is such a field is.
        known = Log()
        _check(file, root, known)
        log.extend(finding for finding in known.all() if finding.rule == "unknown-field")
    for node in document.templates:
        node.value = BROKEN
    _check(file, root, log)


def _check(file: Found, root: Node, log: Log) -> None:
    draft = open_envelope(file, root, Lost(), log)
    if draft is None:
        return
    if draft.address.kind == STACK:
        _stack(draft, log)
    else:
        validate(draft.kind.spec, draft.spec, draft.kind.fields, log, complete=False)


def _stack(draft: Draft, log: Log) -> None:
    validate(StackSpec, draft.spec, (), log)
    defaults = entry_at(draft.spec, ("defaults",))
    found = defaults.node.value if defaults else None
    for kind, entry in (found if isinstance(found, dict) else {}).items():
        if kind in KINDS and isinstance(entry.node.value, dict):
            validate(KINDS[kind].spec, entry, KINDS[kind].fields, log, complete=False)
