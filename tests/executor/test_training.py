"""Training on one's own compute: what is ordered, what is kept, and what each refusal says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import DpoOpsError, Interrupted, Place, StorageError, TrainingError
from dpo_ops.executor import Outcome, Workshop
from dpo_ops.resource import Address
from dpo_ops.trainers import TrainingFailed, trained
from tests import wanted
from tests.apprentice import Apprentice
from tests.executor.test_run import ROW, dataset
from tests.laws.test_hazards import own
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from dpo_ops.resource import Resource

BEFORE = "accounts/team/models/earlier-0a1b2c3d4e"


def job(folder: Path, **changed: Any) -> Resource:
    """Return a job whose spec lies in `folder`, its recipe changed."""
    made = wanted.own_job(dataset(folder, "prefs", "".join(ROW % n for n in range(3))))
    assert made.recipe
    place = Place(str(folder / "spec.yaml"), 3, 1)
    places = {"trainer": Place(str(folder / "spec.yaml"), 9, 3)}
    return replace(made, place=place, places=places, recipe=replace(made.recipe, **changed))


@dataclass
class Library:
    """Brings adapters, and notes which."""

    brought: list[tuple[str, Path]] = field(default_factory=list)

    def fetch(self, model: str, folder: Path) -> None:
        self.brought.append((model, folder))
        folder.mkdir()


def shop(folder: Path, trainer: Any, library: Library | None = None, **said: Any) -> Workshop:
    fetch = (library or Library()).fetch
    return Workshop(folder / "shop", {"trl": trainer, "ray": trainer}, fetch, **said)


def train(workshop: Workshop, resource: Resource) -> Any:
    return workshop.train(resource, lambda _: None, lambda: False)


def refusal(workshop: Workshop, resource: Resource) -> tuple[str, ...]:
    with pytest.raises(DpoOpsError) as caught:
        train(workshop, resource)
    error = caught.value
    assert isinstance(error, TrainingError | StorageError)
    return error.what, error.where, error.why, error.fix


def test_the_order_says_all_that_decides_the_weights(tmp_path: Path) -> None:
    apprentice, resource = Apprentice(), job(tmp_path, loss={"method": "ORPO"})
    assert resource.recipe
    train(shop(tmp_path, apprentice), resource)
    order, out = apprentice.orders[0], tmp_path / "shop" / resource.id
    assert order.rows == (out / "pairs.jsonl",)
    assert order.rows[0].read_bytes() == (tmp_path / "prefs.jsonl").read_bytes()
    assert (order.weights, order.adapter, order.out) == ("dpo-ops/tiny", None, out)
    assert (order.settings, order.loss) == (resource.recipe.settings, {"method": "ORPO"})
    assert sorted(path.name for path in out.iterdir() if "pairs" in path.name) == ["pairs.jsonl"]


@pytest.mark.parametrize("name", ["beside.gguf", "elsewhere/model"])
def test_weights_are_a_path_where_there_is_one_beside_the_spec(name: str, tmp_path: Path) -> None:
    apprentice = Apprentice()
    (tmp_path / "beside.gguf").touch()
    train(shop(tmp_path, apprentice), job(tmp_path, weights=name))
    path = str(tmp_path.resolve() / name)
    assert apprentice.orders[0].weights == (path if name == "beside.gguf" else name)


def test_weights_of_a_spec_that_lies_nowhere_are_as_they_are_named(tmp_path: Path) -> None:
    apprentice = Apprentice()
    train(shop(tmp_path, apprentice), replace(job(tmp_path, weights="some/model"), place=None))
    assert apprentice.orders[0].weights == "some/model"


def test_a_warm_start_goes_on_from_what_was_trained_here_or_else_is_fetched_once(
    tmp_path: Path,
) -> None:
    apprentice, library = Apprentice(), Library()
    workshop, resource = shop(tmp_path, apprentice, library), job(tmp_path, start=BEFORE)
    start = tmp_path / "shop" / resource.id / "start"
    apprentice.failing = TrainingFailed("no memory")
    for _ in range(2):
        refusal(workshop, resource)
    assert library.brought == [(BEFORE, start)]
    assert [order.adapter for order in apprentice.orders] == [start, start]
    apprentice.failing = None
    here = train(workshop, replace(job(tmp_path), id="earlier-0a1b2c3d4e"))
    train(workshop, resource)
    assert apprentice.orders[-1].adapter == here.adapter
    assert len(library.brought) == 1


def test_pairs_that_a_run_kept_are_trained_on_though_the_file_has_changed_since(
    tmp_path: Path,
) -> None:
    apprentice, resource = Apprentice(failing=TrainingFailed("no memory")), job(tmp_path)
    workshop, pairs = shop(tmp_path, apprentice), tmp_path / "prefs.jsonl"
    refusal(workshop, resource)
    kept = pairs.read_bytes()
    pairs.write_text(ROW % 9)
    apprentice.failing = None
    train(workshop, resource)
    assert apprentice.orders[-1].rows[0].read_bytes() == kept


@pytest.mark.parametrize("kept", [None, "half"])
def test_pairs_that_are_not_those_of_the_plan_are_not_trained_on(
    kept: str | None, tmp_path: Path
) -> None:
    apprentice, resource = Apprentice(), job(tmp_path)
    out = tmp_path / "shop" / resource.id
    if kept:
        out.mkdir(parents=True)
        (out / "pairs.jsonl").write_text(kept)
    (tmp_path / "prefs.jsonl").write_text(ROW % 9)
    assert refusal(shop(tmp_path, apprentice), resource) == (
        "the file is not the one that was planned",
        str(tmp_path / "prefs.jsonl"),
        "its bytes changed since the plan was made",
        "plan and apply again",
    )
    assert apprentice.orders == []
    assert [path.name for path in out.iterdir()] == (["pairs.jsonl"] if kept else [])


def test_who_can_not_train_says_why_and_what_to_do(tmp_path: Path) -> None:
    resource, where = job(tmp_path), f"{tmp_path}/spec.yaml:9:3"
    nobody = Workshop(tmp_path / "shop", {}, Library().fetch)
    assert refusal(nobody, resource) == ("there is no trainer 'trl' here", where, "", "")
    assert refusal(shop(tmp_path, Apprentice(lacking="pip install it")), resource) == (
        "the trl trainer is not installed",
        where,
        "it needs packages that the base installation leaves out",
        "pip install it",
    )


@pytest.mark.parametrize(
    ("failed", "why"),
    [
        (TrainingFailed("no memory", "8 GiB are too few", "take less"), "8 GiB are too few"),
        (TrainingFailed("no memory", "", "take less"), ""),
        (TrainingFailed("no memory", "too big", "take less", "a.log"), "too big; its log is a.log"),
    ],
)
def test_a_training_that_fails_says_what_the_trainer_said(
    failed: TrainingFailed, why: str, tmp_path: Path
) -> None:
    said = refusal(shop(tmp_path, Apprentice(failing=failed)), job(tmp_path))
    assert said == ("no memory", f"{tmp_path}/spec.yaml:9:3", why, "take less")


def test_an_adapter_that_was_removed_meanwhile_is_not_sent(tmp_path: Path) -> None:
    resource, workshop = job(tmp_path), shop(tmp_path, Apprentice())
    for ask in (workshop.description, workshop.files):
        with pytest.raises(TrainingError) as caught:
            ask(resource)
        error = caught.value
        assert (error.what, error.where, error.why, error.fix) == (
            "its adapter is not there any more",
            str(tmp_path / "shop" / resource.id),
            "the folder was removed while this ran",
            "apply again",
        )


@dataclass
class Together:
    """Trains only when two are at it at the same time; else it says that one is alone."""

    barrier: threading.Barrier
    apprentice: Apprentice = field(default_factory=Apprentice)

    def missing(self) -> str:
        return ""

    def train(self, training: Any, **said: Any) -> Any:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise TrainingFailed("alone") from None
        return self.apprentice.train(training, **said)


@pytest.mark.parametrize(("trainer", "alone"), [("trl", True), ("ray", False)])
def test_what_shares_this_machine_trains_one_at_a_time_and_a_cluster_many(
    trainer: str, alone: bool, tmp_path: Path
) -> None:
    together = Together(threading.Barrier(2, timeout=0.3 if alone else 20))
    workshop, first = shop(tmp_path, together), job(tmp_path, trainer=trainer)
    ended: list[str] = []

    def one(resource: Resource) -> None:
        try:
            train(workshop, resource)
        except TrainingError as error:
            ended.append(error.what)
        else:
            ended.append("trained")

    threads = [
        threading.Thread(target=one, args=(resource,))
        for resource in (first, replace(first, id="other-0123456789"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == (["alone"] * 2 if alone else ["trained"] * 2)


def test_who_waits_for_the_machine_hears_the_stop(tmp_path: Path) -> None:
    workshop = shop(tmp_path, Apprentice())
    with workshop.turn, pytest.raises(Interrupted) as caught:
        workshop.train(job(tmp_path), lambda _: None, lambda: True)
    assert (caught.value.what, caught.value.fix) == (
        "stopped in mid-training",
        "run the same command again",
    )
    assert workshop.turn.acquire(blocking=False)


def test_a_stop_in_mid_training_leaves_it_for_the_next_run(tmp_path: Path) -> None:
    desired, apprentice = own(tmp_path), Apprentice(steps=4)
    model = desired[Address("DPOJob", "tune")].id
    with Rehearsal(apprentice=apprentice) as rehearsal:
        report = rehearsal.apply(desired, stop=lambda: bool(apprentice.orders))
        left = {end.address.kind: (end.outcome, end.message) for end in report.ended}
        assert left["DPOJob"] == (
            Outcome.RUNNING,
            "is trained on by the next run, from where it is",
        )
        assert left["Deployment"] == (Outcome.NOT_STARTED, "its turn did not come")
        assert not trained(rehearsal.shop / model)
        assert rehearsal.writes() == []
        assert rehearsal.apply(desired).exit_code == 0
        assert len(apprentice.orders) == 2


def test_pairs_are_read_only_where_none_are_kept(tmp_path: Path) -> None:
    workshop, resource = shop(tmp_path, Apprentice()), job(tmp_path)
    assert resource.recipe
    pairs = resource.recipe.pairs
    assert workshop.to_read(resource) == pairs
    kept = workshop.folder / resource.id / "pairs.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(Path(pairs.path).read_bytes() + b"\n")
    assert workshop.to_read(resource) == pairs
    kept.write_bytes(Path(pairs.path).read_bytes())
    assert workshop.to_read(resource) is None
    workshop.train(resource, lambda _: None, lambda: False)
    kept.unlink()
    assert workshop.to_read(resource) is None
