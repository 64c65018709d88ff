"""Training on one's own compute, before anything is written to the account.

Each training has a folder named by the model's id, which content decides. So a run that was
stopped or killed is taken up again by the next one, and what is trained is not trained again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.client.stream import Promised
from dpo_ops.errors import Interrupted, StorageError, TrainingError
from dpo_ops.executor.waits import SLICE_S
from dpo_ops.resource import last_segment
from dpo_ops.trainers import Stopped, Training, TrainingFailed, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dpo_ops.resource import Content, Json, Recipe, Resource
    from dpo_ops.trainers import Measured, Trained, Trainer

PAIRS = "pairs.jsonl"
START = "start"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where and by whom models are trained: a folder for each under `folder`.

    `trainers` are found by the name that specs give them. `fetch` brings the adapter of a model
    of the account, by its full name, into a folder. `prepare` makes a folder to work in. Those in
    `alone` train one model at a time: they share this machine.
    """

    folder: Path
    trainers: Mapping[str, Trainer]
    fetch: Callable[[str, Path], None]
    prepare: Callable[[Path], None] = lambda folder: folder.mkdir(parents=True, exist_ok=True)
    alone: frozenset[str] = frozenset({"trl"})
    turn: threading.Lock = field(default_factory=threading.Lock)

    def train(
        self,
        resource: Resource,
        on_step: Callable[[Measured], None],
        stop: Callable[[], bool],
    ) -> Trained:
        """Return the adapter of `resource`, trained now or found to be there already.

        Raises:
            Interrupted: `stop()` turned true; the next run goes on from there.
            TrainingError: it can't be trained.
            StorageError: the pairs are not those of the plan.
        """
        recipe, out = _recipe(resource), self.folder / resource.id
        if done := trained(out):
            return done
        trainer = self._trainer(resource, recipe)
        self.prepare(out)
        order = Training(
            rows=(_kept(recipe.pairs, out / PAIRS),),
            weights=_weights(recipe, resource),
            settings=recipe.settings,
            loss=recipe.loss,
            out=out,
            adapter=self._start(recipe, out),
        )
        try:
            with _taken(self.turn, stop) if recipe.trainer in self.alone else nullcontext():
                return trainer.train(order, on_step=on_step, stop=stop)
        except Stopped as stopped:
            raise Interrupted("stopped in mid-training", fix="run the same command again") from (
                stopped
            )
        except TrainingFailed as failed:
            why = "; ".join(part for part in (failed.why, _log(failed)) if part)
            raise TrainingError(
                failed.what, where=_where(resource), why=why, fix=failed.fix
            ) from failed

    def to_read(self, resource: Resource) -> Content | None:
        """Return the pairs that `train` would read; None where it has kept all that it needs."""
        recipe, out = _recipe(resource), self.folder / resource.id
        kept = out / PAIRS
        if trained(out) or (kept.exists() and _digest(kept) == recipe.pairs.digest):
            return None
        return recipe.pairs

    def description(self, resource: Resource) -> Mapping[str, Json]:
        """Return what the adapter says of itself: its `adapter_config.json`."""
        said: Mapping[str, Json] = json.loads(self._adapter(resource)[0].read_bytes())
        return said

    def files(self, resource: Resource) -> list[Promised]:
        """Return the adapter's files as they are to be sent."""
        return [
            Promised(path, path.stat().st_size, _digest(path)) for path in self._adapter(resource)
        ]

    def _adapter(self, resource: Resource) -> tuple[Path, ...]:
        done = trained(self.folder / resource.id)
        if done is None:
            raise TrainingError(
                "its adapter is not there any more",
                where=str(self.folder / resource.id),
                why="the folder was removed while this ran",
                fix="apply again",
            )
        return done.files

    def _trainer(self, resource: Resource, recipe: Recipe) -> Trainer:
        trainer = self.trainers.get(recipe.trainer)
        if trainer is None:
            raise TrainingError(
                f"there is no trainer {recipe.trainer!r} here", where=_where(resource)
            )
        if command := trainer.missing():
            raise TrainingError(
                f"the {recipe.trainer} trainer is not installed",
                where=_where(resource),
                why="it needs packages that the base installation leaves out",
                fix=command,
            )
        return trainer

    def _start(self, recipe: Recipe, out: Path) -> Path | None:
        """Return the adapter to go on from: trained here before, or fetched from the account."""
        if not recipe.start:
            return None
        if done := trained(self.folder / last_segment(recipe.start)):
            return done.adapter
        folder = out / START
        if not folder.exists():
            self.fetch(recipe.start, folder)
        return folder


def _recipe(resource: Resource) -> Recipe:
    if resource.recipe is None:
        raise AssertionError(f"{resource.address} is not made here")
    return resource.recipe


def _where(resource: Resource) -> str:
    return str(resource.where("trainer"))


def _log(failed: TrainingFailed) -> str:
    return f"its log is {failed.log}" if failed.log else ""


def _weights(recipe: Recipe, resource: Resource) -> str:
    """Return the weights as a path where there is one beside the spec, else as they are named."""
    folder = Path(resource.place.file).parent if resource.place else Path()
    path = folder / Path(recipe.weights).expanduser()
    return str(path.resolve()) if path.exists() else recipe.weights


@contextmanager
def _taken(lock: threading.Lock, stop: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock, waited for in slices, so that a signal is heard while another trains."""
    while not lock.acquire(timeout=SLICE_S):
        if stop():
            raise Stopped
    try:
        yield
    finally:
        lock.release()


def _kept(pairs: Content, target: Path) -> Path:
    """Keep the pairs beside what is trained on them, so that a later run trains on the same.

    Raises:
        StorageError: their bytes are not those that the plan was made from.
    """
    if target.exists() and _digest(target) == pairs.digest:
        return target
    half = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        shutil.copyfile(pairs.path, half)
        if _digest(half) != pairs.digest:
            raise StorageError(
                "the file is not the one that was planned",
                where=pairs.path,
                why="its bytes changed since the plan was made",
                fix="plan and apply again",
            )
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return target


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
