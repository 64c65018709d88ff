"""What a job runs: `python -m dpo_ops.trainers.ray.node ORDER.json JOB`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.trainers.contract import (
    ADAPTER,
    DONE,
    LOG,
    METRICS,
    Training,
    TrainingFailed,
    metrics,
)
from dpo_ops.trainers.ray import marks
from dpo_ops.trainers.ray.folder import write
from dpo_ops.trainers.ray.keep import Head
from dpo_ops.trainers.ray.parcel import Order
from dpo_ops.trainers.trl import Trl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.trainers.contract import Measured

GIVEN: Final = "given"
"""The folder, inside the training's own, with what the parcel brought."""

_TAIL: Final = 40
_CHUNK: Final = 1 << 20


def main(argv: list[str]) -> int:
    """Train what the order says, tell of it line by line, and leave the result on the head.

    `argv` is the path of `order.json`, with the rest of the parcel beside it, and the job's name.
    """
    path, job = Path(argv[0]).resolve(), argv[1]
    order = Order.from_json(json.loads(path.read_bytes()))
    training = unpack(order, path.parent)
    # The parcel's folder is Ray's, which may replace it; libraries fail where theirs is gone.
    os.chdir(training.out)
    try:
        _train(training, job)
    except TrainingFailed as error:
        if error.log and error.log.exists():
            lines = error.log.read_text("utf-8", "replace").splitlines()
            _say("\n".join(lines[-_TAIL:]))
        said = {"what": error.what, "why": error.why, "fix": error.fix}
        _say(marks.mark(marks.FAILED, said))
        return 1
    return 0


def unpack(order: Order, parcel: Path) -> Training:
    """Return the training on this node, with what the parcel brought laid down beside it.

    The parcel's own folder goes with the job. The training's stays, so that a later attempt
    finds the same files under the same names and goes on from the checkpoint.
    """
    out = Path(order.storage).expanduser() / order.name
    given = out / GIVEN
    given.mkdir(parents=True, exist_ok=True)
    for name in order.rows:
        write(given / name, _pieces(parcel / name))
    if order.adapter:
        (given / order.adapter).mkdir(exist_ok=True)
        for file in sorted((parcel / order.adapter).iterdir()):
            write(given / order.adapter / file.name, _pieces(file))
    return Training(
        rows=tuple(given / name for name in order.rows),
        weights=order.weights,
        settings=order.settings,
        loss=order.loss,
        out=out,
        adapter=given / order.adapter if order.adapter else None,
        seed=order.seed,
    )


def _train(training: Training, job: str) -> None:
    trainer = Trl()
    if missing := trainer.missing():
        raise TrainingFailed(
            "the node of the Ray cluster can't train",
            "TRL is not installed there",
            f"put it into the cluster's image: {missing}; or name it in DPO_OPS_RAY_RUNTIME_ENV",
        )
    weights = Path(training.weights)
    if weights.is_absolute() and not weights.exists():
        raise TrainingFailed(
            f"the weights {weights} are not on the node of the Ray cluster",
            "weights are named, never sent",
            "put them there on every node, or name a Hugging Face id",
        )
    head = Head(job)
    for measured in metrics(training.out):
        _say(marks.mark(marks.PAST, measured.to_row()))
    trainer.train(training, on_step=_tell)
    head.keep(training.out, _results(training.out))


def _results(out: Path) -> Iterator[str]:
    """Yield the files that a training leaves, without its order and its checkpoints."""
    for path in sorted((out / ADAPTER).rglob("*")):
        if path.is_file():
            yield path.relative_to(out).as_posix()
    for name in (METRICS, LOG, DONE):
        if (out / name).exists():
            yield name


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _tell(measured: Measured) -> None:
    _say(marks.mark(marks.STEP, measured.to_row()))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
