"""A job's metrics: where they are is asked of the API, and the file fetched without the key."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from dpo_ops import errors
from dpo_ops.client.exchange import LARGEST_ANSWER
from dpo_ops.emulator.standin import NO_METRICS
from tests.client.emulated import World, world
from tests.scenarios.stage import pair

if TYPE_CHECKING:
    from dpo_ops.client import Promised
    from tests.client.conftest import Promise, Talker

JOB = "accounts/acme/dpoJobs/tune-a1"
SIGNED = "https://bucket.example/o/metrics.jsonl?X-Goog-Signature=secret-value"
ENDPOINT = f"GET /v1/{JOB}:getMetricsFileEndpoint"


def where(url: str = SIGNED) -> httpx.Response:
    return httpx.Response(200, json={"signedUrl": url})


def test_the_file_is_fetched_without_the_key(talk: Talker, key: str):
    said = talk(where(), httpx.Response(200, content=b'{"step": 1}\n'))
    assert said.client.metrics(JOB) == b'{"step": 1}\n'
    assert said.script.asked == [
        ENDPOINT,
        "GET /o/metrics.jsonl?X-Goog-Signature=secret-value",
    ]
    ask, fetch = said.script.requests
    assert ask.headers["authorization"] == f"Bearer {key}"
    assert "authorization" not in fetch.headers
    assert key not in str(fetch.headers.raw)


@pytest.mark.parametrize("body", [{}, {"signedUrl": ""}, {"signedUrl": None}])
def test_where_there_is_no_file_none_is_fetched(talk: Talker, body: dict[str, str | None]):
    said = talk(httpx.Response(200, json=body))
    assert said.client.metrics(JOB) is None


@pytest.mark.parametrize("trouble", [httpx.ReadError("x"), 408, 429, 503], ids=repr)
def test_what_passes_is_waited_out(talk: Talker, trouble: Exception | int):
    reply = httpx.Response(trouble) if isinstance(trouble, int) else trouble
    said = talk(where(), reply, reply, httpx.Response(200, content=b"x"))
    assert said.client.metrics(JOB) == b"x"
    assert len(said.clock.slept) == 2


def test_who_only_glances_is_not_kept_waiting(talk: Talker):
    said = talk(httpx.Response(503))
    with pytest.raises(errors.ServerFault):
        said.client.metrics(JOB, attempts=1)
    said = talk(where(), httpx.Response(503))
    with pytest.raises(errors.StorageError):
        said.client.metrics(JOB, attempts=1)
    assert said.clock.slept == []


def test_an_address_that_expired_is_no_secret_and_not_tried_again(talk: Talker):
    body = b"<Error><Code>ExpiredToken</Code><Message>secret-value</Message></Error>"
    said = talk(where(), httpx.Response(400, content=body))
    with pytest.raises(errors.StorageError) as caught:
        said.client.metrics(JOB)
    assert caught.value.what == "the storage did not give the file"
    assert caught.value.why == "bucket.example: answered 400 ExpiredToken"
    assert caught.value.where == JOB
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://bucket.example/x", "file:///etc/passwd", "no URL", "//"])
def test_an_address_that_is_not_safe_is_not_followed(talk: Talker, url: str):
    said = talk(where(url))
    with pytest.raises(errors.StorageError, match="the download address can't be trusted"):
        said.client.metrics(JOB)
    assert len(said.script.requests) == 1


def test_a_redirect_is_not_followed(talk: Talker):
    said = talk(where(), httpx.Response(302, headers={"Location": "http://127.0.0.1/"}))
    with pytest.raises(errors.StorageError, match="302"):
        said.client.metrics(JOB)


def test_what_would_fill_the_memory_is_not_read(talk: Talker):
    bomb = gzip.compress(bytes(LARGEST_ANSWER + 1), 1)
    said = talk(where(), httpx.Response(200, content=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(errors.StorageError, match="too large to be read"):
        said.client.metrics(JOB)


def test_it_only_asks(talk: Talker):
    said = talk(where(), httpx.Response(200, content=b"x"), read_only=True)
    assert said.client.metrics(JOB) == b"x"
    assert said.client.calls.writes == 0


# Against the emulator, in this process and over a loopback port


@pytest.fixture(params=["in-process", "loopback"])
def here(request: pytest.FixtureRequest):
    with world(request.param) as found:
        yield found


def submitted(here: World, file: Promised) -> str:
    """Return a job that is held where it waits for capacity."""
    hold(here, "JOB_STATE_PENDING")
    with here.client() as client:
        account = f"accounts/{client.account}"
        dataset = {"userUploaded": {}, "exampleCount": "3", "format": "CHAT"}
        client.post(f"{account}/datasets", {"datasetId": "prefs", "dataset": dataset})
        client.upload("prefs", file.file, size=file.size, digest=file.digest)
        here.emulator.advance(60)
        base = "accounts/fireworks/models/llama-v3p1-8b-instruct"
        body = {"dataset": f"{account}/datasets/prefs", "trainingConfig": {"baseModel": base}}
        client.post(f"{account}/dpoJobs", body, {"dpoJobId": "tune"})
    return f"{account}/dpoJobs/tune"


def hold(here: World, state: str) -> None:
    here.admin("POST", "settings", {"jobOverrides": [{"state": state, "at": state}]})
    here.emulator.advance(600)


def test_the_metrics_of_the_emulator_arrive(here: World, promise: Promise):
    job = submitted(here, promise(f"{pair(1)}\n{pair(2)}\n{pair(3)}\n".encode()))
    with here.client() as client:
        assert client.metrics(job) is None
        hold(here, "JOB_STATE_RUNNING")
        assert client.metrics(job) == NO_METRICS
        here.fault(path="/_storage/*", drop="read", times=2)
        assert client.metrics(job) == NO_METRICS


def test_a_job_that_is_not_there_is_an_error(here: World):
    with here.client() as client, pytest.raises(errors.NotFound):
        client.metrics(f"accounts/{client.account}/dpoJobs/nobody")
