"""The client against the emulator, in this process and over a loopback port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops import errors
from dpo_ops.client.stream import CHUNK
from tests.client.emulated import World, world

if TYPE_CHECKING:
    from dpo_ops.client import Client, Promised
    from tests.client.conftest import Promise


@pytest.fixture(params=["in-process", "loopback"])
def here(request: pytest.FixtureRequest):
    with world(request.param) as found:
        yield found


@pytest.fixture
def served():
    """Over a port only: there the emulator can't see why a body ends too early."""
    with world("loopback") as found:
        yield found


@pytest.fixture
def client(here: World):
    with here.client() as made:
        yield made


def create(client: Client, identifier: str = "prefs", rows: int = 3):
    body = {
        "datasetId": identifier,
        "dataset": {"userUploaded": {}, "exampleCount": str(rows), "format": "CHAT"},
    }
    return client.post(f"accounts/{client.account}/datasets", body, repeatable=True)


def state(client: Client, identifier: str = "prefs"):
    return client.get(f"accounts/{client.account}/datasets/{identifier}")["state"]


def upload(client: Client, file: Promised, **options: Any):
    client.upload("prefs", file.file, size=file.size, digest=file.digest, **options)


def stored(client: Client, name: str = "pairs.jsonl"):
    """The bytes that the service keeps, by way of its own download URL."""
    path = f"accounts/{client.account}/datasets/prefs:getDownloadEndpoint"
    url = client.get(path)["filenameToSignedUrls"][f"dataset/prefs/{name}"]
    return client._http.get(url).content


def test_the_account_is_discovered(client: Client):
    assert client.account == "emulator"


def test_more_than_a_page_is_listed(client: Client):
    for number in range(203):
        create(client, f"d{number}")
    names = [d["name"] for d in client.list("datasets")]
    assert len(names) == len(set(names)) == 203
    assert client.calls.requests["GET accounts/{}/datasets"] == 2


@pytest.mark.parametrize("limit", [150_000_000, 1], ids=["multipart", "signed"])
def test_an_upload_arrives(here: World, promise: Promise, limit: int):
    file = promise(b'{"text": "\xc3\xa4"}\r\n--\r\n' * 40_000)
    with here.client(multipart_limit=limit) as client:
        assert create(client)["state"] == "UPLOADING"
        seen = []
        upload(client, file, progress=lambda *at: seen.append(at))
        here.emulator.advance(2)
        assert state(client) == "READY"
        assert stored(client) == file.file.read_bytes()
    assert seen[-1] == (file.size, file.size)
    assert len(here.seen(":validateUpload")) == (limit == 1)


@pytest.mark.parametrize("limit", [150_000_000, 1], ids=["multipart", "signed"])
def test_an_upload_can_be_repeated_whole(here: World, promise: Promise, limit: int):
    file = promise(b"x" * 1000)
    with here.client(multipart_limit=limit) as client:
        create(client)
        upload(client, file)
        upload(client, file)
        here.emulator.advance(2)
        assert (state(client), stored(client)) == ("READY", file.file.read_bytes())


@pytest.mark.parametrize(
    ("limit", "path"),
    [(150_000_000, "*:upload"), (1, "/_storage/*"), (1, "*:getUploadEndpoint"),
     (1, "*:validateUpload")],
)  # fmt: skip
@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 503, "headers": {"retry-after": "2"}}, {"drop": True},
     {"status": 500, "when": "after"}, {"drop": True, "when": "after"}],
    ids="-".join,
)  # fmt: skip
def test_a_fault_in_the_middle_of_an_upload_is_got_over(
    here: World, promise: Promise, limit: int, path: str, fault: dict[str, object]
):
    file = promise(bytes(range(256)) * 4096)
    here.fault(path=path, **fault)
    with here.client(multipart_limit=limit) as client:
        create(client)
        upload(client, file)
        here.emulator.advance(2)
        assert (state(client), stored(client)) == ("READY", file.file.read_bytes())
        assert client.calls.retries == 1


def test_an_upload_that_is_stopped_leaves_nothing_ready(served: World, promise: Promise):
    file, seen = promise(bytes(CHUNK * 6)), []
    with served.client() as client:
        create(client)
        with pytest.raises(errors.Interrupted):
            upload(client, file, progress=lambda *at: seen.append(at), stop=lambda: len(seen) > 2)
        served.emulator.advance(5)
        assert state(client) == "UPLOADING"
        upload(client, file)
        served.emulator.advance(5)
        assert state(client) == "READY"


@pytest.mark.parametrize("limit", [150_000_000, 1], ids=["multipart", "signed"])
def test_a_file_that_changes_under_way_is_never_stored(served: World, promise: Promise, limit: int):
    file = promise(bytes(CHUNK * 6))

    def edit(done: int, _total: int):
        if done == CHUNK:
            file.file.write_bytes(bytes(CHUNK * 5) + b"x" * CHUNK)

    with served.client(multipart_limit=limit) as client:
        create(client)
        with pytest.raises(errors.StorageError, match=r"pairs\.jsonl"):
            upload(client, file, progress=edit)
        served.emulator.advance(5)
        assert state(client) == "UPLOADING"
        path = f"accounts/{client.account}/datasets/prefs:getDownloadEndpoint"
        assert client.get(path)["filenameToSignedUrls"] == {}


def test_a_file_that_is_too_large_for_one_request_is_refused(promise: Promise):
    with world("in-process", upload_limit=100) as small, small.client() as client:
        create(client)
        with pytest.raises(errors.Rejected, match="413") as caught:
            upload(client, promise(b"x" * 1000))
        assert "getUploadEndpoint" in caught.value.why


def test_an_adapter_is_uploaded_and_validated(here: World, client: Client, promise: Promise):
    base = "accounts/fireworks/models/llama-v3p1-8b-instruct"
    config = b'{"r": 8, "target_modules": ["q_proj"], "peft_type": "LORA"}'
    details = {"baseModel": base, "r": 8, "targetModules": ["q_proj"]}
    body = {"modelId": "tuned", "model": {"kind": "HF_PEFT_ADDON", "peftDetails": details}}
    client.post(f"accounts/{client.account}/models", body, repeatable=True)
    files = [promise(config, "adapter_config.json"),
             promise(bytes(4000), "adapter_model.safetensors")]  # fmt: skip
    client.upload_model("tuned", files)
    assert client.get(f"accounts/{client.account}/models/tuned")["state"] == "READY"
    assert len(here.seen(":getUploadEndpoint")) == 1


def test_an_id_that_is_taken(here: World, client: Client):
    create(client)
    with pytest.raises(errors.AlreadyExists) as caught:
        create(client)
    assert caught.value.status == 409
    assert len([r for r in here.seen("/datasets") if r["method"] == "POST"]) == 2


def test_a_lost_reply_to_a_create_ends_in_the_409_that_the_caller_resolves(
    here: World, client: Client
):
    here.fault(method="POST", path="*/datasets", drop=True, when="after")
    with pytest.raises(errors.AlreadyExists):
        create(client)
    assert client.list("datasets")[0]["name"].endswith("/prefs")


def test_a_lost_reply_to_a_write_that_is_not_repeatable_happens_once(here: World, client: Client):
    here.fault(method="POST", path="*/datasets", drop=True, when="after", times=0)
    path = f"accounts/{client.account}/datasets"
    with pytest.raises(errors.Unreachable, match="may have taken effect"):
        client.post(path, {"datasetId": "once", "dataset": {"exampleCount": "3"}})
    assert len([r for r in here.seen("/datasets") if r["method"] == "POST"]) == 1


def test_a_lost_reply_to_a_deletion_is_no_failure(here: World, client: Client):
    create(client)
    here.fault(method="DELETE", drop=True, when="after")
    client.delete(f"accounts/{client.account}/datasets/prefs")
    assert client.list("datasets") == []


def test_what_is_not_there(client: Client):
    with pytest.raises(errors.NotFound) as caught:
        client.get(f"accounts/{client.account}/models/none")
    assert caught.value.request == "GET /v1/accounts/emulator/models/none"
    with pytest.raises(errors.NotFound):
        client.delete(f"accounts/{client.account}/models/none")


def test_a_wrong_key(here: World):
    with here.client("fw_wrong") as client, pytest.raises(errors.Unauthorized) as caught:
        str(client.account)
    assert caught.value.status == 403
    assert caught.value.why == "The API key you provided is invalid."
    assert caught.value.request_id
    assert "fw_wrong" not in str(caught.value)


def test_a_field_that_the_service_does_not_know(client: Client):
    with pytest.raises(errors.Rejected, match="unknown field"):
        client.post(f"accounts/{client.account}/datasets", {"bogus": 1})


def test_a_connection_that_breaks_is_made_again(here: World, client: Client):
    account = client.account
    here.fault(method="GET", drop=True, times=3)
    assert client.list("models", account=account) == []
    assert client.calls.retries == 3


def test_a_service_that_stays_down_is_said(here: World, client: Client):
    account = client.account
    here.fault(status=503, times=0, headers={"retry-after": "1"})
    with pytest.raises(errors.ServerFault, match="503"):
        client.list("models", account=account)
    assert client.calls.requests["GET accounts/{}/models"] == 5


def test_the_retired_service(promise: Promise):
    with world("in-process", profile="retired") as here, here.client() as client:
        with pytest.raises(errors.Retired, match="2026-11-15"):
            create(client)
        with pytest.raises(errors.Retired):
            upload(client, promise(b"x"))
        assert client.list("datasets") == []


def test_a_read_only_client_can_look_at_everything_and_change_nothing(here: World):
    with here.client(read_only=True) as client:
        for collection in ("datasets", "dpoJobs", "models", "deployments", "deployedModels"):
            assert client.list(collection) == []
        match = {"createDeploymentRequest": {"parent": "accounts/emulator", "deployment": {
            "baseModel": "accounts/fireworks/models/llama-v3p1-8b-instruct"}}}  # fmt: skip
        answer = client.post("accounts/emulator/deploymentShapeVersions:match", match)
        assert answer["deploymentShapeVersions"]
        with pytest.raises(errors.PlanError):
            create(client)
        with pytest.raises(errors.PlanError):
            client.delete("accounts/emulator/models/x")
    assert {r["method"] for r in here.seen("")} <= {"GET", "POST"}
    assert [r["path"] for r in here.seen("") if r["method"] == "POST"] == [
        "/v1/accounts/emulator/deploymentShapeVersions:match"
    ]
