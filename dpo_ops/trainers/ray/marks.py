"""The lines by which a job tells, in its own log, how far it is and what came of it.

`dpo-ops step {...}`: an optimizer step is over, as a row of `metrics.jsonl`.
`dpo-ops past {...}`: a step of an earlier attempt, from which this one goes on.
`dpo-ops failed {...}`: the training ended without an adapter: what, why, fix.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from dpo_ops.trainers.contract import Measured, TrainingFailed

STEP: Final = "step"
PAST: Final = "past"
FAILED: Final = "failed"

_START: Final = "dpo-ops "
_MEANINGFUL: Final = 15


@dataclass(frozen=True, slots=True)
class Told:
    """What a job's log says: steps in order, those of them from before, failure, the rest."""

    steps: tuple[Measured, ...] = ()
    past: frozenset[int] = field(default_factory=frozenset)
    failed: TrainingFailed | None = None
    rest: tuple[str, ...] = ()

    @property
    def tail(self) -> str:
        """The last lines that are not empty, as one text."""
        return "\n".join([line for line in self.rest if line.strip()][-_MEANINGFUL:])


def mark(word: str, said: dict[str, Any]) -> str:
    """Return a line, without its end."""
    return f"{_START}{word} {json.dumps(said, separators=(',', ':'))}"


def read(log: str) -> Told:
    """Return what a log says so far; the last line counts once it has its end.

    A step that was told twice, as after going back to a checkpoint, counts as told last.
    """
    steps: dict[int, Measured] = {}
    past: set[int] = set()
    failed: TrainingFailed | None = None
    rest: list[str] = []
    for line in log.split("\n")[:-1]:
        word, said = _said(line)
        if word in {STEP, PAST}:
            measured = Measured.from_row(said)
            steps[measured.step] = measured
            (past.add if word == PAST else past.discard)(measured.step)
        elif word == FAILED:
            failed = TrainingFailed(said["what"], said["why"], said["fix"])
        else:
            rest.append(line)
    rows = tuple(steps[step] for step in sorted(steps))
    return Told(rows, frozenset(past), failed, tuple(rest))


def _said(line: str) -> tuple[str, dict[str, Any]]:
    if not line.startswith(_START):
        return "", {}
    word, _, text = line.removeprefix(_START).partition(" ")
    try:
        said = json.loads(text)
    except ValueError:
        return "", {}
    return (word, said) if isinstance(said, dict) else ("", {})
