"""The folder `.dpo-ops`, where what can be made again is kept: beside the specs, never in Git."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OURS = ".dpo-ops"


def keep_out_of_git(folder: Path) -> None:
    """Let git ignore `folder` where it is ours. Errors: OSError."""
    note = folder / ".gitignore"
    if folder.name == OURS and not note.exists():
        note.write_text("*\n", encoding="utf-8")
