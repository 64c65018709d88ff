"""What is sent along with a job: the order, the pairs, and the adapter to go on from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.trainers.contract import ADAPTER, ADAPTER_FILES, TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.trainers.contract import Training

ORDER: Final = "order.json"
LIMIT: Final = 100 * 1024 * 1024
"""Bytes that Ray's dashboard takes in one request; it can't be set from outside."""

_BEGINNING: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """A training as it goes to a node: file names inside the parcel in place of paths.

    `name` is the training's own, `storage` the folder on the node under which it is kept.
    """

    name: str
    storage: str
    rows: tuple[str, ...]
    weights: str
    settings: dict[str, Any]
    loss: dict[str, Any]
    adapter: str | None
    seed: int

    @classmethod
    def of(cls, training: Training, storage: str) -> Order:
        """Return the order of a training that is to be kept under `storage`."""
        weights = Path(training.weights)
        return cls(
            name=training.out.name,
            storage=storage,
            rows=tuple(f"rows-{n}.jsonl" for n in range(len(training.rows))),
            weights=str(weights.resolve()) if weights.exists() else training.weights,
            settings=dict(training.settings),
            loss=dict(training.loss),
            adapter=ADAPTER if training.adapter else None,
            seed=training.seed,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what stands in `order.json`."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Order:
        """Return what `to_json` wrote."""
        return cls(**{**said, "rows": tuple(said["rows"])})


def digest(training: Training) -> str:
    """Return what decides the weights, as 64 hexadecimal digits; where files lie is left out."""
    weights = Path(training.weights)
    said = {
        "rows": [_sha256(path) for path in training.rows],
        "weights": weights.name if weights.exists() else training.weights,
        "settings": dict(training.settings),
        "loss": dict(training.loss),
        "adapter": [_sha256(path) for _, path in _adapter(training)],
        "seed": training.seed,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def pack(training: Training, order: Order, path: Path) -> None:
    """Write the parcel to `path`, a zip; the same training makes the same bytes.

    Raises:
        TrainingFailed: it is more than Ray's dashboard takes.
    """
    files = [*zip(order.rows, training.rows, strict=True), *_adapter(training)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parcel:
        text = json.dumps(order.to_json(), indent=2, sort_keys=True).encode()
        parcel.writestr(zipfile.ZipInfo(ORDER, _BEGINNING), text)
        for name, source in files:
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with source.open("rb") as given, parcel.open(entry, "w", force_zip64=True) as taken:
                while piece := given.read(_CHUNK):
                    taken.write(piece)
    size = path.stat().st_size
    if size >= LIMIT:
        raise TrainingFailed(
            f"training {order.name} can't be sent to the Ray cluster",
            f"its pairs are {size / 2**20:.0f} MiB zipped, and Ray's dashboard takes less than"
            f" {LIMIT / 2**20:.0f} MiB in one request",
            "use fewer or shorter pairs, or the trl trainer on a machine that holds them",
        )


def _adapter(training: Training) -> Iterator[tuple[str, Path]]:
    if training.adapter:
        for name in ADAPTER_FILES:
            yield f"{ADAPTER}/{name}", training.adapter / name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
