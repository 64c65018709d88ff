"""Real trainings in child processes. Each start costs seconds, so the tests share them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.trainers.contract import (
    Measured,
    Stopped,
    Trained,
    Training,
    TrainingFailed,
    metrics,
    trained,
)
from dpo_ops.trainers.trl import Trl, folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("trl")
import psutil

BENCH = Path(__file__).parents[1] / "bench" / "train_trl.py"
OFTEN = Trl(checkpoint_s=0.0)
SETTINGS = {
    "epochs": 8,
    "learningRate": 5e-3,
    "batchSizeSamples": 4,
    "maxContextLength": 256,
}
STEPS = 48


@pytest.fixture(scope="module", autouse=True)
def _offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@dataclass
class Told:
    """What a call of `train` said and did; `hook` is called after each step."""

    steps: list[Measured] = field(default_factory=list)
    hook: Callable[[Measured], None] = lambda _: None

    def __call__(self, measured: Measured) -> None:
        self.steps.append(measured)
        self.hook(measured)

    @property
    def numbers(self) -> list[int]:
        return [measured.step for measured in self.steps]


@dataclass
class Run:
    training: Training
    told: Told
    result: Trained


@pytest.fixture(scope="module")
def whole(ordered: Callable[..., Training]) -> Run:
    """A training that nothing disturbs."""
    training, told = ordered(settings=SETTINGS), Told()
    return Run(training, told, Trl().train(training, on_step=told))


def _kill_the_child(training: Training) -> TrainingFailed:
    def kill(measured: Measured) -> None:
        if measured.step == 10:
            for child in psutil.Process().children():
                child.kill()

    with pytest.raises(TrainingFailed) as failed:
        OFTEN.train(training, on_step=Told(hook=kill))
    return failed.value


def _saved(training: Training) -> int:
    newest = folder.newest(training.out)
    return folder.steps_of(newest) if newest else 0


def _kill_the_parent(training: Training) -> bool:
    """Start a parent that shows its steps, kill it at the third; return whether a child stays."""
    code = (
        "import json, sys; from dpo_ops.trainers.contract import Training;"
        "from dpo_ops.trainers.trl import Trl;"
        "Trl(checkpoint_s=0.0).train(Training.from_json(json.load(sys.stdin)),"
        " on_step=lambda m: print(m.step, flush=True))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdin
    assert parent.stdout
    with parent:
        parent.stdin.write(json.dumps(training.to_json()).encode())
        parent.stdin.close()
        for _ in range(3):
            assert parent.stdout.readline()
        [child] = psutil.Process(parent.pid).children()
        parent.kill()
        _, alive = psutil.wait_procs([child], timeout=30)
    return bool(alive)


def _twice_at_once(training: Training) -> tuple[tuple[Told, Told], list[Trained]]:
    both, results = (Told(), Told()), []
    started: list[int] = []

    def train(told: Told) -> None:
        results.append(OFTEN.train(training, on_step=told))

    def count(_: Measured) -> None:
        started.append(len(psutil.Process().children()))

    both[0].hook = both[1].hook = count
    threads = [threading.Thread(target=train, args=(told,)) for told in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(started) == 1
    return both, results


def _adapter(result: Trained) -> tuple[bytes, Any]:
    weights = (result.adapter / "adapter_model.safetensors").read_bytes()
    return weights, json.loads((result.adapter / "adapter_config.json").read_bytes())


def test_a_training_is_followed_step_by_step(whole: Run):
    assert whole.told.numbers == list(range(1, STEPS + 1))
    assert whole.told.steps == metrics(whole.training.out)
    last = whole.told.steps[-1]
    assert last.steps == STEPS
    assert last.epoch == 8
    assert last.learning_rate == 5e-3
    assert last.seconds is not None
    assert last.seconds > 0
    assert last.tokens_per_s is not None
    assert last.tokens_per_s > 0


def test_a_training_learns_what_the_pairs_say(whole: Run):
    first, last = whole.told.steps[0], whole.told.steps[-1]
    assert (first.margin, first.accuracy, first.loss) == (0, 0, pytest.approx(math.log(2)))
    assert last.accuracy == 1
    assert last.margin is not None
    assert last.loss is not None
    assert last.margin > 0.25
    assert last.loss < 0.6


def test_what_a_training_leaves(whole: Run):
    out = whole.training.out
    names = {"training.json", "metrics.jsonl", "log.txt", "adapter", "done.json", "lock"}
    assert {path.name for path in out.iterdir()} == names
    assert sorted(path.name for path in (out / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    config = _adapter(whole.result)[1]
    assert config["base_model_name_or_path"] == "random-llama"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert (config["r"], config["lora_alpha"]) == (8, 32)
    assert str(out.parent) not in json.dumps(config)
    assert trained(out) == whole.result == Trained(out / "adapter", STEPS, whole.result.seconds)
    assert whole.result.seconds > 0
    done = json.loads((out / "done.json").read_bytes())
    assert done["weights"] == "random-llama"
    assert done["device"]
    assert set(done["versions"]) == {"torch", "transformers", "trl", "peft", "accelerate"}


def test_a_training_that_is_done_is_not_done_again(whole: Run):
    again = Told()
    assert Trl().train(whole.training, on_step=again) == whole.result
    assert again.steps == []


@pytest.mark.long
def test_the_figures_are_those_of_plain_trl(whole: Run, tmp_path: Path):
    order, figures = tmp_path / "order.json", tmp_path / "figures.json"
    order.write_text(json.dumps(whole.training.to_json()))
    command = [sys.executable, str(BENCH), "--plain", str(order), str(figures)]
    subprocess.run(command, check=True, capture_output=True)
    for ours, theirs in zip(whole.told.steps, json.loads(figures.read_text()), strict=True):
        assert ours.loss == pytest.approx(theirs["loss"], abs=1e-4)
        assert ours.margin == pytest.approx(theirs["rewards/margins"], abs=1e-4)


@pytest.mark.long
def test_interruptions_change_nothing(whole: Run, ordered: Callable[..., Training]):
    # One test, since each part costs the start of a process and goes on where the last one ended.
    training = ordered(settings=SETTINGS)

    failure = str(_kill_the_child(training))
    assert "ended by SIGKILL" in failure
    assert "train again to go on" in failure
    assert str(training.out / "log.txt") in failure
    after_kill = _saved(training)
    assert after_kill > 0

    assert not _kill_the_parent(training)
    # The parent had told of three steps, and the child was not cut off before it saved.
    after_orphan = _saved(training)
    assert after_orphan >= after_kill + 3

    broken = training.out / "checkpoints" / "checkpoint-999"
    broken.mkdir()
    (broken / "trainer_state.json").write_text("{")
    stopped = Told()
    with pytest.raises(Stopped):
        OFTEN.train(training, on_step=stopped, stop=lambda: len(stopped.steps) > 2)
    last = stopped.numbers[-1]
    assert stopped.numbers == list(range(after_orphan + 1, last + 1))
    assert last < STEPS

    both, results = _twice_at_once(training)
    assert [told.numbers for told in both] == [list(range(_first(both), STEPS + 1))] * 2
    assert _first(both) > last
    assert len(results) == 2
    assert results[0] == results[1]

    assert _adapter(results[0]) == _adapter(whole.result)
    ended, plain = metrics(training.out), metrics(whole.training.out)
    assert [_figures(measured) for measured in ended] == [_figures(measured) for measured in plain]


def _first(both: tuple[Told, Told]) -> int:
    return both[0].numbers[0]


def _figures(measured: Measured) -> Measured:
    return replace(measured, seconds=None, tokens_per_s=None)


@pytest.mark.long
def test_orpo_and_dropout_and_tools(ordered: Callable[..., Training], pairs: Path, tmp_path: Path):
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    rows[1]["input"]["tools"] = [{"type": "function", "function": {"name": "look"}}]
    long = {"role": "user", "content": "x" * 300}  # it fills the context
    rows[2]["input"]["messages"] = [long]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    training = ordered(
        rows=(tmp_path / "rows.jsonl",),
        settings={"batchSizeSamples": 6, "learningRate": 1e-2, "loraDropout": 0.1, "epochs": 2},
        loss={"method": "ORPO", "orpo": {"lambda": 0.5}},
    )
    told = Told()
    Trl(pairs_at_once=3).train(training, on_step=told)
    assert told.numbers == list(range(1, 9))  # 23 pairs, twice, 6 at a time
    assert "1 of 24 pairs left out" in (training.out / "log.txt").read_text()
    first, last = told.steps[0], told.steps[-1]
    assert first.loss is not None
    assert last.loss is not None
    assert last.loss < first.loss
    assert all(measured.margin is not None for measured in told.steps)
    assert all(measured.tokens_per_s for measured in told.steps)


@pytest.mark.long
def test_a_warm_start_goes_on_from_the_adapter(whole: Run, ordered: Callable[..., Training]):
    start = whole.result.adapter
    settings = {**SETTINGS, "epochs": 1, "loraDropout": 0.001, "warmStartFrom": "models/b"}
    training = ordered(settings=settings, adapter=start)
    told = Told()
    result = Trl().train(training, on_step=told)
    # Without dropout, which TRL would have turned off, the first margin would be 0; and with the
    # weights alone as the reference, it would be what the adapter has learnt.
    learnt = whole.told.steps[-1].margin
    assert learnt is not None
    assert told.steps[0].margin is not None
    assert 0 < abs(told.steps[0].margin) < learnt / 5
    weights, config = _adapter(result)
    assert weights != _adapter(whole.result)[0]
    assert config["base_model_name_or_path"] == "random-llama"
    from safetensors.numpy import load_file  # noqa: PLC0415

    before = load_file(start / "adapter_model.safetensors")
    after = load_file(result.adapter / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    moved = max(float(abs(after[name] - before[name]).max()) for name in before)
    assert 0 < moved < 0.1  # six steps of at most about the learning rate


@pytest.mark.long
def test_two_processes_train_as_one_does(ordered: Callable[..., Training]):
    training, alone, first, rest = ordered(), Told(), Told(), Told()
    Trl().train(training, on_step=alone)
    together = replace(training, out=training.out.with_name("together"))
    two = Trl(devices=2, checkpoint_s=0.0)
    with pytest.raises(Stopped):
        two.train(together, on_step=first, stop=lambda: bool(first.steps))
    two.train(together, on_step=rest)
    ended = metrics(together.out)
    assert [measured.step for measured in ended] == alone.numbers
    assert rest.numbers[0] > 1
    for one, both in zip(alone.steps, ended, strict=True):
        assert both.loss == pytest.approx(one.loss, abs=1e-5)
        assert both.margin == pytest.approx(one.margin, abs=1e-5)


def test_weights_that_can_not_be_had_are_a_failure_with_a_log(ordered: Callable[..., Training]):
    training = ordered(weights="nobody/no-such-model")
    with pytest.raises(TrainingFailed) as failed:
        Trl().train(training)
    assert failed.value.what == "the weights nobody/no-such-model can't be loaded"
    assert failed.value.why
    assert "Hugging Face id" in failed.value.fix
    assert failed.value.log == training.out / "log.txt"
    assert "Traceback" in (training.out / "log.txt").read_text()
    assert not (training.out / "done.json").exists()


def test_a_training_that_is_stopped_at_once_starts_no_process(ordered: Callable[..., Training]):
    training = ordered()
    before = time.monotonic()
    with pytest.raises(Stopped):
        Trl().train(training, stop=lambda: True)
    assert not (training.out / "log.txt").exists()
    assert time.monotonic() - before < 5


def test_the_calling_process_loads_no_torch(whole: Run):
    code = (
        "import json, sys; from dpo_ops.trainers.contract import Training;"
        "from dpo_ops.trainers.trl import Trl;"
        "assert not Trl().missing();"
        "Trl().train(Training.from_json(json.load(sys.stdin)));"
        "print([n for n in ('torch', 'transformers', 'trl', 'datasets') if n in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(whole.training.to_json()).encode(),
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert said.stdout.decode().strip() == "[]"
