"""Against real sockets on this machine: what a fake transport can't show."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops import errors
from dpo_ops.client import Client, Settings
from dpo_ops.client.stream import CHUNK

if TYPE_CHECKING:
    from tests.client.conftest import Promise


MODEL = "accounts/acme/models/m"


class Service(BaseHTTPRequestHandler):
    """Answers by the server's `answers`, and notes what it got in `got`."""

    protocol_version = "HTTP/1.1"

    def _answer(self):
        size = int(self.headers.get("content-length", 0))
        body = self.rfile.read(size)
        self.server.got.append((self.command, self.path, dict(self.headers), body))
        self.server.arrived.release()
        self.server.answers.pop(0)(self)

    do_GET = do_POST = do_PUT = do_CONNECT = _answer  # noqa: N815 - http.server calls these

    def log_message(self, *_args: Any):
        pass


@contextmanager
def served(*answers: Any):
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.daemon_threads = False  # So that leaving waits for the last request.
        server.answers, server.got, server.arrived = list(answers), [], threading.Semaphore(0)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def said(status: int, body: bytes = b"{}", **headers: Any):
    def answer(handler: Service):
        handler.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def broken(handler: Service):
    """Promise ten bytes, send two, hang up."""
    said(200, b"{}", **{"Content-Length": 10})(handler)
    handler.close_connection = True


def hang_up(handler: Service):
    handler.close_connection = True


@contextmanager
def client_of(url: str, clock: Clock, **options: Any):
    told = Settings(api_key="fw_key_of_nobody", account="acme", base_url=url)
    with Client(told, clock=clock, timeout_s=5, **options) as client:
        yield client


class Clock:
    def __init__(self) -> None:
        self.slept = []

    def now(self):
        return 0.0

    def sleep(self, seconds: float):
        self.slept.append(seconds)


@pytest.fixture
def clock():
    return Clock()


def at(server: ThreadingHTTPServer):
    return f"http://127.0.0.1:{server.server_port}"


def test_what_is_sent(clock: Clock):
    with served(said(200)) as server, client_of(at(server) + "/prefix", clock) as client:
        client.get(MODEL, {"readMask": "name"})
    ((method, path, headers, body),) = server.got
    assert (method, path, body) == ("GET", f"/prefix/v1/{MODEL}?readMask=name", b"")
    assert headers["Authorization"] == "Bearer fw_key_of_nobody"
    assert headers["User-Agent"].startswith("dpo-ops/")


def test_an_answer_that_breaks_off_is_asked_for_again(clock: Clock):
    with served(broken, said(200, b'{"a": 1}')) as server, client_of(at(server), clock) as client:
        assert client.get(MODEL) == {"a": 1}
    assert len(clock.slept) == 1


def test_a_write_whose_answer_breaks_off_is_not(clock: Clock):
    with served(broken) as server, client_of(at(server), clock) as client:
        with pytest.raises(errors.Unreachable, match="may have taken effect"):
            client.post("accounts/acme/dpoJobs", {"a": 1})
        assert len(server.got) == 1


def test_a_port_where_nobody_listens(clock: Clock):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            client_of(url, clock) as client,
            pytest.raises(errors.Unreachable, match="refused") as caught,
        ):
            client.post("accounts/acme/dpoJobs", {"a": 1})
    assert url in caught.value.fix
    assert len(clock.slept) == 4  # A write, and still repeated: it never left.


def test_a_bomb_is_read_to_the_limit_only(clock: Clock):
    bomb = gzip.compress(bytes(20_000_000))
    with (
        served(said(200, bomb, Content_Encoding="gzip")) as server,
        client_of(at(server), clock) as client,
    ):
        client._wire._limit = 1_000_000
        with pytest.raises(errors.ServerFault, match="larger than 1000000 bytes"):
            client.get(MODEL)
    assert client.calls.received == 1_000_000


def test_no_cookie_is_sent_back(clock: Clock):
    with (
        served(said(200, Set_Cookie="a=b; Path=/"), said(200)) as server,
        client_of(at(server), clock) as client,
    ):
        client.get(MODEL)
        client.get(MODEL)
    assert "Cookie" not in server.got[1][2]


def test_an_upload_arrives_in_full(clock: Clock, promise: Promise):
    file = promise(bytes(range(256)) * 4096)
    with served(said(200)) as server, client_of(at(server), clock) as client:
        client.upload("d", file.file, size=file.size, digest=file.digest)
    ((_, _, headers, body),) = server.got
    assert file.file.read_bytes() in body
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize("limit", [10**9, 1])
def test_an_upload_of_a_file_that_changes_meanwhile_never_completes(
    clock: Clock, promise: Promise, limit: int
):
    file = promise(bytes(CHUNK * 4))

    def change(done: int, _total: int):
        if done == CHUNK:
            file.file.write_bytes(bytes(CHUNK * 3) + b"x" * CHUNK)

    with served() as server:
        name = b'{"filenameToSignedUrls": {"pairs.jsonl": "%s/o"}}' % at(server).encode()
        server.answers += [said(200, name)] * (limit == 1) + [hang_up]
        with (
            client_of(at(server), clock, multipart_limit=limit) as client,
            pytest.raises(errors.StorageError, match="not the one that was planned"),
        ):
            client.upload("d", file.file, size=file.size, digest=file.digest, progress=change)
        assert all(server.arrived.acquire(timeout=10) for _ in range(1 + (limit == 1)))
    bodies = [(int(h["Content-Length"]), len(b)) for m, p, h, b in server.got if "End" not in p]
    assert len(bodies) == 1
    assert bodies[0][1] < bodies[0][0]


def test_a_proxy_is_not_used_for_this_machine(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with served(said(200)) as server, client_of(at(server), clock) as client:
        client.get(MODEL)
    assert len(server.got) == 1


def test_a_proxy_is_used_for_the_world_and_never_sees_the_key(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    with served(*[said(407)] * 5) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", at(proxy))
        monkeypatch.setenv("NO_PROXY", "")
        with (
            client_of("https://api.fireworks.example", clock) as client,
            pytest.raises(errors.Unreachable, match="the proxy refused"),
        ):
            client.get(MODEL)
    assert {method for method, *_ in proxy.got} == {"CONNECT"}
    assert "fw_key_of_nobody" not in repr(proxy.got)


def test_a_proxy_setting_that_makes_no_sense_is_said_without_its_password(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:hunter2@proxy.example")
    monkeypatch.setenv("NO_PROXY", "")
    with (
        pytest.raises(errors.SettingsError, match="HTTPS_PROXY") as caught,
        client_of("https://api.fireworks.example", clock),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
