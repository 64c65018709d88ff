"""An exception in the child as what failed, why, and what to do about it."""

from __future__ import annotations

from typing import Final

from dpo_ops.trainers.contract import TrainingFailed

_MEMORY: Final = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate")


def told(error: Exception) -> dict[str, str]:
    """Return `what`, `why` and `fix`."""
    if isinstance(error, TrainingFailed):
        return {"what": error.what, "why": error.why, "fix": error.fix}
    why = first_line(error)
    if isinstance(error, MemoryError) or any(words in why.lower() for words in _MEMORY):
        fix = "lower batchSizeSamples or maxContextLength, or take smaller weights"
        return {"what": "the training ran out of memory", "why": why, "fix": fix}
    return {"what": "the training failed", "why": f"{type(error).__name__}: {why}", "fix": ""}


def first_line(error: Exception) -> str:
    """Return the first line of what an exception says that says anything."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
