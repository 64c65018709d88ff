"""What stands in a file of metrics, read with patience: whatever it holds, nothing is raised.

A trainer of ours writes the keys of the platform's open recipe. What the platform itself writes
is nowhere promised, so other usual names are known too, what is no step is counted and left out,
and figures without a name here are kept as they are.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.curves import Curve, figure
from dpo_ops.trainers.contract import Measured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dpo_ops.resource import Json

LARGEST_STEP: Final = 10**12
_FIGURES: Final = {
    "loss": ("train/loss", "train/dpo_loss", "loss", "dpo_loss"),
    "margin": ("train/margin", "margin", "train/rewards/margins", "rewards/margins"),
    "accuracy": ("train/accuracy", "accuracy", "train/rewards/accuracies", "rewards/accuracies"),
    "epoch": ("train/epoch", "epoch"),
    "learning_rate": ("train/lr", "lr", "train/learning_rate", "learning_rate"),
    "tokens_per_s": ("train/tokens_per_sec", "tokens_per_sec"),
    "seconds": ("train/step_time_sec", "step_time_sec"),
}
_STEP: Final = ("step", "train/step", "train/global_step", "global_step")
_STEPS: Final = ("train/total_steps", "total_steps", "max_steps")
_NAMES: Final = {"learning_rate": "learningRate", "tokens_per_s": "tokensPerSecond"}
_TELLING: Final = ("loss", "margin", "accuracy")
"""A row without a key for one of these is no step of a training."""
KNOWN: Final = frozenset((*_STEP, *_STEPS, *(key for keys in _FIGURES.values() for key in keys)))


@dataclass(frozen=True, slots=True)
class Reading:
    """One step. `others` are the row's further texts and figures, by the keys of the file."""

    measured: Measured
    others: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """A file's steps in order, each once, and how many of its lines are no step.

    `note` is what the file says in words, such as why there are no metrics.
    """

    rows: tuple[Reading, ...] = ()
    skipped: int = 0
    note: str = ""

    @property
    def steps(self) -> list[Measured]:
        """The steps alone."""
        return [row.measured for row in self.rows]

    @property
    def last(self) -> Measured | None:
        """The last step, if there is one."""
        return self.rows[-1].measured if self.rows else None


def read_metrics(data: bytes) -> Readings:
    """Return what a file of metrics says; a last line that is half written is passed over.

    A step that is written again, as after a restart from a checkpoint, counts as it was last.
    A row without a step follows the row before it.
    """
    *lines, rest = data.split(b"\n")
    found: dict[int, Reading] = {}
    skipped, note, step = 0, "", 0
    for number, line in enumerate([*lines, rest]):
        if not line.strip():
            continue
        row = _row(line)
        if row is None:
            skipped += number < len(lines)
            continue
        said = row.get("note")
        if _tells(row):
            read = _reading(row, step + 1)
            step = read.measured.step
            found[step] = read
        elif isinstance(said, str) and not note:
            note = said
        else:
            skipped += 1
    return Readings(tuple(found[step] for step in sorted(found)), skipped, note)


def curves_of(readings: Readings) -> tuple[Curve, ...]:
    """Return loss, margin and accuracy over the steps."""
    measured = readings.steps
    steps = [one.step for one in measured]
    return (
        Curve("loss", steps, [one.loss for one in measured]),
        Curve("margin", steps, [one.margin for one in measured]),
        Curve("accuracy", steps, [one.accuracy for one in measured], 0.0, 1.0),
    )


def latest(last: Measured, names: Iterable[str] = _TELLING) -> str:
    """Return a step in words: `step 12 of 40, loss 0.61, margin 0.2, accuracy 0.75`."""
    figures = ((name, getattr(last, name)) for name in names)
    told = [f"{name} {figure(value)}" for name, value in figures if value is not None]
    return ", ".join([step_of(last), *told])


def step_of(measured: Measured) -> str:
    """Return `step 12 of 40`, or `step 12` where nobody says how many there will be."""
    of = f" of {measured.steps:,}" if measured.steps else ""
    return f"step {measured.step:,}{of}"


def step_document(measured: Measured) -> dict[str, Json]:
    """Return one step as JSON; a figure that is not known is null."""
    said = {_NAMES.get(name, name): value for name, value in asdict(measured).items()}
    return {**said, "steps": measured.steps or None}


def _row(line: bytes) -> dict[str, Json] | None:
    try:
        row = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _tells(row: Mapping[str, Json]) -> bool:
    """Say whether a row is of a step: a figure that was not finite is null, but has its key."""
    keys = [key for name in _TELLING for key in _FIGURES[name]]
    return any(key in row and (row[key] is None or _number(row[key]) is not None) for key in keys)


def _reading(row: Mapping[str, Json], following: int) -> Reading:
    step, steps = _count(row, _STEP), _count(row, _STEPS)
    figures = {name: _first(row, keys) for name, keys in _FIGURES.items()}
    measured = Measured(following if step is None else step, steps or 0, **figures)
    others = {key: _kept(value) for key, value in row.items() if key not in KNOWN}
    return Reading(measured, {key: v for key, v in others.items() if not isinstance(v, list)})


def _kept(value: Json) -> Json:
    """Return a text or a figure as it may stand in JSON; what has parts becomes an empty list."""
    if isinstance(value, dict | list):
        return []
    return _number(value) if isinstance(value, float) else value


def _first(row: Mapping[str, Json], keys: Iterable[str]) -> float | None:
    numbers = (_number(row.get(key)) for key in keys)
    return next((number for number in numbers if number is not None), None)


def _count(row: Mapping[str, Json], keys: Iterable[str]) -> int | None:
    number = _first(row, keys)
    return int(number) if number is not None and 0 <= number <= LARGEST_STEP else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # An integer of more than 308 digits.
        return None
    return number if math.isfinite(number) else None
