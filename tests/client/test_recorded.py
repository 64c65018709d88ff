"""The client against recorded exchanges; replays with no emulator and no network.

THE CASSETTES THAT ARE COMMITTED WERE RECORDED AGAINST THE EMULATOR of this repository, served on
a loopback port, and not against the real service. They hold keys, accounts and addresses of
nobody: a request keeps its method, path, query, body and content headers; hosts, accounts, mail
addresses, signed URLs and request ids are replaced by placeholders.

Record anew, against the emulator:      pytest tests/client/test_recorded.py --record-mode=rewrite
Record anew, against the real service:  the same with FIREWORKS_API_KEY and FIREWORKS_ACCOUNT_ID
set. It only reads, but for one create that the service answers with 501 since 2026-11-15; the
cassettes of the managed era are left as they are, because only the emulator can still play it.
Look through such a recording before it is committed: names of models and deployments stay in.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from dpo_ops import errors
from dpo_ops.client import Client, Retry, Settings
from dpo_ops.emulator import Emulator, running

if TYPE_CHECKING:
    from collections.abc import Callable

REAL = "https://api.fireworks.ai"
STORAGE = "https://storage.googleapis.com/signed/"
ACCOUNT = "acme"
KEY = "fw_recorded"
CASSETTES = Path(__file__).parent / "cassettes" / "test_recorded"
KEPT_REQUEST = {"content-type", "x-goog-content-length-range"}
MAIL = re.compile(r"[\w.+-]+@[\w.-]+\w")
NO_UUID = "00000000-0000-0000-0000-000000000000"
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class Service:
    """Who answers: the real service, the emulator, or (`base_url` is the real one) a cassette."""

    base_url: str = REAL
    key: str = KEY
    account: str = ACCOUNT
    pass_time: Callable[[float], None] = lambda _seconds: None

    def client(self, key: str = "", account: str | None = ACCOUNT, **options: Any):
        told = Settings(key or self.key, account and self.account, self.base_url)
        return Client(told, retry=Retry(attempts=1, uploads=1), **options)

    def request(self, request: Any):
        """What a cassette keeps of a request, and by what it is found again."""
        parts = urlsplit(request.uri)
        if request.uri.startswith(self.base_url) and not parts.path.startswith("/_storage/"):
            request.uri = REAL + self.anonymous(request.uri.removeprefix(self.base_url))
        else:
            request.uri = STORAGE + parts.path.rpartition("/")[2]
        request.headers = {k: v for k, v in request.headers.items() if k in KEPT_REQUEST}
        if request.body and b"\r\n" not in request.body:
            request.body = self.anonymous(request.body.decode()).encode()
        return request

    def response(self, response: Any):
        text = self.anonymous(response["body"]["string"].decode())
        body = json.loads(text) if text.startswith("{") else None
        if body and "filenameToSignedUrls" in body:
            body["filenameToSignedUrls"] = {n: STORAGE + n for n in body["filenameToSignedUrls"]}
            text = json.dumps(body)
        headers = {k: v for k, v in response["headers"].items() if k.lower() == "content-type"}
        return {**response, "headers": headers, "body": {"string": text.encode()}}

    def anonymous(self, text: str):
        named = re.sub(rf"accounts/{re.escape(self.account)}(?![\w-])", f"accounts/{ACCOUNT}", text)
        return UUID.sub(NO_UUID, MAIL.sub("someone@example.com", named))


@pytest.fixture
def service(request: pytest.FixtureRequest, record_mode: str):
    """Today's service, or with the parameter `managed` that of before 2026-11-15."""
    profile = getattr(request, "param", "retired")
    real_key = os.environ.get("FIREWORKS_API_KEY", "")
    if record_mode == "none":
        yield Service()
    elif real_key:
        if profile == "managed":
            pytest.skip("the real service no longer does this: the emulator's cassette stays")
        if not os.environ.get("FIREWORKS_ACCOUNT_ID"):
            pytest.skip("FIREWORKS_ACCOUNT_ID is needed, so that it can be replaced")
        yield Service(key=real_key, account=os.environ["FIREWORKS_ACCOUNT_ID"])
    else:
        # A standing clock, so that a new recording differs only where the contract does.
        emulator = Emulator(profile=profile, account=ACCOUNT, api_key=KEY, time_scale=0,
                            wall=lambda: 1_790_000_000.0)  # fmt: skip
        with ExitStack() as stack:
            stack.enter_context(emulator)
            yield Service(stack.enter_context(running(emulator)), pass_time=emulator.advance)


@pytest.fixture
def vcr_config(service: Service):
    return {
        "match_on": ["method", "uri", "body"],
        # Functions, not methods: the configuration is copied deeply, and a method with its object.
        "before_record_request": lambda request: service.request(request),  # noqa: PLW0108
        "before_record_response": lambda response: service.response(response),  # noqa: PLW0108
        "decode_compressed_response": True,
    }


pytestmark = [pytest.mark.vcr]
if os.environ.get("FIREWORKS_API_KEY"):
    pytestmark.append(pytest.mark.enable_socket)
managed_era = pytest.mark.parametrize("service", ["managed"], indirect=True)


@pytest.fixture
def client(service: Service):
    with service.client() as made:
        yield made


def test_discovery(service: Service):
    with service.client(account=None) as client:
        assert client.account == service.account


@pytest.mark.parametrize(
    "collection", ["datasets", "dpoJobs", "models", "deployments", "deployedModels", "quotas"]
)
def test_every_collection_can_be_listed(client: Client, collection: str):
    prefix = f"accounts/{client.account}/{collection}/"
    assert all(record["name"].startswith(prefix) for record in client.list(collection))


def test_a_public_model(client: Client):
    model = client.get("accounts/fireworks/models/llama-v3p1-8b-instruct")
    assert model["kind"] == "HF_BASE_MODEL"
    assert model["state"] == "READY"


def test_a_model_that_is_not_there(client: Client):
    with pytest.raises(errors.NotFound) as caught:
        client.get(f"accounts/{client.account}/models/dpo-ops-no-such-model")
    assert caught.value.why


def test_a_wrong_key(service: Service):
    with service.client("fw_wrong") as client, pytest.raises(errors.Unauthorized) as caught:
        client.list("models")
    assert caught.value.why == "The API key you provided is invalid."


def test_datasets_are_retired(client: Client):
    with pytest.raises(errors.Retired, match="2026-11-15"):
        create(client)


@managed_era
@pytest.mark.parametrize("limit", [150_000_000, 1], ids=["multipart", "signed"])
def test_the_life_of_a_dataset(service: Service, tmp_path: Path, limit: int):
    content = b'{"input": {"messages": []}}\n' * 3
    file, digest = tmp_path / "pairs.jsonl", hashlib.sha256(content).hexdigest()
    file.write_bytes(content)
    with service.client(multipart_limit=limit) as client:
        assert create(client)["state"] == "UPLOADING"
        with pytest.raises(errors.AlreadyExists):
            create(client)
        client.upload("dpo-ops-prefs", file, size=len(content), digest=digest)
        assert state(client) == "UPLOADING"
        service.pass_time(2)
        assert state(client) == "READY"
        client.delete(f"accounts/{client.account}/datasets/dpo-ops-prefs")
        with pytest.raises(errors.NotFound):
            state(client)


@managed_era
def test_a_field_that_is_unknown(client: Client):
    with pytest.raises(errors.Rejected, match="unknown field"):
        client.post(f"accounts/{client.account}/datasets", {"bogus": 1})


def create(client: Client):
    body = {
        "datasetId": "dpo-ops-prefs",
        "dataset": {"userUploaded": {}, "exampleCount": "3", "format": "CHAT"},
    }
    return client.post(f"accounts/{client.account}/datasets", body, repeatable=True)


def state(client: Client):
    return client.get(f"accounts/{client.account}/datasets/dpo-ops-prefs")["state"]
