from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from python_multipart.multipart import parse_form

from dpo_ops import errors
from dpo_ops.client.stream import CHUNK, Multipart, Watch, chunks

if TYPE_CHECKING:
    from dpo_ops.client import Promised
    from tests.client.conftest import Promise, Talk, Talker


SIGNED = "https://bucket.example/o/pairs.jsonl?X-Goog-Signature=secret-value"


def done():
    return httpx.Response(200, json={})


def urls(url: str = SIGNED, name: str = "pairs.jsonl"):
    return httpx.Response(200, json={"filenameToSignedUrls": {name: url}})


def upload(said: Talk, file: Promised, **more: Any):
    said.client.upload("d", file.file, size=file.size, digest=file.digest, **more)


def parsed(request: httpx.Request):
    files = []
    headers = {
        "Content-Type": request.headers["content-type"].encode(),
        "Content-Length": request.headers["content-length"].encode(),
    }
    parse_form(headers, io.BytesIO(request.content), None, files.append)
    return files


def test_a_small_file_goes_in_one_multipart_request(talk: Talker, promise: Promise):
    said, file = talk(done()), promise(b'{"a": 1}\n' * 50_000)
    seen = []
    upload(said, file, progress=lambda now, total: seen.append((now, total)))
    (request,) = said.script.requests
    assert said.script.asked == ["POST /v1/accounts/acme/datasets/d:upload"]
    assert "transfer-encoding" not in request.headers
    assert int(request.headers["content-length"]) == len(request.content)
    (sent,) = parsed(request)
    sent.file_object.seek(0)
    assert (sent.field_name, sent.file_name) == (b"file", b"pairs.jsonl")
    assert sent.file_object.read() == file.file.read_bytes()
    assert seen == [(CHUNK, file.size), (file.size, file.size)]
    sent.close()


@pytest.mark.parametrize("dataset", ["d", "accounts/acme/datasets/d"])
def test_a_dataset_is_an_id_or_a_name(talk: Talker, promise: Promise, dataset: str):
    said, file = talk(done()), promise(b"x")
    said.client.upload(dataset, file.file, size=1, digest=file.digest)
    assert said.script.asked == ["POST /v1/accounts/acme/datasets/d:upload"]


def test_a_large_file_goes_to_a_signed_url(talk: Talker, promise: Promise):
    said, file = talk(urls(), done(), done(), multipart_limit=100), promise(b"x" * 300_000)
    seen = []
    upload(said, file, progress=lambda now, total: seen.append((now, total)))
    ask, put, validate = said.script.requests
    assert said.script.asked == [
        "POST /v1/accounts/acme/datasets/d:getUploadEndpoint",
        "PUT /o/pairs.jsonl?X-Goog-Signature=secret-value",
        "POST /v1/accounts/acme/datasets/d:validateUpload",
    ]
    assert json.loads(ask.content) == {"filenameToSize": {"pairs.jsonl": "300000"}}
    assert put.url == SIGNED
    assert put.content == file.file.read_bytes()
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.headers["x-goog-content-length-range"] == "300000,300000"
    assert put.headers["content-length"] == "300000"
    assert "transfer-encoding" not in put.headers
    assert json.loads(validate.content) == {}
    assert seen[-1] == (300_000, 300_000)


def test_the_storage_never_gets_the_key(talk: Talker, promise: Promise, key: str):
    said = talk(urls(), done(), done(), multipart_limit=1)
    upload(said, promise(b"xyz"))
    ask, put, _ = said.script.requests
    assert ask.headers["authorization"] == f"Bearer {key}"
    assert "authorization" not in put.headers
    assert key not in str(put.headers.raw)


def test_the_transport_outlives_an_upload(talk: Talker, promise: Promise):
    closed = []
    said = talk(urls(), done(), done(), multipart_limit=1)
    said.script.close = lambda: closed.append(1)
    upload(said, promise(b"xyz"))
    assert closed == []
    said.client.close()
    assert closed == [1]


@pytest.mark.parametrize("trouble", [httpx.ReadError("x"), httpx.WriteError("x"), 408, 503],
                         ids=repr)  # fmt: skip
def test_a_whole_upload_is_repeated(talk: Talker, promise: Promise, trouble: Exception | int):
    reply = httpx.Response(trouble) if isinstance(trouble, int) else trouble
    said, file = talk(reply, reply, done()), promise(b"x" * CHUNK * 2)
    seen = []
    upload(said, file, progress=lambda now, _: seen.append(now))
    assert [len(r.content) for r in said.script.requests] == [Multipart(file).size] * 3
    assert seen == [CHUNK, 2 * CHUNK] * 3


def test_a_put_is_repeated(talk: Talker, promise: Promise):
    said = talk(urls(), httpx.ReadError("x"), httpx.Response(503), done(), done(),
                multipart_limit=1)  # fmt: skip
    upload(said, promise(b"xyz"))
    assert [r.content for r in said.script.requests[1:4]] == [b"xyz"] * 3
    assert said.client.calls.summary()["requests"]["PUT {signed URL}"] == 3


def test_uploads_are_repeated_only_a_few_times(talk: Talker, promise: Promise):
    said = talk(*[httpx.Response(503)] * 9)
    with pytest.raises(errors.ServerFault):
        upload(said, promise(b"xyz"))
    assert len(said.script.requests) == 3


@pytest.mark.parametrize("limit", [150_000_000, 1])
@pytest.mark.parametrize("change", [b"abcX", b"abcde", b"ab", b""])
def test_a_file_that_changed_before_is_not_sent(
    talk: Talker, promise: Promise, change: bytes, limit: int
):
    said, file = talk(urls(), done(), done(), multipart_limit=limit), promise(b"abcd")
    file.file.write_bytes(change)
    with pytest.raises(errors.StorageError, match="not the one that was planned") as caught:
        upload(said, file)
    assert caught.value.where == str(file.file)
    assert all(r.method != "PUT" and ":upload" not in str(r.url) for r in said.script.requests)


def test_a_file_that_is_gone_or_a_folder_is_named(talk: Talker, promise: Promise):
    file = promise(b"x")
    file.file.unlink()
    with pytest.raises(errors.StorageError, match="FileNotFoundError"):
        upload(talk(), file)
    file.file.mkdir()
    with pytest.raises(errors.StorageError):
        list(chunks(file, Watch()))


def test_an_upload_can_be_stopped_between_chunks(talk: Talker, promise: Promise):
    seen = []
    said = talk()
    with pytest.raises(errors.Interrupted, match="middle of an upload"):
        upload(
            said,
            promise(b"x" * CHUNK * 4),
            progress=lambda now, _: seen.append(now),
            stop=lambda: len(seen) == 2,
        )
    assert seen == [CHUNK, 2 * CHUNK]
    assert said.script.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://bucket.example/o?sig=secret-value", "ftp://bucket.example/secret-value",
     "https://secret-value@bucket.example/o", "/relative?secret-value", "https://h:p?secret-value",
     "http://127.0.0.1.example/?secret-value", ""],
)  # fmt: skip
def test_bytes_go_only_where_it_is_safe(talk: Talker, promise: Promise, url: str):
    said = talk(urls(url), multipart_limit=1)
    with pytest.raises(errors.StorageError, match="can't be trusted") as caught:
        upload(said, promise(b"xyz"))
    assert len(said.script.requests) == 1
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "[::1]:9", "localhost:9"])
def test_plain_http_is_fine_on_this_machine(talk: Talker, promise: Promise, host: str):
    upload(talk(urls(f"http://{host}/o"), done(), done(), multipart_limit=1), promise(b"xyz"))


@pytest.mark.parametrize("answer", [{}, {"filenameToSignedUrls": None}, {"x": 1},
                                    {"filenameToSignedUrls": {"other": "https://x/"}},
                                    {"filenameToSignedUrls": {"pairs.jsonl": 5}}])  # fmt: skip
def test_an_answer_without_an_address_is_said(talk: Talker, promise: Promise, answer: Any):
    said = talk(httpx.Response(200, json=answer), multipart_limit=1)
    with pytest.raises(errors.StorageError, match="no address to upload to"):
        upload(said, promise(b"xyz"))


def test_an_address_may_be_keyed_by_a_path(talk: Talker, promise: Promise):
    said = talk(urls(name="dataset/d/pairs.jsonl"), done(), done(), multipart_limit=1)
    upload(said, promise(b"xyz"))


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (httpx.Response(403, content=b"<Error><Code>SignatureDoesNotMatch</Code>"
                        b"<StringToSign>secret-value</StringToSign></Error>"),
         "bucket.example: answered 403 SignatureDoesNotMatch"),
        (httpx.Response(400, text="secret-value"), "bucket.example: answered 400"),
        (httpx.Response(308, headers={"location": "https://x.example/"}),
         "bucket.example: answered 308"),
        (httpx.LocalProtocolError("secret-value"), "the connection broke off"),
    ],
)  # fmt: skip
def test_a_refusal_of_the_storage_shows_its_code_only(
    talk: Talker, promise: Promise, response: httpx.Response, why: str
):
    said = talk(urls(), response, multipart_limit=1)
    with pytest.raises(errors.StorageError, match="did not take the file") as caught:
        upload(said, promise(b"xyz"))
    assert why in caught.value.why
    assert "secret-value" not in str(caught.value)
    assert len(said.script.requests) == 2


def test_a_retired_service_is_not_asked_twice(talk: Talker, promise: Promise):
    said = talk(httpx.Response(501, json={"code": 12, "message": "unimplemented"}))
    with pytest.raises(errors.Retired, match="2026-11-15"):
        upload(said, promise(b"xyz"))


def test_an_adapter_goes_up_with_all_its_files_in_one_registration(talk: Talker, promise: Promise):
    files = [promise(b"{}", "adapter_config.json"), promise(b"xyz", "adapter_model.safetensors")]
    both = {f.name: f"https://bucket.example/{f.name}" for f in files}
    landing = httpx.Response(400, json={"code": 9, "message": "files are still landing"})
    said = talk(httpx.Response(200, json={"filenameToSignedUrls": both}), done(), done(),
                landing, landing, done())  # fmt: skip
    seen = []
    said.client.upload_model("m", files, progress=lambda now, total: seen.append((now, total)))
    assert said.script.asked == [
        "POST /v1/accounts/acme/models/m:getUploadEndpoint",
        "PUT /adapter_config.json",
        "PUT /adapter_model.safetensors",
        *["GET /v1/accounts/acme/models/m:validateUpload"] * 3,
    ]
    sizes = json.loads(said.script.requests[0].content)["filenameToSize"]
    assert sizes == {"adapter_config.json": "2", "adapter_model.safetensors": "3"}
    assert seen == [(2, 5), (5, 5)]


def test_an_adapter_that_never_validates_is_an_error(talk: Talker, promise: Promise):
    refuse = [httpx.Response(400, json={"message": "bad adapter"})] * 5
    said = talk(urls("https://b.example/"), done(), *refuse)
    with pytest.raises(errors.Rejected, match="bad adapter"):
        said.client.upload_model("m", [promise(b"xyz")])
