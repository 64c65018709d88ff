"""What the ray trainer does before and after a cluster is there."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dpo_ops.trainers import Measured, Stopped, Training, TrainingFailed
from dpo_ops.trainers.ray import Ray, folder, marks, parcel
from dpo_ops.trainers.ray.cluster import Unreachable
from dpo_ops.trainers.ray.node import unpack
from dpo_ops.trainers.ray.pace import Pace
from dpo_ops.trainers.ray.parcel import Order
from dpo_ops.trainers.ray.settings import STORAGE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def training(tmp_path: Path) -> Training:
    rows = tmp_path / "given" / "pairs.jsonl"
    adapter = tmp_path / "given" / "before"
    adapter.mkdir(parents=True)
    rows.write_text('{"input": {}}\n')
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter / name).write_text(name)
    return Training(
        rows=(rows,),
        weights="dpo-ops/tiny",
        settings={"epochs": 1},
        loss={"method": "DPO"},
        out=tmp_path / "tune-0123456789",
        adapter=adapter,
    )


def test_nothing_heavy_is_imported_with_it() -> None:
    said = "import sys, dpo_ops.trainers.ray as r; r.Ray().missing(); "
    said += "print({'ray', 'torch', 'trl', 'requests'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_to_install_is_said(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where Ray is installed there is no way to be without it but this one.
    monkeypatch.setattr("dpo_ops.trainers.ray.trainer.find_spec", lambda _: None)
    assert Ray().missing() == "pip install 'dpo-ops[ray]'"
    with pytest.raises(TrainingFailed) as failed:
        Ray().train(training)
    assert failed.value.why == "Ray is not installed"
    assert failed.value.fix == "pip install 'dpo-ops[ray]'"


def test_a_training_that_is_done_needs_no_cluster(training: Training) -> None:
    folder.claim(training)
    (training.out / "done.json").write_text('{"steps": 3, "seconds": 1.5}')
    done = Ray(Settings(address=NOWHERE)).train(training)
    assert (done.adapter, done.steps, done.seconds) == (training.out / "adapter", 3, 1.5)


@pytest.mark.parametrize("address", [NOWHERE, "nonsense://cluster"])
def test_a_cluster_that_is_not_there_is_named(
    training: Training, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(TrainingFailed) as failed:
        Ray().train(training)
    assert failed.value.what == f"the Ray cluster {address} can't be reached"
    assert "RAY_ADDRESS" in failed.value.fix


def test_a_setting_that_can_not_be_obeyed_never_reaches_a_cluster(training: Training) -> None:
    pytest.importorskip("ray")
    odd = replace(training, settings={"learningSpeed": 1})
    with pytest.raises(TrainingFailed, match=r"trainingConfig\.learningSpeed"):
        Ray(Settings(address=NOWHERE)).train(odd)


def test_a_folder_with_another_training_is_refused(training: Training) -> None:
    folder.claim(training)
    folder.claim(training)
    with pytest.raises(TrainingFailed, match="another training is in it"):
        folder.claim(replace(training, seed=7))


def test_settings_come_from_the_environment() -> None:
    said = {
        "RAY_ADDRESS": "http://head:8265",
        "DPO_OPS_RAY_GPUS": "0.5",
        "DPO_OPS_RAY_CPUS": "4",
        "DPO_OPS_RAY_RUNTIME_ENV": '{"env_vars": {"HF_TOKEN": "hf_secret"}}',
        "DPO_OPS_RAY_STORAGE": "/mnt/trainings",
        "RAY_JOB_HEADERS": '{"Authorization": "Bearer secret"}',
    }
    settings = Settings.read(said)
    assert (settings.address, settings.gpus, settings.cpus) == ("http://head:8265", 0.5, 4.0)
    assert settings.storage == "/mnt/trainings"
    assert settings.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(settings)
    assert Settings.read({}) == Settings(None, None, None, {}, STORAGE, {})
    assert Settings.read({**said, "RAY_API_SERVER_ADDRESS": "http://api"}).address == "http://api"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DPO_OPS_RAY_GPUS", "many"),
        ("DPO_OPS_RAY_GPUS", "-1"),
        ("DPO_OPS_RAY_CPUS", "inf"),
        ("DPO_OPS_RAY_RUNTIME_ENV", "{secret"),
        ("DPO_OPS_RAY_RUNTIME_ENV", '["secret"]'),
        ("DPO_OPS_RAY_RUNTIME_ENV", '{"working_dir": "secret"}'),
        ("RAY_JOB_HEADERS", "Bearer secret"),
    ],
)
def test_a_setting_that_can_not_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(TrainingFailed, match=f"^{name} can't be used") as failed:
        Settings.read({name: value})
    assert "secret" not in str(failed.value)


def test_a_log_is_read_as_far_as_it_goes() -> None:
    def line(word: str, step: int, loss: float) -> str:
        return marks.mark(word, Measured(step, 3, loss=loss).to_row())

    failed = marks.mark(marks.FAILED, {"what": "w", "why": "y", "fix": "f"})
    lines = ["INFO starting", line(marks.PAST, 1, 0.7), line(marks.PAST, 2, 0.6), ""]
    lines += [line(marks.STEP, 2, 0.5), "dpo-ops step {half", "a note", failed]
    told = marks.read("\n".join([*lines, line(marks.STEP, 3, 0.4)[:-3]]))
    assert told.steps == (Measured(1, 3, loss=0.7), Measured(2, 3, loss=0.5))
    assert told.past == {1}
    assert told.failed == TrainingFailed("w", "y", "f")
    assert told.tail == "INFO starting\ndpo-ops step {half\na note"


def test_a_parcel_is_the_same_wherever_the_files_lie(training: Training, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "others.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(training.rows[0].read_bytes())
    other = replace(training, rows=(moved,), out=tmp_path / "far" / training.out.name)
    packed = []
    for number, one in enumerate((training, other)):
        parcel.pack(one, Order.of(one, "~/kept"), tmp_path / f"{number}.zip")
        packed.append((tmp_path / f"{number}.zip").read_bytes())
    assert packed[0] == packed[1]
    assert parcel.digest(training) == parcel.digest(other)
    moved.write_text('{"input": {}}\n\n')
    assert parcel.digest(training) != parcel.digest(other)
    assert parcel.digest(training) != parcel.digest(replace(training, seed=7))
    assert parcel.digest(training) != parcel.digest(replace(training, adapter=None))


def test_a_node_finds_what_was_sent(training: Training, tmp_path: Path) -> None:
    parcel.pack(training, Order.of(training, str(tmp_path / "kept")), tmp_path / "parcel.zip")
    sent = tmp_path / "sent"
    with zipfile.ZipFile(tmp_path / "parcel.zip") as packed:
        packed.extractall(sent)
    order = Order.from_json(json.loads((sent / "order.json").read_bytes()))
    there = unpack(order, sent)
    assert there.out == tmp_path / "kept" / "tune-0123456789"
    assert there.rows[0].read_bytes() == training.rows[0].read_bytes()
    assert there.adapter
    assert (there.adapter / "adapter_config.json").read_text() == "adapter_config.json"
    kept = (training.weights, training.settings, training.loss, training.seed)
    assert (there.weights, there.settings, there.loss, there.seed) == kept
    assert unpack(order, sent) == there


def test_what_ray_would_not_take_is_refused(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcel, "LIMIT", 200)
    with pytest.raises(TrainingFailed, match="in one request") as failed:
        parcel.pack(training, Order.of(training, "~"), tmp_path / "parcel.zip")
    assert failed.value.what == "training tune-0123456789 can't be sent to the Ray cluster"


def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "adapter.bin"
    folder.write(path, [b"old"])

    def broken() -> object:
        yield b"new"
        raise folder.Damaged("cut short")

    with pytest.raises(folder.Damaged):
        folder.write(path, broken())  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["adapter.bin"]


class Busy:
    """A cluster whose head node ends every stream before it has begun."""

    def head(self) -> str:
        return "head"

    def file(self, node: str, path: str) -> Iterator[bytes]:
        assert (node, path.rpartition("/")[2]) == ("head", "kept.json")
        return iter(())


def test_a_listing_that_is_empty_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        folder.fetch(Busy(), "dpo-ops-one", tmp_path)  # type: ignore[arg-type]


def test_a_wait_is_left_when_it_is_to_stop() -> None:
    asked = iter([False, True])
    with pytest.raises(Stopped):
        Pace(1000.0, lambda: next(asked)).wait(1000.0)
