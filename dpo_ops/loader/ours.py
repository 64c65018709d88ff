"""Which YAML files are ours: those with a document whose apiVersion is one of dpo-ops.

Tools such as pre-commit name every YAML file that changed, so what is not ours is passed over.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dpo_ops.loader.envelope import API
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.parse import parse
from dpo_ops.loader.source import MAX_BYTES, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.errors import Finding
    from dpo_ops.loader.build import Parsed
    from dpo_ops.loader.files import Found
    from dpo_ops.loader.source import Source

# Only at the margin: a workflow may hold a whole spec as text.
_SAYS_SO: Final = re.compile(
    rf"""^(?:---[ \t]+)?(?:\{{\s*)?["']?apiVersion["']?\s*:\s*["']?{API}""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Read:
    """A file, what was read in it, and what is wrong with it as YAML; `ours` if it is a spec."""

    source: Source
    documents: Sequence[Parsed]
    findings: Sequence[Finding]
    ours: bool

    @property
    def sound(self) -> bool:
        """Whether nothing at all is wrong with it as YAML."""
        return not self.findings


def take(file: Found) -> Read | None:
    """Return what is in a file, or None for one that was named, can't be read and is not ours.

    Raises:
        Refused: it can't be read, and is ours or may be.
    """
    try:
        source = read(file.path, file.shown)
    except Refused:
        if file.named and not _says_so(file.path):
            return None
        raise
    log = Log()
    documents = parse(source, log).documents
    findings = log.all()
    if findings:
        ours = bool(_SAYS_SO.search(source.text.replace("\r", "\n")))
    else:
        ours = any(is_ours(document) for document in documents)
    return Read(source, documents, findings, ours)


def is_ours(document: Parsed) -> bool:
    """Return whether a document says that it is a spec."""
    root = document.root.value
    entry = root.get("apiVersion") if isinstance(root, dict) else None
    return entry is not None and str(entry.node.value).startswith(API)


def _says_so(path: Path) -> bool:
    """Return whether a file that is no clean text holds a spec, or can't be asked."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  -- see files.repository_root
            return True
        with path.open("rb") as file:
            return bool(_SAYS_SO.search(file.read(MAX_BYTES).decode(errors="replace")))
    except OSError:
        return True
