"""The folder `.dpo-ops`, where what can be made again is kept: beside the specs, never in Git."""

from __future__ import annotations

from pathlib import Path

OURS = ".dpo-ops"
TRAINING = Path(OURS) / "training"
"""A folder for each model that is trained here, named by its id."""


def keep_out_of_git(folder: Path) -> None:
    """Let git ignore `folder` where it is ours. Errors: OSError."""
    note = folder / ".gitignore"
    if folder.name == OURS and not note.exists():
        note.write_text("*\n", encoding="utf-8")
