from __future__ import annotations

import hashlib
import tracemalloc
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dpo_ops import errors
from dpo_ops.client import Client, Settings
from dpo_ops.client.stream import CHUNK, Multipart, Watch, chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.conftest import Promise


@pytest.mark.parametrize("name", ['a"b.jsonl', "ä\r\nX: y.jsonl", "x;filename=y"])
def test_a_file_name_can_not_leave_its_quotes(promise: Promise, name: str):
    head = next(Multipart(promise(b"x", name)).body(Watch())).decode("ascii")
    assert head.count("\r\n") == 4
    assert head.count('"') == 4


@given(st.binary(max_size=64), st.integers(1, 3))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_arrive_unchanged(promise: Promise, content: bytes, times: int):
    file = promise(b"\r\n--" + content * times)
    form = Multipart(file)
    body = b"".join(form.body(Watch()))
    assert len(body) == form.size
    assert body.count(form.boundary.encode()) == 2
    assert file.file.read_bytes() in body


@pytest.mark.parametrize(("by", "size"), [(b"y", 0), (b"x", 1), (b"x", -1)])
def test_a_file_that_changes_meanwhile_stays_incomplete(promise: Promise, by: bytes, size: int):
    file = promise(b"x" * (3 * CHUNK))
    stream = chunks(file, Watch())
    sent = [next(stream)]
    file.file.write_bytes(b"x" * (2 * CHUNK) + by * (CHUNK + size))
    with pytest.raises(errors.StorageError, match="not the one that was planned"):
        sent.extend(stream)
    assert len(b"".join(sent)) < file.size


class Sink(httpx.BaseTransport):
    """Takes a body chunk by chunk and forgets it."""

    def __init__(self) -> None:
        self.size, self.largest = 0, 0

    def handle_request(self, request: httpx.Request):
        for chunk in request.stream:
            self.size += len(chunk)
            self.largest = max(self.largest, len(chunk))
        return httpx.Response(200, json={})


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    file, size = tmp_path / "large.jsonl", 60_000_000
    with file.open("wb") as out:
        out.truncate(size)
    digest = hashlib.sha256(bytes(size)).hexdigest()
    sink = Sink()
    client = Client(Settings("fw_key", "acme"), transport=sink)
    tracemalloc.start()
    client.upload("d", file, size=size, digest=digest)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sink.size > size
    assert sink.largest <= CHUNK
    assert peak < 3_000_000
