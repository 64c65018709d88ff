"""Jobs that really train, through the API: seen while they run, stopped, taken up again, served."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dpo_ops.emulator import LocalEngine
from dpo_ops.trainers.trl import Trl

pytest.importorskip("trl")

BASE = "accounts/fireworks/models/qwen3-14b"
MODEL = "accounts/emulator/models/tuned"
STEPS = 90
# A learning rate that moves weights of this size; long enough to be stopped on the way.
SETTINGS = {
    "outputModel": "tuned", "loraRank": 4, "learningRate": 1e-2, "epochs": STEPS // 3,
    "batchSizeSamples": 1, "maxContextLength": 8192,
}  # fmt: skip
PATIENCE = 240.0


def until(api: Any, done: Callable[[], Any]) -> Any:
    """Let emulated time pass, slowly, until `done` gives something."""
    give_up = time.monotonic() + PATIENCE
    while not (found := done()):
        assert time.monotonic() < give_up, api.ok("GET", "/dpoJobs/train")
        time.sleep(0.05)
        api.wait(1)
    return found


def state(api: Any) -> str:
    return str(api.ok("GET", "/dpoJobs/train")["state"]).removeprefix("JOB_STATE_")


def steps(api: Any) -> list[dict[str, Any]]:
    """The lines of the job's metrics file, as it stands."""
    url = api.ok("GET", "/dpoJobs/train:getMetricsFileEndpoint")["signedUrl"]
    return [json.loads(line) for line in api.http.get(url).text.splitlines()] if url else []


def begin(api: Any, **settings: Any) -> None:
    api.dataset()
    api.job("train", **{**SETTINGS, **settings})
    api.wait(60)
    assert state(api) in {"RUNNING", "FAILED"}


def score(api: Any, model: str, answer: str) -> float:
    """The log-probability of an answer to a question that was trained on."""
    prompt = "<|begin|><|turn|>user\nquestion 1<|end|><|turn|>assistant\n"
    asked = {"echo": True, "max_tokens": 1, "logprobs": 0, "temperature": 0}
    whole = {"model": model, "prompt": prompt + answer, **asked}
    found = api.ok("POST", "/v1/completions", json=whole)["choices"][0]["logprobs"]
    start = found["text_offset"].index(len(prompt))
    return sum(found["token_logprobs"][start:-1])


def margin(api: Any, model: str) -> float:
    return score(api, model, "Light scatters.") - score(api, model, "It is painted.")


@pytest.mark.long
def test_a_job_is_stopped_taken_up_again_and_served(make: Any, weights: Path, tmp_path: Path):
    first = make(tmp_path, engine=LocalEngine(str(weights), Trl()))
    begin(first)
    seen = until(first, lambda: steps(first))
    assert [row["step"] for row in seen] == list(range(1, len(seen) + 1))
    assert seen[0]["train/total_steps"] == STEPS
    assert state(first) == "RUNNING"
    # The emulator ends in the middle of it; another one finds the job as it was.
    first.emulator.close()
    assert not (tmp_path / "files" / "training-train" / "done.json").exists()
    second = make(tmp_path, engine=LocalEngine(str(weights), Trl()))
    second.wait(10_000)
    assert state(second) == "RUNNING"
    until(second, lambda: state(second) != "RUNNING")
    second.wait(15)
    job = second.ok("GET", "/dpoJobs/train")
    assert job["state"] == "JOB_STATE_COMPLETED", job["status"]
    rows = steps(second)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert rows[: len(seen)] == seen
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    _check_model(second)


def _check_model(api: Any) -> None:
    model = api.ok("GET", "/models/tuned")
    assert (model["state"], model["fineTuningJob"]) == ("READY", "accounts/emulator/dpoJobs/train")
    urls = api.ok("GET", "/models/tuned:getDownloadEndpoint")["filenameToSignedUrls"]
    files = {name.rpartition("/")[2]: api.http.get(url).content for name, url in urls.items()}
    assert set(files) == {"adapter_config.json", "adapter_model.safetensors"}
    config = json.loads(files["adapter_config.json"])
    assert model["peftDetails"]["r"] == config["r"] == 4
    assert model["peftDetails"]["targetModules"] == config["target_modules"]
    plain, live = api.deployment(BASE, "plain"), api.deployment(MODEL, "live")
    assert margin(api, live) > margin(api, plain) + 1


def test_a_cancelled_job_trains_no_further(make: Any, weights: Path, tmp_path: Path):
    engine = LocalEngine(str(weights), Trl())
    api = make(tmp_path, engine=engine)
    begin(api, epochs=100_000)
    until(api, (tmp_path / "files" / "training-train" / "training.json").exists)
    api.ok("POST", "/dpoJobs/train:cancel", json={})
    api.wait(5)
    assert state(api) == "CANCELLED"
    run = engine._jobs._runs["accounts/emulator/dpoJobs/train"]
    run.thread.join(PATIENCE)
    assert not run.thread.is_alive()
    assert run.over is None
    assert list((tmp_path / "files" / "adapter-train").iterdir()) == []
    api.fails(404, "GET", "/models/tuned")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loraRank": 0}, "loraRank"),
        ({"region": "US_IOWA_1"}, "trainingConfig.region"),
    ],
)
def test_settings_that_cannot_be_had_fail_the_job(
    make: Any, weights: Path, settings: dict[str, Any], words: str
):
    api = make(engine=LocalEngine(str(weights), Trl()))
    begin(api, **settings)
    until(api, lambda: state(api) == "FAILED")
    job = api.ok("GET", "/dpoJobs/train")
    assert job["status"]["code"] == "INVALID_ARGUMENT"
    assert words in job["status"]["message"]
    assert job["completedTime"]
