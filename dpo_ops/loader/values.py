"""Values files: what templates may insert, merged in the order given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpo_ops.loader.findings import Refused
from dpo_ops.loader.parse import parse
from dpo_ops.loader.source import read, show
from dpo_ops.loader.tree import BROKEN, Node, merge, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.loader.findings import Log


@dataclass(frozen=True, slots=True)
class Values:
    """The merged values; `complete` is False when a file of them could not be read whole."""

    tree: dict[str, Any]
    complete: bool = True


def load_values(paths: Sequence[Path], log: Log) -> Values:
    """Return the mappings of the files merged, a later one over an earlier one."""
    before, merged = log.errors, None
    for path in paths:
        root = _mapping(path, log)
        merged = merge(merged, root) if merged and root else root or merged
    return Values(plain(merged) if merged else {}, complete=log.errors == before)


def _mapping(path: Path, log: Log) -> Node | None:
    try:
        source = read(path, show(path))
    except Refused as refused:
        log.add(refused.finding)
        return None
    file = parse(source, log)
    roots = [document.root for document in file.documents]
    if len(roots) > 1 or any(not isinstance(root.value, dict) for root in roots):
        if len(roots) == 1 and roots[0].value is BROKEN:
            return None
        where = roots[-1].place
        what = "a values file is one mapping, in one document"
        log.report(where, what, fix="write key: value", rule="values-file")
        return None
    return roots[0] if roots else None
