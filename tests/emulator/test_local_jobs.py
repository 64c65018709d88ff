"""Threads that wait for a trainer: what it is given, and what becomes of each end."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dpo_ops.emulator.engine import Progress, TrainingOrder
from dpo_ops.emulator.local import jobs
from dpo_ops.emulator.local.jobs import Jobs
from dpo_ops.trainers import Stopped, Trained, Training, TrainingFailed
from dpo_ops.trainers.contract import ADAPTER_FILES, METRICS

PATIENCE = 30.0


class Patient:
    """Keeps the contract of a trainer, and trains when it is told to."""

    def __init__(self) -> None:
        self.given: list[Training] = []
        self.started = threading.Semaphore(0)
        self.end: Callable[[], None] | None = None
        self.go = threading.Event()

    def missing(self) -> str:
        return ""

    def train(self, training: Training, *, on_step: Any = None, stop: Any = None) -> Trained:
        del on_step
        self.given.append(training)
        self.started.release()
        while not self.go.wait(0.005):
            if stop():
                raise Stopped
        if self.end is not None:
            self.end()
        adapter = training.out / "adapter"
        adapter.mkdir(parents=True, exist_ok=True)
        for name in ADAPTER_FILES:
            (adapter / name).write_text(name, encoding="utf-8")
        return Trained(adapter, 1, 0.1)


@pytest.fixture
def trainer():
    return Patient()


@pytest.fixture
def runs(trainer: Patient):
    made = Jobs(trainer, "some/weights")
    yield made
    made.close()


@pytest.fixture
def order(tmp_path: Path):
    rows = tmp_path / "blob"
    rows.write_bytes(b"{}\n")
    out = tmp_path / "adapter-job"
    out.mkdir()
    return order_of(rows, out)


def order_of(rows: Path, out: Path, **fields: Any) -> TrainingOrder:
    usual = {"settings": {"loraRank": 8}, "loss": {"method": "DPO"}, "adapter": None}
    return TrainingOrder(
        job="accounts/a/dpoJobs/job", base_model="b", rows=[rows], out=out, **{**usual, **fields}
    )


def ended(runs: Jobs, order: TrainingOrder) -> Progress:
    run = runs._runs[order.job]
    run.thread.join(PATIENCE)
    assert not run.thread.is_alive()
    return runs.progress(order)


def test_a_job_is_begun_once_and_its_files_arrive(runs: Jobs, trainer: Patient, order: Any):
    (order.out / "STAND-IN.txt").write_text("nothing was trained", encoding="utf-8")
    runs.begin(order)
    runs.begin(order)
    assert runs.progress(order) == Progress("running")
    trainer.go.set()
    assert ended(runs, order) == Progress("done")
    assert sorted(path.name for path in order.out.iterdir()) == sorted(ADAPTER_FILES)
    (given,) = trainer.given
    assert given.rows == tuple(order.rows)
    assert (given.weights, given.adapter) == ("some/weights", None)
    assert given.out == order.out.parent / "training-job"


def test_a_job_of_an_earlier_process_goes_on(runs: Jobs, trainer: Patient, order: Any):
    assert runs.progress(order) == Progress("running")
    assert trainer.started.acquire(timeout=PATIENCE)
    trainer.go.set()
    assert ended(runs, order) == Progress("done")
    # And one that it finished is not begun again.
    assert Jobs(trainer, "some/weights").progress(order) == Progress("done")
    assert len(trainer.given) == 1


def test_a_cancelled_job_can_be_ordered_again(runs: Jobs, trainer: Patient, order: Any):
    runs.cancel(order.job)
    runs.begin(order)
    first = runs._runs[order.job]
    assert trainer.started.acquire(timeout=PATIENCE)
    runs.cancel(order.job)
    runs.begin(order)
    first.thread.join(PATIENCE)
    assert first.over is None
    trainer.go.set()
    assert ended(runs, order) == Progress("done")
    assert len(trainer.given) == 2


def test_all_ends_with_the_emulator(runs: Jobs, trainer: Patient, order: Any):
    runs.begin(order)
    assert trainer.started.acquire(timeout=PATIENCE)
    runs.close()
    assert not runs._runs[order.job].alive
    assert runs.progress(order) == Progress("running")
    assert len(trainer.given) == 1
    assert list(order.out.iterdir()) == []


def test_a_failure_is_told_and_a_failed_job_can_be_ordered_again(
    runs: Jobs, trainer: Patient, order: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def fail(error: Exception) -> Callable[[], None]:
        def end() -> None:
            raise error

        return end

    trainer.go.set()
    ends = [
        (TrainingFailed("no such thing", "it is not known"), "INVALID_ARGUMENT", "no such thing"),
        (TrainingFailed("it ended", log=tmp_path / "log.txt"), "INTERNAL", "see "),
        (KeyError("oops"), "INTERNAL", "the trainer failed: KeyError('oops')"),
    ]
    for error, code, words in ends:
        trainer.end = fail(error)
        runs.begin(order)
        progress = ended(runs, order)
        assert (progress.state, progress.code) == ("failed", code)
        assert words in progress.message
        assert runs.progress(order) == progress
    assert "KeyError" in capsys.readouterr().err
    trainer.end = None
    runs.begin(order)
    assert ended(runs, order) == Progress("done")


def test_rows_that_are_not_here(runs: Jobs, order: Any):
    nowhere = TrainingOrder(order.job, "b", None, (), {}, {}, order.out)
    runs.begin(nowhere)
    progress = ended(runs, nowhere)
    assert progress.code == "INVALID_ARGUMENT"
    assert "bucket" in progress.message


def test_a_warm_start_brings_its_adapter(runs: Jobs, trainer: Patient, tmp_path: Path, order: Any):
    warm = order_of(order.rows[0], order.out, adapter=tmp_path / "before" / ".." / "before")
    trainer.go.set()
    runs.begin(warm)
    assert ended(runs, warm) == Progress("done")
    assert trainer.given[0].adapter == tmp_path / "before"


def test_a_zero_says_nothing_but_for_the_rank():
    given = {
        "loraRank": 0, "batchSize": 0, "jinjaTemplate": "", "epochs": 2, "loraTargetModules": [],
        "lrScheduler": {"cosine": {"minLrRatio": 0.0}}, "learningRate": None,
    }  # fmt: skip
    assert jobs.said(given) == {"loraRank": 0, "epochs": 2, "lrScheduler": {"cosine": {}}}


def test_a_context_is_no_longer_than_the_weights_have():
    assert jobs.fitting({"maxContextLength": 8192}, 512) == {"maxContextLength": 512}
    assert jobs.fitting({"maxContextLength": 256}, 512) == {"maxContextLength": 256}
    assert jobs.fitting({"maxContextLength": 256}, None) == {"maxContextLength": 256}
    assert jobs.fitting({}, 512) == {}


def test_the_context_comes_from_the_weights(trainer: Patient, order: Any, weights: Path):
    runs = Jobs(trainer, str(weights))
    trainer.go.set()
    runs.begin(order_of(order.rows[0], order.out, settings={"maxContextLength": 8192}))
    assert ended(runs, order) == Progress("done")
    assert trainer.given[0].settings == {"maxContextLength": 512}


def test_metrics_are_whole_lines(order: Any):
    assert jobs.metrics(order) is None
    folder = jobs.folder(order)
    folder.mkdir()
    (folder / METRICS).write_bytes(b'{"step":1')
    assert jobs.metrics(order) is None
    (folder / METRICS).write_bytes(b'{"step":1}\n{"st')
    assert [json.loads(line) for line in jobs.metrics(order).splitlines()] == [{"step": 1}]
