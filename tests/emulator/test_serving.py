"""The served emulator: a real port, real streams, real broken connections."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from dpo_ops.emulator import Emulator, running, serve

KEY = {"Authorization": "Bearer any"}
ACCOUNT = "/v1/accounts/emulator"
DATASET = {"datasetId": "d", "dataset": {"exampleCount": "3", "userUploaded": {}}}
SERVER = """
import sys
from pathlib import Path
from dpo_ops.emulator import StandIn, serve
class Named(StandIn):
    label = "named"
    def close(self):
        print("engine closed", flush=True)
serve(port=0, data=Path(sys.argv[1]), profile="managed", time_scale=1.0, api_key=None,
      announce=lambda line: print(line, flush=True), engine=Named())
print("closed", flush=True)
"""


@pytest.fixture
def client():
    with (
        Emulator(upload_limit=1 << 20) as emulator,
        running(emulator) as url,
        httpx.Client(base_url=url, headers=KEY) as made,
    ):
        yield made


def test_only_loopback_is_served(tmp_path: Path):
    with pytest.raises(ValueError, match="loopback"):
        serve(
            port=0,
            data=tmp_path,
            profile="managed",
            time_scale=1,
            api_key=None,
            announce=print,
            host="0.0.0.0",  # noqa: S104 - this is what must be refused
        )


def test_importing_the_emulator_does_not_import_the_server():
    code = "import sys, dpo_ops.emulator; sys.exit('uvicorn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_signed_urls_point_back_at_the_port(client: Any, valid_rows: bytes):
    client.post(ACCOUNT + "/datasets", json=DATASET)
    size = len(valid_rows)
    body = {"filenameToSize": {"a.jsonl": size}}
    urls = client.post(f"{ACCOUNT}/datasets/d:getUploadEndpoint", json=body).json()
    url = urls["filenameToSignedUrls"]["a.jsonl"]
    assert url.startswith(str(client.base_url).rstrip("/"))
    headers = {
        "Content-Type": "application/octet-stream",
        "x-goog-content-length-range": f"{size},{size}",
    }
    assert httpx.put(url, content=valid_rows, headers=headers).status_code == 200
    down = client.get(f"{ACCOUNT}/datasets/d:getDownloadEndpoint").json()["filenameToSignedUrls"]
    assert httpx.get(down["dataset/d/a.jsonl"]).content == valid_rows


def test_an_upload_in_pieces_and_one_too_large(client: Any):
    client.post(ACCOUNT + "/datasets", json=DATASET)
    path = f"{ACCOUNT}/datasets/d:upload"
    fits = client.post(path, files={"file": ("x.jsonl", b"x" * (1 << 20))})
    assert fits.json()["bytes"] == 1 << 20
    large = client.post(path, files={"file": ("x.jsonl", b"x" * ((1 << 20) + 1))})
    assert large.status_code == 413


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_really_breaks(client: Any, when: str):
    fault = {"method": "POST", "drop": True, "when": when}
    client.post("/_emulator/faults", json=fault)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(ACCOUNT + "/datasets", json=DATASET)
    found = client.get(ACCOUNT + "/datasets/d").status_code
    assert found == (200 if when == "after" else 404)


def test_many_at_once_create_one(client: Any):
    def create(_: Any):
        return client.post(ACCOUNT + "/datasets", json=DATASET).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(16))) == [200] + [409] * 15


def test_a_slow_upload_holds_nobody_up(client: Any, valid_rows: bytes):
    client.post(ACCOUNT + "/datasets", json=DATASET)
    begun, go_on = threading.Event(), threading.Event()

    def pieces():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        begun.set()
        assert go_on.wait(5)
        yield valid_rows + b"\r\n--b--\r\n"

    def upload():
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        return client.post(f"{ACCOUNT}/datasets/d:upload", content=pieces(), headers=kind)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(upload)
        assert begun.wait(5)
        assert client.get(ACCOUNT + "/datasets").status_code == 200
        go_on.set()
        assert slow.result().json()["bytes"] == len(valid_rows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(tmp_path: Path, number: int):
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline().strip()
        assert line.startswith("listening on http://127.0.0.1:")
        url = line.removeprefix("listening on ")
        assert httpx.get(url + "/v1/accounts", headers=KEY).status_code == 200
        messages = [{"role": "user", "content": "hi"}]
        body = {"model": "accounts/fireworks/models/glm-5p3-flash", "messages": messages}
        answer = httpx.post(url + "/v1/chat/completions", json=body, headers=KEY)
        assert answer.headers["x-emulator-engine"] == "named"
        server.send_signal(number)
        assert server.stdout.read() == "engine closed\nclosed\n"
    assert server.returncode == 0


def test_what_was_answered_survives_a_kill(tmp_path: Path):
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip().removeprefix("listening on ")
        httpx.post(url + ACCOUNT + "/datasets", json=DATASET, headers=KEY)
        os.kill(server.pid, signal.SIGKILL)
    with Emulator(tmp_path) as emulator, running(emulator) as url:
        assert httpx.get(url + ACCOUNT + "/datasets/d", headers=KEY).status_code == 200
        log = httpx.get(url + "/_emulator/requests").json()["requests"]
    assert [entry["status"] for entry in log] == [200, 200]


RACER = """
import sys
import httpx
from pathlib import Path
from dpo_ops.emulator import Emulator, EmulatorTransport
with Emulator(Path(sys.argv[1])) as emulator:
    client = httpx.Client(transport=EmulatorTransport(emulator), base_url="http://x",
                          headers={"Authorization": "Bearer x"})
    for number in range(20):
        body = {"datasetId": f"d{number}", "dataset": {"exampleCount": "1"}}
        print(client.post("/v1/accounts/emulator/datasets", json=body).status_code)
"""


def test_processes_that_share_a_folder_take_turns(tmp_path: Path):
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [racer.communicate()[0].split() for racer in racers]
    for results in zip(*outputs, strict=True):
        assert sorted(results) == ["200", "409", "409"]
    assert all(len(output) == 20 for output in outputs)
