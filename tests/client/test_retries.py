from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops import errors
from dpo_ops.client import Retry
from dpo_ops.client.exchange import TRANSIENT, Answer, Ask, Lost, may_repeat

if TYPE_CHECKING:
    from dpo_ops.client import Client
    from tests.client.conftest import Promise, Talker


NEVER_LEFT = [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")]
MAYBE_DONE = [
    httpx.ReadTimeout("x"),
    httpx.WriteTimeout("x"),
    httpx.ReadError("x"),
    httpx.WriteError("x"),
    httpx.RemoteProtocolError("x"),
]
MODEL = "accounts/acme/models/m"


def fail(status: int, **headers: Any):
    return httpx.Response(status, headers=headers, json={"message": "no"})


def ok():
    return httpx.Response(200, json={"name": MODEL})


def send(client: Client, method: str):
    return {
        "GET": lambda: client.get(MODEL),
        "PATCH": lambda: client.patch(MODEL, {"displayName": "x"}),
        "DELETE": lambda: client.delete(MODEL),
        "POST": lambda: client.post("accounts/acme/models", {"modelId": "m"}),
        "REPEATABLE": lambda: client.post("accounts/acme/models", {"a": "m"}, repeatable=True),
    }[method]()


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "REPEATABLE"])
@pytest.mark.parametrize("trouble", [*NEVER_LEFT, *MAYBE_DONE, *sorted(TRANSIENT)], ids=repr)
def test_what_may_happen_twice_is_tried_again(talk: Talker, method: str, trouble: Exception | int):
    reply = fail(trouble) if isinstance(trouble, int) else trouble
    said = talk(reply, reply, ok())
    send(said.client, method)
    assert len(said.script.requests) == 3
    assert len(said.clock.slept) == 2
    assert said.client.calls.retries == 2


@pytest.mark.parametrize("trouble", [*NEVER_LEFT, 429], ids=repr)
def test_a_write_that_had_no_effect_is_tried_again(talk: Talker, trouble: Exception | int):
    said = talk(fail(trouble) if isinstance(trouble, int) else trouble, ok())
    send(said.client, "POST")
    assert len(said.script.requests) == 2


@pytest.mark.parametrize("trouble", [*MAYBE_DONE, 408, 500, 502, 503, 504], ids=repr)
def test_a_write_that_may_have_happened_is_never_repeated_blindly(
    talk: Talker, trouble: Exception | int
):
    said = talk(fail(trouble) if isinstance(trouble, int) else trouble)
    with pytest.raises(errors.ApiError):
        send(said.client, "POST")
    assert len(said.script.requests) == 1
    assert said.clock.slept == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST", "REPEATABLE"])
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 412, 501, 505, 520])
def test_what_would_fail_again_is_not_tried_again(talk: Talker, method: str, status: int):
    said = talk(fail(status))
    with pytest.raises(errors.ApiError):
        send(said.client, method)
    assert len(said.script.requests) == 1


@given(
    method=st.sampled_from(["POST", "GET", "PATCH", "DELETE", "PUT"]),
    status=st.integers(100, 700),
    repeatable=st.booleans(),
)
def test_the_rule_over_all_statuses(method: str, status: int, repeatable: bool):
    again = may_repeat(Ask(method, "/v1/x", repeatable=repeatable), Answer(status))
    assert not again or status in TRANSIENT
    if method == "POST" and not repeatable:
        assert again == (status == 429)


@given(sent=st.booleans(), hopeless=st.booleans())
def test_the_rule_over_all_losses(sent: bool, hopeless: bool):
    lost = Lost("x", sent=sent, hopeless=hopeless)
    assert may_repeat(Ask("POST", "/v1/x"), lost) == (not sent and not hopeless)
    assert may_repeat(Ask("GET", "/v1/x"), lost) == (not hopeless)


def test_attempts_come_to_an_end(talk: Talker):
    said = talk(*[fail(503)] * 9)
    with pytest.raises(errors.ServerFault):
        send(said.client, "GET")
    assert len(said.script.requests) == 5
    assert all(delay <= 8 for delay in said.clock.slept)


def test_the_number_of_attempts_is_a_setting(talk: Talker):
    said = talk(*[fail(503)] * 9, retry=Retry(attempts=2))
    with pytest.raises(errors.ServerFault):
        send(said.client, "GET")
    assert len(said.script.requests) == 2


def test_the_wait_that_the_server_asks_for(talk: Talker):
    said = talk(fail(429, **{"retry-after": "11"}), fail(503, **{"retry-after-ms": "5"}), ok())
    send(said.client, "GET")
    assert said.clock.slept == [11.0, 0.005]
    assert said.client.calls.throttled == 1


def test_a_deletion_that_is_repeated_and_finds_nothing_is_done(talk: Talker):
    send(talk(httpx.ReadTimeout("x"), fail(404)).client, "DELETE")


def test_a_deletion_that_finds_nothing_at_once_is_an_error(talk: Talker):
    with pytest.raises(errors.NotFound):
        send(talk(fail(404)).client, "DELETE")


def test_a_read_that_is_repeated_and_finds_nothing_is_an_error(talk: Talker):
    with pytest.raises(errors.NotFound):
        send(talk(httpx.ReadTimeout("x"), fail(404)).client, "GET")


def test_a_certificate_that_does_not_verify_is_not_tried_again(talk: Talker):
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    said = talk(error)
    with pytest.raises(errors.Unreachable, match="certificate verify failed"):
        send(said.client, "GET")
    assert len(said.script.requests) == 1


def test_the_same_body_is_sent_each_time(talk: Talker):
    said = talk(fail(503), ok())
    send(said.client, "PATCH")
    first, second = said.script.requests
    assert first.content == second.content == b'{"displayName": "x"}'
    assert second.headers["content-length"] == "20"
    assert "transfer-encoding" not in second.headers
    assert second.headers["content-type"] == "application/json"


def test_chat_is_asked_again(talk: Talker):
    said = talk(fail(503), httpx.Response(200, json={"choices": []}))
    answer = said.client.chat("accounts/acme/models/m", [{"role": "user", "content": "x"}], n=2)
    assert answer == {"choices": []}
    assert said.script.asked == ["POST /inference/v1/chat/completions"] * 2


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST", "REPEATABLE"])
def test_a_read_only_client_sends_no_write(talk: Talker, method: str):
    said = talk(read_only=True)
    with pytest.raises(errors.PlanError, match="read-only run tried to write"):
        send(said.client, method)
    assert said.script.requests == []
    assert said.client.calls.writes == 0


def test_a_read_only_client_sends_no_upload_and_no_chat(talk: Talker, promise: Promise):
    said = talk(read_only=True)
    file = promise(b"x")
    with pytest.raises(errors.PlanError):
        said.client.upload("d", file.file, size=1, digest=file.digest)
    with pytest.raises(errors.PlanError):
        said.client.chat("m", [])
    assert said.script.requests == []


def test_a_read_only_client_may_ask_which_shapes_fit(talk: Talker):
    said = talk(httpx.Response(200, json={"deploymentShapeVersions": []}), read_only=True)
    path = "accounts/acme/deploymentShapeVersions:match"
    assert said.client.post(path, {}) == {"deploymentShapeVersions": []}


def test_a_failure_says_how_often_it_was_tried_and_over_how_long(talk: Talker):
    said = talk(*[httpx.ConnectError("refused")] * 3, retry=Retry(attempts=3))
    with pytest.raises(errors.Unreachable) as raised:
        send(said.client, "GET")
    slept = sum(said.clock.slept)
    assert raised.value.why == (
        f"no connection could be made: refused; tried 3 times in {slept:.0f}s"
    )


def test_calls_are_counted_by_route(talk: Talker):
    said = talk(fail(503), ok(), ok(), ok())
    send(said.client, "GET")
    send(said.client, "GET")
    send(said.client, "PATCH")
    summary = said.client.calls.summary()
    assert summary["requests"] == {
        "GET accounts/{}/models/{}": 3,
        "PATCH accounts/{}/models/{}": 1,
    }
    assert summary["retries"] == 1
    assert summary["sentBytes"] == 20
    assert summary["receivedBytes"] > 60
    assert said.client.calls.writes == 1
