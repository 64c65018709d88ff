"""Datasets and the bucket behind signed URLs."""

from typing import Any
from urllib.parse import urlsplit

import pytest

RANGE = "x-goog-content-length-range"


def create(name: str = "prefs", **fields: Any):
    dataset = {"exampleCount": "3", "userUploaded": {}, **fields}
    return {"json": {"datasetId": name, "dataset": dataset}}


def signed(size: int, kind: str = "application/octet-stream"):
    return {"Content-Type": kind, RANGE: f"{size},{size}"}


def test_an_uploaded_dataset_needs_its_example_count_inside_the_dataset(api: Any):
    body = {"datasetId": "prefs", "dataset": {"userUploaded": {}}}
    refused = api.fails(400, "POST", "/datasets", json=body)
    message = "error validating dataset: example_count is required for uploaded datasets"
    assert refused == {"code": 3, "details": [], "message": message}
    unknown = api.fails(400, "POST", "/datasets", json={**body, "exampleCount": "3"})
    assert 'unknown field "exampleCount"' in unknown["message"]


def test_a_second_dataset_of_the_same_id_is_refused(api: Any):
    api.ok("POST", "/datasets", **create())
    assert api.fails(409, "POST", "/datasets", **create())["code"] == 6


@pytest.mark.parametrize("name", ["", "1st", "-a", "a-", "A", "a_b", "a" * 64, "a.b"])
def test_an_id_that_breaks_the_rule_is_refused(api: Any, name: str):
    api.fails(400, "POST", "/datasets", **create(name))


def test_snake_case_is_understood_and_camel_case_answered(api: Any):
    body = {
        "dataset_id": "prefs",
        "dataset": {"example_count": 3, "user_uploaded": {}, "display_name": "d"},
    }
    made = api.ok("POST", "/datasets", json=body)
    assert (made["exampleCount"], made["displayName"]) == ("3", "d")


def test_the_example_count_is_not_compared_with_the_file(api: Any, valid_rows: bytes):
    api.ok("POST", "/datasets", **create(exampleCount="99"))
    api.ok("POST", "/datasets/prefs:upload", files={"file": ("x.jsonl", valid_rows)})
    api.wait(1)
    assert api.ok("GET", "/datasets/prefs")["exampleCount"] == "99"


def test_what_cannot_be_an_upload_is_refused(api: Any):
    api.ok("POST", "/datasets", **create())
    path = "/datasets/prefs:upload"
    api.fails(400, "POST", path, files={"file": ("x.jsonl", b"")})
    api.fails(400, "POST", path, files={"other": ("x.jsonl", b"x")})
    api.fails(400, "POST", path, files={"file": ("../x.jsonl", b"x")})
    api.fails(400, "POST", path, content=b"x")
    api.fails(404, "POST", "/datasets/none:upload", files={"file": ("x.jsonl", b"x")})
    assert list(api.emulator._store.folder.glob("incoming-*")) == []


def test_too_large_an_upload_is_refused_before_it_is_all_read(make: Any):
    api = make(upload_limit=1 << 20)
    api.ok("POST", "/datasets", **create())
    boundary = "frontier"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    read = []

    def chunks():
        yield head.encode()
        for number in range(64):
            read.append(number)
            yield b"x" * (1 << 17)

    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    api.fails(413, "POST", "/datasets/prefs:upload", content=chunks(), headers=kind)
    assert len(read) < 12


def test_signed_urls_take_exactly_what_was_signed(api: Any, valid_rows: bytes):
    size = len(valid_rows)
    api.ok("POST", "/datasets", **create())
    body = {"filenameToSize": {"a.jsonl": str(size)}, "readMask": ""}
    urls = api.ok("POST", "/datasets/prefs:getUploadEndpoint", json=body)
    url = urls["filenameToSignedUrls"]["a.jsonl"]
    assert urlsplit(url).netloc == "api.fireworks.ai"
    not_yet = api.fails(400, "POST", "/datasets/prefs:validateUpload", json={})
    assert not_yet["code"] == 9

    for headers in ({}, {RANGE: f"{size},{size}"}, signed(size, "text/plain"), signed(size + 1)):
        assert api.http.put(url, content=valid_rows, headers=headers).status_code == 403
    short = api.http.put(url, content=valid_rows[:-1], headers=signed(size))
    assert "EntityTooSmall" in short.text
    assert api.http.put(url, content=valid_rows, headers=signed(size)).status_code == 200
    assert api.ok("POST", "/datasets/prefs:validateUpload", json={}) == {}
    api.wait(1)
    assert api.ok("GET", "/datasets/prefs")["state"] == "READY"
    assert api.ok("POST", "/datasets/prefs:validateUpload", json={}) == {}
    assert api.ok("GET", "/datasets/prefs")["state"] == "READY"


def test_signed_urls_need_no_key_and_expire(api: Any, valid_rows: bytes):
    api.ok("POST", "/datasets", **create())
    sizes = {"a.jsonl": len(valid_rows)}
    urls = api.ok("POST", "/datasets/prefs:getUploadEndpoint", json={"filenameToSize": sizes})
    url = urls["filenameToSignedUrls"]["a.jsonl"]
    headers = {**signed(len(valid_rows)), "Authorization": ""}
    assert api.http.put(url, content=valid_rows, headers=headers).status_code == 200
    api.wait(3601)
    assert "ExpiredToken" in api.http.put(url, content=valid_rows, headers=headers).text


def test_each_registration_replaces_the_one_before(api: Any, valid_rows: bytes):
    api.ok("POST", "/datasets", **create())
    path = "/datasets/prefs:getUploadEndpoint"
    size = len(valid_rows)
    old = api.ok("POST", path, json={"filenameToSize": {"old.jsonl": size}})
    new = api.ok("POST", path, json={"filenameToSize": {"new.jsonl": size}})
    for urls in (old, new):
        (url,) = urls["filenameToSignedUrls"].values()
        api.http.put(url, content=valid_rows, headers=signed(size))
    api.ok("POST", "/datasets/prefs:validateUpload", json={})
    files = api.ok("GET", "/datasets/prefs:getDownloadEndpoint")["filenameToSignedUrls"]
    assert list(files) == ["dataset/prefs/new.jsonl"]


@pytest.mark.parametrize("sizes", [{}, {"a": "0"}, {"../a": "1"}, {"a/b": "1"}, {"a": "x"}])
def test_files_that_cannot_be_registered_are_refused(api: Any, sizes: dict[str, str]):
    api.ok("POST", "/datasets", **create())
    path = "/datasets/prefs:getUploadEndpoint"
    api.fails(400, "POST", path, json={"filenameToSize": sizes})


def test_downloads_are_the_bytes_that_were_sent(api: Any, valid_rows: bytes):
    api.dataset("prefs", valid_rows)
    path = "/datasets/prefs:getDownloadEndpoint"
    urls = api.ok("GET", path)["filenameToSignedUrls"]
    url = urls["dataset/prefs/train.jsonl"]
    assert api.http.get(url).content == valid_rows
    api.fails(400, "GET", path, content=b"{}")
    assert api.call("POST", path, json={}).text == "Method Not Allowed"
    api.wait(600)
    assert api.http.get(url).status_code == 400


def test_patch_delete_and_recreate(api: Any):
    api.dataset()
    patched = api.ok("PATCH", "/datasets/prefs", json={"displayName": "new", "state": "UPLOADING"})
    assert (patched["displayName"], patched["state"]) == ("new", "READY")
    api.fails(400, "PATCH", "/datasets/prefs", json={"displayName": "x" * 64})
    assert api.ok("DELETE", "/datasets/prefs") == {}
    api.fails(404, "GET", "/datasets/prefs")
    api.fails(404, "DELETE", "/datasets/prefs")
    api.dataset()


def test_an_external_dataset_is_ready_without_an_upload(api: Any):
    body = {"datasetId": "far", "dataset": {"externalUrl": "gs://bucket/x.jsonl"}}
    api.ok("POST", "/datasets", json=body)
    api.wait(1)
    api.ok("POST", "/dpoJobs?dpoJobId=j", json=api.job_body("accounts/emulator/datasets/far"))
    api.wait(5)
    assert api.ok("GET", "/dpoJobs/j")["state"] == "JOB_STATE_PENDING"


def test_split(api: Any, valid_rows: bytes):
    api.dataset("prefs", valid_rows * 100)
    split = api.ok("POST", "/datasets/prefs:splitDataset", json={"chunkSize": 200})
    assert (split["chunksCreated"], split["totalExamples"]) == (2, "300")
    api.wait(1)
    chunk = api.ok("GET", "/datasets/prefs-chunk-1")
    assert (chunk["state"], chunk["exampleCount"]) == ("READY", "100")
    assert chunk["splitted"] == {"sourceDatasetId": "prefs"}
    api.fails(400, "POST", "/datasets/prefs:splitDataset", json={"chunkSize": 199})


def test_timestamps_have_nanoseconds_on_create_and_microseconds_later(api: Any):
    made = api.ok("POST", "/datasets", **create())
    read = api.ok("GET", "/datasets/prefs")
    assert len(made["createTime"]) == len("2026-08-30T03:48:42.645723285Z")
    assert len(read["createTime"]) == len("2026-08-30T03:48:42.645723Z")
