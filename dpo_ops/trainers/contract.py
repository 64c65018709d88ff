"""What a trainer is given, what it says while it works, and what it leaves behind.

A training is a folder: whoever finds it can tell what was ordered, how far it is and whether
it is done. So a run that was killed is taken up again, by this process or by another.

    out/
    ├── training.json     the order; a folder with another order in it is refused
    ├── metrics.jsonl     one line an optimizer step, written while it trains
    ├── checkpoints/      where to go on from
    ├── log.txt           what the libraries printed
    ├── adapter/          adapter_config.json and adapter_model.safetensors
    └── done.json         written last: the adapter is complete
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDER: Final = "training.json"
METRICS: Final = "metrics.jsonl"
CHECKPOINTS: Final = "checkpoints"
LOG: Final = "log.txt"
ADAPTER: Final = "adapter"
DONE: Final = "done.json"

ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors")
"""The files of an adapter that the platform takes, in the order in which they are sent."""

SEED: Final = 42


@dataclass(frozen=True, slots=True)
class Training:
    """One training to be done.

    `rows` are JSONL files in the platform's row format (`input.messages`, `preferred_output`,
    `non_preferred_output`), already checked. `weights` say what to start from: a folder, a
    `.gguf` file, a Hugging Face id, or `dpo-ops/tiny` for the model that comes along.
    `adapter` is a folder with an adapter to go on from. `settings` and `loss` are a job's
    `trainingConfig` and `lossConfig`, in camelCase, with only what was set. `out` is the
    training's own folder.
    """

    rows: tuple[Path, ...]
    weights: str
    settings: Mapping[str, Any]
    loss: Mapping[str, Any]
    out: Path
    adapter: Path | None = None
    seed: int = SEED

    def to_json(self) -> dict[str, Any]:
        """Return the order as it is written to `training.json`."""
        return {
            "rows": [str(path) for path in self.rows],
            "weights": self.weights,
            "settings": dict(self.settings),
            "loss": dict(self.loss),
            "out": str(self.out),
            "adapter": str(self.adapter) if self.adapter else None,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Return the order that `to_json` wrote."""
        return cls(
            rows=tuple(Path(path) for path in said["rows"]),
            weights=said["weights"],
            settings=said["settings"],
            loss=said["loss"],
            out=Path(said["out"]),
            adapter=Path(said["adapter"]) if said["adapter"] else None,
            seed=said["seed"],
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One optimizer step of `steps`; a figure that is not known, or not finite, is None.

    `margin` is the mean reward of the preferred answers less that of the others, `accuracy`
    the share of pairs in which it is positive. `seconds` is how long the step took.
    """

    step: int
    steps: int
    epoch: float | None = None
    loss: float | None = None
    margin: float | None = None
    accuracy: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    seconds: float | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the line of `metrics.jsonl`, with the keys of the platform's open recipe."""
        row: dict[str, Any] = {"step": self.step, "train/step": self.step}
        row["train/total_steps"] = self.steps
        for key, name in _COLUMNS.items():
            value = getattr(self, name)
            row[key] = value if value is not None and math.isfinite(value) else None
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return what a line says; keys that are not known are passed over."""
        step = int(row.get("step") or row.get("train/step") or 0)
        steps = int(row.get("train/total_steps") or 0)
        figures = {name: _figure(row.get(key)) for key, name in _COLUMNS.items()}
        return cls(step, steps, **figures)


_COLUMNS: Final = {
    "train/epoch": "epoch",
    "train/loss": "loss",
    "train/margin": "margin",
    "train/accuracy": "accuracy",
    "train/lr": "learning_rate",
    "train/tokens_per_sec": "tokens_per_s",
    "train/step_time_sec": "seconds",
}


def _figure(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def metrics(out: Path) -> list[Measured]:
    """Return what a training has measured so far, step by step; a half-written line is left out."""
    try:
        lines = (out / METRICS).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [Measured.from_row(json.loads(line)) for line in lines if line.strip()]


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that is over: the adapter's folder, its steps and the seconds it took in all."""

    adapter: Path
    steps: int
    seconds: float

    @property
    def files(self) -> tuple[Path, ...]:
        """The adapter's files."""
        return tuple(self.adapter / name for name in ADAPTER_FILES)


def trained(out: Path) -> Trained | None:
    """Return the result of a training that is complete, or None."""
    try:
        said = json.loads((out / DONE).read_bytes())
    except FileNotFoundError:
        return None
    return Trained(out / ADAPTER, int(said["steps"]), float(said["seconds"]))


def silent(measured: Measured) -> None:
    """Say nothing of a step."""


def never() -> bool:
    """Never ask a training to stop."""
    return False


class Trainer(Protocol):
    """Trains adapters. Safe to use from several threads for different trainings."""

    def missing(self) -> str:
        """Return what has to be installed first, as a command; empty when nothing is."""

    def train(
        self,
        training: Training,
        *,
        on_step: Callable[[Measured], None] = silent,
        stop: Callable[[], bool] = never,
    ) -> Trained:
        """Train, or go on with what is begun; return at once where it is done already.

        `on_step` hears of each step once it is over, those of earlier runs left out.

        Raises:
            Stopped: `stop()` turned true; the same call later goes on from there.
            TrainingFailed: it can't be done.
        """


@dataclass
class TrainingFailed(Exception):
    """A training that ended without an adapter: what failed, why, and what to do."""

    what: str
    why: str = ""
    fix: str = ""
    log: Path | None = field(default=None)

    def __str__(self) -> str:
        parts = [self.what, self.why, f"see {self.log}" if self.log else "", self.fix]
        return "; ".join(part for part in parts if part)


class Stopped(Exception):
    """A training was asked to stop before it was done; what it has is kept."""
