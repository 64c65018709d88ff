"""The seam: an engine of one's own is asked at the right moments, with the right things."""

from collections.abc import Iterator
from typing import Any

import pytest

from dpo_ops.emulator import StandIn
from dpo_ops.emulator.engine import (
    EngineError,
    Generation,
    Progress,
    Prompt,
    Served,
    Token,
    TrainingOrder,
)
from dpo_ops.emulator.standin import split


class Slow(StandIn):
    """Trains until it is told that it is done, and notes what it is asked."""

    label = "slow"

    def __init__(self) -> None:
        self.orders = []
        self.cancelled = []
        self.state = Progress("running")
        self.served = []
        self.closed = False

    def close(self):
        self.closed = True

    def train(self, order: TrainingOrder):
        self.orders.append(order)
        (order.out / "adapter_config.json").write_text("{}", encoding="utf-8")

    def progress(self, order: TrainingOrder):
        assert order == self.orders[-1]
        return self.state

    def metrics(self, order: TrainingOrder):
        return b'{"step":1}\n' if order.out.exists() else None

    def cancel(self, job: str):
        self.cancelled.append(job)

    def generate(self, served: Served, prompt: Prompt):
        self.served.append((served, prompt))
        if prompt.seed == 13:
            raise EngineError("no luck")
        if prompt.seed == 14:
            raise EngineError("no room", status=400, code="INVALID_ARGUMENT")

        def tokens() -> Iterator[Token]:
            yield Token("yes", 7, -0.5, finish="stop")

        return Generation([Token("q", 1)], tokens())


@pytest.fixture
def engine():
    return Slow()


@pytest.fixture
def api(make: Any, engine: Any):
    made = make(engine=engine)
    made.dataset()
    return made


def test_a_job_runs_as_long_as_its_engine(api: Any, engine: Any, valid_rows: bytes):
    api.job("train")
    api.wait(59)
    api.ok("GET", "/dpoJobs/train")
    assert engine.orders == []
    api.wait(5000)
    assert api.ok("GET", "/dpoJobs/train")["state"] == "JOB_STATE_RUNNING"
    (order,) = engine.orders
    assert order.base_model == "accounts/fireworks/models/qwen3-14b"
    assert [path.read_bytes() for path in order.rows] == [valid_rows]
    assert order.settings["loraRank"] == 16
    assert order.loss["dpo"] == {"beta": 0.1}
    assert api.ok("GET", "/dpoJobs/train:getMetricsFileEndpoint")["signedUrl"]
    engine.state = Progress("done")
    api.wait(17)
    assert api.ok("GET", "/dpoJobs/train")["state"] == "JOB_STATE_COMPLETED"
    assert api.chat(api.deployment("accounts/emulator/models/train"), stop="x", seed=1).json()
    served, prompt = engine.served[0]
    assert isinstance(served, Served)
    assert (served.adapter / "adapter_config.json").read_text(encoding="utf-8") == "{}"
    assert served.base_model == order.base_model
    assert isinstance(prompt, Prompt)
    assert (prompt.stop, prompt.seed) == (("x",), 1)


@pytest.mark.parametrize("code", [(), ("INVALID_ARGUMENT",)])
def test_an_engine_that_fails_fails_the_job(api: Any, engine: Any, code: tuple[str, ...]):
    api.job("train")
    api.wait(60)
    api.ok("GET", "/dpoJobs/train")
    engine.state = Progress("failed", "out of memory", *code)
    api.wait(5000)
    job = api.ok("GET", "/dpoJobs/train")
    assert (job["state"], job["status"]["code"]) == ("JOB_STATE_FAILED", (*code, "INTERNAL")[0])
    assert job["status"]["message"] == "out of memory"


def test_real_training_lasts_as_long_as_it_takes(api: Any, engine: Any):
    engine.real = True
    api.job("train")
    api.wait(60)
    assert api.ok("GET", "/dpoJobs/train")["state"] == "JOB_STATE_RUNNING"
    engine.state = Progress("done")
    api.wait(1)
    assert api.ok("GET", "/dpoJobs/train")["state"] == "JOB_STATE_WRITING_RESULTS"


def test_an_emulator_that_ends_ends_its_engine(api: Any, engine: Any):
    assert not engine.closed
    api.emulator.close()
    assert engine.closed


def test_cancelling_reaches_the_engine(api: Any, engine: Any):
    api.job("train")
    api.wait(100)
    api.ok("POST", "/dpoJobs/train:cancel", json={})
    assert engine.cancelled == ["accounts/emulator/dpoJobs/train"]


def test_an_engine_that_cannot_answer_gives_a_500(api: Any):
    serverless = "accounts/fireworks/models/glm-5p3-flash"
    answer = api.chat(serverless, seed=13)
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "no luck")
    answer = api.chat(serverless, seed=14)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_ARGUMENT")
    fine = api.chat(serverless)
    assert fine.headers["x-emulator-engine"] == "slow"
    assert fine.json()["choices"][0]["message"]["content"] == "yes"


def test_an_engine_hears_what_would_change_the_answer(api: Any, engine: Any):
    serverless = "accounts/fireworks/models/glm-5p3-flash"
    api.chat(serverless, top_k=3, user="me", min_p=None, tools=[], max_completion_tokens=7)
    ((_, prompt),) = engine.served
    assert prompt.options == {"top_k": 3, "tools": []}
    assert prompt.max_tokens == 7


@pytest.mark.parametrize("text", ["", " ", "a b", "don't  stop\n", "日本 x", "[dpo-ops] 1.5"])
def test_the_stand_in_loses_no_text_to_its_tokens(text: str):
    assert "".join(split(text)) == text
