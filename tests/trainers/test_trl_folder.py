from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.trainers.contract import Measured, Training, TrainingFailed, metrics
from dpo_ops.trainers.trl import Trl, folder, rows
from dpo_ops.trainers.trl.adapter import called
from dpo_ops.trainers.trl.failure import told
from dpo_ops.trainers.trl.follow import Follower
from dpo_ops.trainers.weights import TINY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def training(tmp_path: Path) -> Training:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    out = tmp_path / "out"
    out.mkdir()
    return Training((tmp_path / "rows.jsonl",), "a/model", {"epochs": 1}, {"method": "DPO"}, out)


def claim(training: Training) -> dict[str, Any]:
    order = folder.whole(training)
    folder.hold(order, training.out)
    folder.write_json(training.out / "training.json", order)
    return order


def test_an_order_is_read_back_as_it_was_given(training: Training):
    order = claim(training)
    assert Training.from_json(order) == training


def test_the_same_order_is_taken_up_again_wherever_its_rows_are(training: Training, tmp_path: Path):
    claim(training)
    (tmp_path / "moved.jsonl").write_bytes(training.rows[0].read_bytes())
    claim(replace(training, rows=(tmp_path / "moved.jsonl",)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights": "another/model"}, "weights"),
        ({"settings": {"epochs": 2}}, "settings"),
        ({"loss": {"method": "ORPO"}}, "loss"),
        ({"seed": 7}, "seed"),
    ],
)
def test_a_folder_with_another_order_is_refused(
    training: Training, changes: dict[str, Any], named: str
):
    claim(training)
    with pytest.raises(TrainingFailed, match=f"another training is in it, with other {named}"):
        Trl().train(replace(training, **changes))


def test_a_folder_with_other_rows_is_refused(training: Training):
    claim(training)
    training.rows[0].write_text('{"changed": 1}\n')
    with pytest.raises(TrainingFailed, match="with other rows or adapter"):
        Trl().train(training)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"loraRank": 0}}, "trainingConfig.loraRank can't be set"),
        ({"settings": {"warmStartFrom": "a/b"}}, "adapter's files were not given along"),
        ({"weights": "./nowhere"}, "there are no weights at ./nowhere"),
        ({"weights": "nowhere/model.gguf"}, "there are no weights at nowhere/model.gguf"),
    ],
)
def test_what_can_not_be_trained_is_refused_before_anything_is_started(
    training: Training, changes: dict[str, Any], said: str
):
    with pytest.raises(TrainingFailed, match=said):
        Trl().train(replace(training, **changes))
    assert list(training.out.iterdir()) == []


def test_devices_that_can_not_share_a_step_are_refused(training: Training):
    pytest.importorskip("trl")
    with pytest.raises(TrainingFailed, match="use 2 devices, or another batchSizeSamples"):
        Trl(devices=3).train(training)


def line(step: int) -> bytes:
    return json.dumps(Measured(step, 9, loss=0.5).to_row()).encode() + b"\n"


def checkpoint(out: Path, steps: int, *, complete: bool) -> Path:
    path = out / "checkpoints" / f"checkpoint-{steps}"
    path.mkdir(parents=True)
    (path / "optimizer.pt").write_bytes(b"state")
    if complete:
        folder.write_json(path / folder.COMPLETE, {"steps": steps, "seconds": 1.0})
    return path


def test_a_half_written_checkpoint_is_removed_and_the_newest_whole_one_taken(tmp_path: Path):
    checkpoint(tmp_path, 4, complete=True)
    kept = checkpoint(tmp_path, 10, complete=True)
    broken = checkpoint(tmp_path, 12, complete=False)
    assert folder.prepare(tmp_path) == 10
    assert folder.newest(tmp_path) == kept
    assert not broken.exists()


def test_steps_after_the_checkpoint_are_cut_off(tmp_path: Path):
    checkpoint(tmp_path, 2, complete=True)
    (tmp_path / "metrics.jsonl").write_bytes(line(1) + line(2) + line(3) + line(4)[:20])
    assert folder.prepare(tmp_path) == 2
    assert [measured.step for measured in metrics(tmp_path)] == [1, 2]
    assert (tmp_path / "metrics.jsonl").read_bytes() == line(1) + line(2)


def test_without_a_checkpoint_all_steps_are_cut_off(tmp_path: Path):
    (tmp_path / "metrics.jsonl").write_bytes(line(1))
    assert folder.prepare(tmp_path) == 0
    assert metrics(tmp_path) == []


def test_one_at_a_time_in_a_folder(tmp_path: Path):
    order: list[str] = []
    inside, waited = threading.Event(), threading.Event()

    def first() -> None:
        with folder.locked(tmp_path, lambda: None):
            inside.set()
            assert waited.wait(10)
            order.append("first is done")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with folder.locked(tmp_path, waited.set):
        order.append("second is in")
    thread.join()
    assert order == ["first is done", "second is in"]


def test_a_follower_tells_of_each_new_step_once(tmp_path: Path):
    heard: list[int] = []
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(line(1) + line(2))
    follower = Follower(tmp_path, lambda measured: heard.append(measured.step))
    follower.look()
    assert heard == []
    with path.open("ab") as file:
        file.write(line(3) + line(4)[:10])
    follower.look()
    assert heard == [3]
    # Another process goes on from a checkpoint after step 1, and measures step 2 again.
    (tmp_path / "cut").write_bytes(line(1) + line(2) + line(3) + line(4))
    (tmp_path / "cut").replace(path)
    follower.look()
    follower.look()
    assert heard == [3, 4]


def test_a_follower_tells_of_what_this_run_repeats(tmp_path: Path):
    heard: list[int] = []
    (tmp_path / "metrics.jsonl").write_bytes(line(1) + line(2) + line(3))
    follower = Follower(tmp_path, lambda measured: heard.append(measured.step))
    checkpoint(tmp_path, 1, complete=True)
    follower.restart(folder.prepare(tmp_path))
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(line(2) + line(3))
    follower.look()
    assert heard == [2, 3]


def test_an_adapter_does_not_say_where_it_was_trained(tmp_path: Path):
    (tmp_path / "llama").mkdir()
    assert called(str(tmp_path / "llama")) == "llama"
    assert called(str(tmp_path / "small.gguf")) == "small.gguf"
    assert called("meta/llama") == "meta/llama"
    assert called(TINY) == TINY


def test_memory_that_runs_out_is_said_in_plain_words():
    for error in (
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ):
        said = told(error)
        assert said["what"] == "the training ran out of memory"
        assert "batchSizeSamples" in said["fix"]
        assert "maxContextLength" in said["fix"]
    assert told(ValueError("\n no\n yes"))["why"] == "ValueError: no"


def row(**changes: Any) -> str:
    plain = {
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "preferred_output": [{"role": "assistant", "content": "yes"}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }
    return json.dumps(plain | changes) + "\n"


def test_rows_are_conversations(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(row() + "\n")
    parts = [{"type": "text", "text": "Good "}, {"type": "text", "text": "day"}]
    tools = [{"type": "function", "function": {"name": "look"}}]
    said = {"messages": [{"role": "user", "content": parts, "name": "Ann"}], "tools": tools}
    assert rows.read([tmp_path / "a.jsonl"]) == [
        {
            "prompt": [{"role": "user", "content": "Hi"}],
            "chosen": [{"role": "assistant", "content": "yes"}],
            "rejected": [{"role": "assistant", "content": "no"}],
        }
    ]
    (tmp_path / "b.jsonl").write_text(row(input=said))
    plain, with_tools = rows.read([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert plain["tools"] is None
    assert json.loads(with_tools["tools"]) == tools
    assert with_tools["prompt"] == [{"role": "user", "content": "Good day", "name": "Ann"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the files have no rows"),
        ("{}\n", "line 1 of rows.jsonl can't be trained on; no 'input' in it"),
        (row() + "[1\n", "line 2 of rows.jsonl"),
        (row(preferred_output=[{"role": "assistant", "content": [{"type": "image"}]}]), "not text"),
        (
            row(preferred_output=[{"role": "assistant", "content": "", "tool_calls": []}]),
            "left out",
        ),
    ],
)
def test_rows_that_can_not_be_passed_on_whole_are_refused(tmp_path: Path, text: str, why: str):
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(TrainingFailed, match=why):
        rows.read([tmp_path / "rows.jsonl"])
