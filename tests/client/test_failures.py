from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops import errors
from dpo_ops.client import Retry, Settings
from dpo_ops.client.exchange import Answer, Ask
from dpo_ops.client.failures import Failures
from dpo_ops.client.scrub import Scrub

if TYPE_CHECKING:
    from tests.client.conftest import Talker


ONCE = Retry(attempts=1)


def caught(talk: Talker, response: httpx.Response, **options: Any):
    said = talk(response, **{"retry": ONCE, **options})
    with pytest.raises(errors.ApiError) as raised:
        said.client.get("accounts/acme/models/m", {"readMask": "secret-value"})
    return raised.value


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, errors.ApiError),
        (400, errors.Rejected),
        (401, errors.Unauthorized),
        (402, errors.Rejected),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (408, errors.Rejected),
        (409, errors.AlreadyExists),
        (412, errors.Rejected),
        (413, errors.Rejected),
        (418, errors.Rejected),
        (422, errors.Rejected),
        (429, errors.QuotaExceeded),
        (500, errors.ServerFault),
        (501, errors.Retired),
        (502, errors.ServerFault),
        (503, errors.ServerFault),
        (520, errors.ServerFault),
        (599, errors.ServerFault),
        (700, errors.ServerFault),
    ],
)
def test_every_status_is_one_error_of_the_tree(talk: Talker, status: int, error: Any):
    failure = caught(talk, httpx.Response(status, json={"code": 1, "message": "no", "details": []}))
    assert type(failure) is error
    assert failure.status == status
    assert failure.request == "GET /v1/accounts/acme/models/m"
    assert failure.why == "no"
    assert failure.fix
    assert str(status) in failure.what
    assert "secret-value" not in str(failure)


def test_the_envelope_of_the_control_plane(talk: Talker):
    body = {"code": 5, "details": [], "message": "resource not found"}
    failure = caught(talk, httpx.Response(404, json=body, headers={"x-request-id": "r-1"}))
    assert (failure.why, failure.request_id) == ("resource not found", "r-1")
    assert str(failure).endswith("(request r-1)")


def test_the_envelope_of_a_bad_key(talk: Talker):
    error = {"message": "The API key you provided is invalid.", "code": "UNAUTHORIZED"}
    failure = caught(talk, httpx.Response(403, json={"error": error, "request_id": "0a-1b"}))
    assert isinstance(failure, errors.Unauthorized)
    assert (failure.why, failure.request_id) == ("The API key you provided is invalid.", "0a-1b")
    assert "check the key from the vault" in failure.fix


def test_a_403_without_a_word_still_says_what_to_do(talk: Talker):
    failure = caught(talk, httpx.Response(403, json={"code": 7, "details": [], "message": ""}))
    assert failure.why == "it gave no reason"
    assert "check the key from the vault" in failure.fix


@pytest.mark.parametrize("code", [8, "RESOURCE_EXHAUSTED"])
def test_a_spent_quota_under_403_is_a_quota(talk: Talker, code: object):
    message = "training-h200-count for account acme, in use: 8, quota: 8"
    failure = caught(talk, httpx.Response(403, json={"code": code, "message": message}))
    assert isinstance(failure, errors.QuotaExceeded)
    assert failure.why == message
    assert "quotas" in failure.fix


def test_retired_says_since_when_and_what_instead(talk: Talker):
    failure = caught(talk, httpx.Response(501, json={"code": 12, "message": "unimplemented"}))
    assert "2026-11-15" in failure.fix
    assert "existing models and deployments still work" in failure.fix
    assert "set trainer: trl or ray" in failure.fix


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://api.fireworks.ai", True),
        ("http://127.0.0.1:8090", False),
        ("http://localhost:8090", False),
        ("https://emulator.invalid", False),
    ],
)
def test_whoever_rehearses_is_not_told_to(url: str, hint: bool):
    failures = Failures(Settings("fw-any", base_url=url), Scrub("fw-any"))
    failure = failures.of(Ask("POST", "/v1/x"), Answer(501))
    assert ("--emulator" in failure.fix) is hint


@pytest.mark.parametrize("code", [3, 9, "FAILED_PRECONDITION", None])
def test_a_missing_payment_method_leads_to_the_billing_page(talk: Talker, code: object):
    body = {"code": code, "message": "payment method is required"}
    failure = caught(talk, httpx.Response(400, json=body))
    assert isinstance(failure, errors.Rejected)
    assert "billing page" in failure.fix
    assert ("mend the spec" in failure.fix) is (code in (3, None))


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (httpx.Response(502, html="<html><TITLE>502 Bad\nGateway</title><p>x"),
         "an HTML page: 502 Bad Gateway"),
        (httpx.Response(502, html="<p>oh</p>"), "an HTML page"),
        (httpx.Response(405, text="Method Not Allowed"), "Method Not Allowed"),
        (httpx.Response(500, content=b""), "it gave no reason"),
        (httpx.Response(500, content=b"\xff\x00\xfe"), "\ufffd\ufffd"),
        (httpx.Response(500, content=b"[" * 200_000), "the answer holds no message"),
        (httpx.Response(500, json=["a", {"apiKey": "x"}]), "the answer holds no message"),
        (httpx.Response(500, json={"wandbConfig": {"apiKey": "x"}}), "it gave no reason"),
        (httpx.Response(500, json={"message": {"deep": 1}}), "it gave no reason"),
        (httpx.Response(500, json={"error": "boom"}), "boom"),
        (httpx.Response(422, json={"detail": [{"loc": ["a"], "msg": "m1"}, {"msg": "m2"}]}),
         "m1; m2"),
        (httpx.Response(422, json={"detail": "plain"}), "plain"),
    ],
)  # fmt: skip
def test_any_body_can_be_told(talk: Talker, response: httpx.Response, why: str):
    assert caught(talk, response).why == why


def test_a_message_is_one_clean_line(talk: Talker):
    message = "a\x1b[31mred\x1b[0m\r\nb\x00c\x1b]0;title\x07d\u202eevil\u200b \x9b2Je"
    failure = caught(talk, httpx.Response(400, json={"message": message}))
    assert failure.why == "ared bcdevil e"


def test_a_long_message_is_cut_and_says_so(talk: Talker):
    failure = caught(talk, httpx.Response(400, json={"message": "x" * 100_000}))
    assert len(failure.why) == 500
    assert failure.why.endswith("…")


@pytest.mark.parametrize("value", ["a b", "x" * 200, "<b>", ""])
def test_a_request_id_that_is_none_is_left_out(talk: Talker, value: str):
    failure = caught(talk, httpx.Response(500, json={"request_id": value}))
    assert failure.request_id == ""


@pytest.mark.parametrize(
    ("status", "location", "why"),
    [
        (307, "https://evil.example/p?token=secret-value", "it leads to https://evil.example"),
        (302, "/elsewhere?token=secret-value", "it leads to another path"),
        (300, "http://x:y", "it leads to something that is no URL"),
        (304, "", "it leads to another path"),
    ],
)
def test_a_redirect_is_not_followed(talk: Talker, status: int, location: str, why: str):
    said = talk(httpx.Response(status, headers={"location": location}))
    with pytest.raises(errors.ApiError, match="a redirect") as raised:
        said.client.get("accounts/acme/models/m")
    assert raised.value.why == why
    assert len(said.script.requests) == 1
    assert "secret-value" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Log in to the Wi-Fi", b'{"a":', b"[]", b"null", b'{"a": NaN}', b"[" * 200_000,
     b'{"a": ' + b"9" * 5000 + b"}", b"\xff"],
)  # fmt: skip
def test_an_answer_that_is_no_json_object_is_a_fault_of_the_service(talk: Talker, content: bytes):
    failure = caught(talk, httpx.Response(200, content=content))
    assert type(failure) is errors.ServerFault
    assert failure.status == 200
    assert failure.why == "its body is not a JSON object"
    assert "no proxy answers in its place" in failure.fix


def test_a_write_that_is_answered_with_nothing_is_done(talk: Talker):
    said = talk(httpx.Response(200), httpx.Response(204))
    assert said.client.post("accounts/acme/dpoJobs/j:cancel", {}) == {}
    said.client.delete("accounts/acme/dpoJobs/j")


def test_an_answer_is_read_up_to_a_limit(talk: Talker):
    said = talk(httpx.Response(200, json={"a": "x" * 200}))
    said.client._wire._limit = 100
    with pytest.raises(errors.ServerFault, match="larger than 100 bytes"):
        said.client.get("accounts/acme/models/m")
    assert said.client.calls.received == 100


def test_unreachable_names_the_address_and_its_setting(talk: Talker):
    failure = caught(talk, httpx.ConnectError("[Errno -2] Name or service not known"))
    assert type(failure) is errors.Unreachable
    assert failure.why == "no connection could be made: [Errno -2] Name or service not known"
    assert "https://api.fireworks.ai" in failure.fix
    assert "FIREWORKS_BASE_URL" in failure.fix
    assert "taken effect" not in failure.fix


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (httpx.ConnectTimeout("x"), "no connection came about in time"),
        (httpx.ReadTimeout("x"), "no answer came in time"),
        (httpx.ProxyError("407 secret-value"), "the proxy refused the connection"),
        (httpx.RemoteProtocolError("secret-value"), "the connection broke off"),
        (httpx.DecodingError("secret-value"), "the answer could not be decompressed"),
    ],
)
def test_what_the_network_did_is_said_in_our_words(talk: Talker, error: Any, why: str):
    failure = caught(talk, error)
    assert failure.why.startswith(why)
    assert "secret-value" not in str(failure)


def test_a_write_whose_answer_is_lost_is_said_to_be_in_doubt(talk: Talker):
    said = talk(httpx.ReadTimeout("x"))
    with pytest.raises(errors.Unreachable, match="may have taken effect"):
        said.client.post("accounts/acme/dpoJobs", {})


def test_json_that_is_deep_but_sane_is_read(talk: Talker):
    value = json.loads('{"a":' * 100 + "1" + "}" * 100)
    said = talk(httpx.Response(200, json=value))
    assert said.client.get("accounts/acme/models/m") == value
