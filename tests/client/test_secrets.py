"""The key, a signed URL's query and bodies stay out of errors, logs and reprs."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dpo_ops import errors
from dpo_ops.client import Retry, Settings
from dpo_ops.client.exchange import Answer, Ask
from dpo_ops.client.scrub import LONGEST, Scrub

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.conftest import Promise, Talker


KEY = "fw_3ZkT0pSecretKeyOfNobody"
ONCE = Retry(attempts=1, uploads=1)

noise = st.text(max_size=30) | st.sampled_from(["\x1b[31m", "\x00", "\u200b", "\n", "<title>", " "])
echo = st.sampled_from([KEY, KEY.lower(), KEY.upper(), "\x00".join(KEY), "\u202e".join(KEY),
                        "\x1b[1m".join(KEY), f"Bearer {KEY}", KEY + KEY])  # fmt: skip
texts = st.lists(noise | echo, max_size=8).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
envelopes = st.one_of(
    st.fixed_dictionaries({"code": json_values, "message": texts, "request_id": texts}),
    st.fixed_dictionaries({"error": st.fixed_dictionaries({"message": texts}) | texts}),
    st.fixed_dictionaries({"detail": st.lists(st.fixed_dictionaries({"msg": texts}))}),
    json_values,
)
statuses = st.sampled_from([200, 300, 302, 400, 401, 403, 404, 409, 429, 500, 501, 503, 520])
slow_is_fine = hypothesis_settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def responses(draw: st.DrawFn):
    status, headers = draw(statuses), {}
    if draw(st.booleans()):
        headers["x-request-id"] = draw(st.sampled_from([KEY, "r-1", KEY.lower(), "a b"]))
    if draw(st.booleans()):
        headers["location"] = f"https://{KEY}.example/{KEY}"
    if draw(st.booleans()):
        return httpx.Response(status, json=draw(envelopes), headers=headers)
    body = draw(st.binary(max_size=80) | texts.map(lambda t: t.encode("utf-8", "replace")))
    return httpx.Response(status, content=body, headers=headers)


def shown(error: BaseException):
    """Everything of an error that a log, a terminal or a report could show."""
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    return "\n".join([*parts, *traceback.format_exception(error)])


def assert_silent(error: BaseException):
    text = shown(error).lower()
    assert KEY.lower() not in text
    assert "\x1b" not in text
    assert "\x00" not in text
    str(error).encode()  # No lone surrogate: it could not be printed.


def failure_of(call: Callable[[], object]) -> errors.DpoOpsError | None:
    try:
        call()
    except errors.DpoOpsError as error:
        return error
    return None


@given(responses(), st.sampled_from(["get", "post", "list", "account", "chat", "delete"]))
@slow_is_fine
def test_no_answer_of_a_server_can_bring_the_key_to_light(
    talk: Talker, response: httpx.Response, verb: str
):
    client = talk(response, account=None if verb == "account" else "acme", retry=ONCE).client
    calls = {
        "get": lambda: client.get("accounts/acme/models/m"),
        "post": lambda: client.post("accounts/acme/models", {"apiKey": KEY}),
        "list": lambda: client.list("models"),
        "account": lambda: client.account,
        "chat": lambda: client.chat("m", []),
        "delete": lambda: client.delete("accounts/acme/models/m"),
    }
    failure = failure_of(calls[verb])
    if failure is not None:
        assert_silent(failure)
        assert failure.__cause__ is None


@given(texts)
def test_scrubbed_text_is_one_short_line_without_the_key(text: str):
    clean = Scrub(KEY)(text)
    assert KEY.lower() not in clean.lower()
    assert len(clean) <= LONGEST
    assert "\n" not in clean
    assert clean == clean.strip()


@pytest.mark.parametrize("before", range(9950, 10_010, 5))
@pytest.mark.parametrize("filler", ["\x00", "x"])
def test_the_place_where_a_long_text_is_cut_hides_the_key_too(before: int, filler: str):
    clean = Scrub(KEY)(filler * before + KEY + "tail" * 50)
    assert KEY[:8] not in clean


@pytest.mark.parametrize("trouble", [httpx.ReadError(KEY), httpx.ConnectError(f"x {KEY} y"),
                                     httpx.RemoteProtocolError(KEY)], ids=repr)  # fmt: skip
def test_no_failure_of_the_network_can_either(talk: Talker, trouble: Exception | int):
    with pytest.raises(errors.Unreachable) as caught:
        talk(trouble, retry=ONCE).client.get("accounts/acme/models/m")
    assert_silent(caught.value)
    assert caught.value.__context__ is None


def test_a_key_that_stands_in_a_path_or_a_setting_is_masked(talk: Talker):
    with pytest.raises(errors.NotFound) as caught:
        talk(httpx.Response(404)).client.get(f"accounts/acme/models/{KEY}")
    assert_silent(caught.value)


def test_a_key_with_odd_signs_is_masked_as_it_is_and_as_it_is_quoted():
    scrub = Scrub("fw_a+b/c.d*e")
    assert scrub("x fw_a+b/c.d*e y fw_a%2Bb%2Fc.d%2Ae z") == "x [key] y [key] z"


def test_no_key_no_mask():
    assert Scrub("")("plain") == "plain"


def test_nothing_is_logged(talk: Talker, promise: Promise, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    signed = httpx.Response(
        200, json={"filenameToSignedUrls": {"pairs.jsonl": "https://b.example/o?sig=hunter2"}}
    )
    replies = [signed, httpx.Response(200, json={}), httpx.Response(200, json={})]
    said, file = talk(*replies, multipart_limit=1), promise(b"xyz")
    said.client.upload("d", file.file, size=3, digest=file.digest)
    assert caplog.text == ""


def test_no_repr_tells(talk: Talker):
    client = talk().client
    ask = Ask("PUT", "/v1/x", url=httpx.URL("https://b.example/o?sig=hunter2"))
    things = [client, client._wire, client._scrub, client._uploads, client.calls, ask,
              client._http.headers, Settings(KEY), Answer(200, {}, b"hunter2")]  # fmt: skip
    text = " ".join(map(repr, things))
    assert KEY not in text
    assert "hunter2" not in text
