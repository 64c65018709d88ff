"""Limits, faults, redirects, and the secret that goes nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops.forge import ForgeError, Pull, connect
from tests.forge.conftest import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dpo_ops.forge import Forge
    from tests.hub import Hub

KEY = "ghs_VerySecret0123456789"


def scripted(hub: Hub, folder: Path, *replies: httpx.Response, **more: str) -> Forge:
    """A forge whose transport plays these replies, the last one for ever."""
    left = list(replies)

    def play(_: httpx.Request) -> httpx.Response:
        return left.pop(0) if len(left) > 1 else left[0]

    environ = {**hub.environ(folder), "GITHUB_TOKEN": KEY, **more}
    forge = connect(environ, transport=httpx.MockTransport(play), sleep=lambda _: None)
    assert forge is not None
    return forge


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for_as_long_as_it_asks(
    forge: Forge, hub: Hub, slept: list[float], status: int
) -> None:
    hub.fail("/pulls/7", times=2, status=status, headers={"Retry-After": "17"})
    assert forge.head(7) == HEAD
    assert slept == [17, 17]


def test_a_limit_that_names_no_time_is_waited_for_a_minute(
    forge: Forge, hub: Hub, slept: list[float]
) -> None:
    hub.fail("/pulls/7", status=403)
    assert forge.head(7) == HEAD
    assert slept == [60]


def test_a_limit_of_an_hour_is_waited_for_by_the_server_s_clock(
    forge: Forge, hub: Hub, slept: list[float]
) -> None:
    # The fake's server sends its own Date; a reset in the past is over.
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000000000"}
    hub.fail("/pulls/7", status=403, headers=headers)
    assert forge.head(7) == HEAD
    assert slept == [1]


def test_who_asks_for_too_long_a_wait_is_told_no(
    forge: Forge, hub: Hub, slept: list[float]
) -> None:
    hub.fail("/pulls/7", times=9, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ForgeError, match="too many requests"):
        forge.head(7)
    assert not slept
    assert len(hub.calls) == 1


def test_patience_ends_over_all_requests(forge: Forge, hub: Hub, slept: list[float]) -> None:
    hub.fail("/pulls/7", times=99, status=429, headers={"Retry-After": "100"})
    for _ in range(2):
        with pytest.raises(ForgeError, match="too many requests"):
            forge.head(7)
    assert slept == [100, 100, 100]


def test_a_write_that_was_turned_away_is_sent_again(forge: Forge, hub: Hub) -> None:
    hub.fail("POST .*/comments", status=403, headers={"Retry-After": "2"})
    forge.write(7, "x", None)
    assert len(hub.comments) == 1
    assert hub.calls == ["POST /repos/acme/tuning/issues/7/comments"] * 2


@pytest.mark.parametrize("how", [{"status": 503}, {"drop": True}], ids=["503", "broken off"])
def test_a_fault_is_tried_five_times(
    forge: Forge, hub: Hub, slept: list[float], how: dict[str, Any]
) -> None:
    hub.fail("/pulls/7", times=4, **how)
    assert forge.head(7) == HEAD
    assert slept == [1, 2, 4, 8]
    hub.fail("/pulls/7", times=5, **how)
    with pytest.raises(ForgeError, match="GitHub"):
        forge.head(7)
    assert hub.faults.left == 0


def test_what_was_never_sent_is_not_looked_for(hub: Hub, tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.ConnectError("refused")

    transport = httpx.MockTransport(refuse)
    forge = connect(hub.environ(tmp_path), transport=transport, sleep=lambda _: None)
    assert forge is not None
    with pytest.raises(ForgeError) as caught:
        forge.write(7, "x", None)
    assert asked == ["POST"] * 5
    assert caught.value.why == "no connection could be made"
    assert "taken effect" not in caught.value.fix


def test_a_repository_with_a_new_name_is_followed_with_the_token(forge: Forge, hub: Hub) -> None:
    location = f"{hub.url}/repos/acme/tuning/pulls/7?moved=1"
    hub.fail("/pulls/7$", status=301, headers={"Location": location})
    assert forge.head(7) == HEAD
    assert hub.requests[-1].query == {"moved": "1"}
    assert "authorization" in hub.requests[-1].headers


def test_a_way_that_leads_back_does_not_get_the_token_again(forge: Forge, hub: Hub) -> None:
    kept = hub.keep("n", b"x", HEAD)
    hub.fail("/zip", status=302, headers={"Location": f"{hub.storage}/away"})
    hub.fail("/away", status=302, headers={"Location": f"{hub.url}/_signed/{kept.id}?sig=x"})
    with pytest.raises(ForgeError):
        forge.artifact("n", Pull(7, HEAD), 1000)
    assert hub.calls[-1].startswith("GET /_signed/")
    assert "authorization" not in hub.requests[-1].headers


def test_a_post_is_not_turned_into_a_get(forge: Forge, hub: Hub) -> None:
    hub.fail("POST", times=9, status=302, headers={"Location": f"{hub.url}/elsewhere"})
    with pytest.raises(ForgeError, match="redirects"):
        forge.write(7, "x", None)
    assert len(hub.calls) == 1


@pytest.mark.parametrize("url", ["https://example.com/x", "http://localhost:1/x", "http://[x/"])
def test_the_next_page_must_lie_on_the_same_server(hub: Hub, tmp_path: Path, url: str) -> None:
    link = f'<{url}?page=2>; rel="next"'
    forge = scripted(hub, tmp_path, httpx.Response(200, json=[], headers={"Link": link}))
    with pytest.raises(ForgeError, match="it leads on to"):
        forge.comment(7, lambda _: True)


def test_pages_without_end_are_not_read_to_their_end(hub: Hub, tmp_path: Path) -> None:
    link = f'<{hub.url}/repos/acme/tuning/issues/7/comments?page=2>; rel="next"'
    forge = scripted(hub, tmp_path, httpx.Response(200, json=[], headers={"Link": link}))
    with pytest.raises(ForgeError, match="more than 5,000 rows"):
        forge.comment(7, lambda _: True)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"null", b"{}", b"[" * 100_000, b'[{"body": 1}, 7, null]', b"\xff"],
)
def test_an_odd_answer_never_crashes(hub: Hub, tmp_path: Path, content: bytes) -> None:
    forge = scripted(hub, tmp_path, httpx.Response(200, content=content))
    calls: list[Callable[[], object]] = [
        lambda: forge.comment(7, lambda _: True),
        lambda: forge.write(7, "x", None),
        lambda: forge.head(7),
        lambda: forge.merged(HEAD),
        lambda: forge.issue("label", lambda _: True),
        lambda: forge.report("t", "b", "label", None, open_=True),
    ]
    for call in calls:
        try:
            assert call() is None or content.startswith(b"[{")
        except ForgeError as error:
            assert KEY not in str(error)  # noqa: PT017 - both ends are right here


def test_an_answer_that_is_too_large_is_not_kept(hub: Hub, tmp_path: Path) -> None:
    forge = scripted(hub, tmp_path, httpx.Response(200, content=bytes(65 * 1024 * 1024)))
    with pytest.raises(ForgeError, match="too large"):
        forge.head(7)


@pytest.mark.parametrize("message", [f"you sent {KEY}", f"{KEY[:9]}\x1b{KEY[9:]}", "x" * 290 + KEY])
def test_no_message_holds_the_token(hub: Hub, tmp_path: Path, message: str) -> None:
    forge = scripted(hub, tmp_path, httpx.Response(400, content=json.dumps({"message": message})))
    with pytest.raises(ForgeError) as caught:
        forge.head(7)
    assert KEY not in str(caught.value)
    assert KEY[:12] not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_token_that_is_no_header_is_not_shown(hub: Hub, tmp_path: Path) -> None:
    environ = {**hub.environ(tmp_path), "GITHUB_TOKEN": f"{KEY}\nX-Evil: 1"}
    with pytest.raises(ForgeError) as caught:
        connect(environ)
    assert KEY not in str(caught.value)
    assert "GITHUB_TOKEN" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://github.example.com/api/v3", "ftp://x", "https://", "http://[bad", "nonsense"]
)
def test_a_token_goes_over_https_or_nowhere(hub: Hub, tmp_path: Path, url: str) -> None:
    with pytest.raises(ForgeError, match="refused"):
        connect({**hub.environ(tmp_path), "GITHUB_API_URL": url})


def test_a_server_of_one_s_own_has_graphql_beside_rest(hub: Hub, tmp_path: Path) -> None:
    asked: list[str] = []

    def play(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json=[{"id": 1, "body": "x", "user": {"login": "me"}}])

    environ = {**hub.environ(tmp_path), "GITHUB_API_URL": "https://ghe.example.com/api/v3"}
    forge = connect(environ, transport=httpx.MockTransport(play), sleep=lambda _: None)
    assert forge is not None
    assert forge.comment(7, lambda _: True) is None
    root = "https://ghe.example.com/api"
    comments = f"{root}/v3/repos/acme/tuning/issues/7/comments?per_page=100"
    assert asked == [comments, f"{root}/graphql"]


def test_without_a_token_there_is_no_forge(hub: Hub, tmp_path: Path) -> None:
    assert connect({**hub.environ(tmp_path), "GITHUB_TOKEN": ""}) is None
    assert connect({}) is None


def test_a_bad_token_is_told_what_to_do(join: Callable[..., Forge]) -> None:
    unknown = "ghs_unknown"
    with pytest.raises(ForgeError) as caught:
        join(token=unknown).head(7)
    assert caught.value.what == "the token was refused (401)"
    assert caught.value.why == "Bad credentials"
    assert caught.value.fix


def test_the_headers_that_github_asks_for(forge: Forge, hub: Hub) -> None:
    forge.head(7)
    headers = hub.requests[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["user-agent"] == "dpo-ops"


def test_httpx_is_only_loaded_by_who_connects() -> None:
    code = "import sys, dpo_ops.forge as f; f.current({}); f.connect({}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "dpo_ops.forge.github.context" in done.stdout.split()
    assert "httpx" not in done.stdout.split()
