"""What the client sends is what the published API takes: path, method, query names and body.

The specification lies beside the repository, where there is one; without it the test is skipped.
"""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from dpo_ops.client import Client, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport
from dpo_ops.errors import ServerFault
from tests.client.emulated import Clock

if TYPE_CHECKING:
    from tests.client.conftest import Promise


FOLDER = Path(__file__).parents[3] / "shared" / "fireworks"
GATEWAY = FOLDER / "gateway-openapi.yaml"
INFERENCE = FOLDER / "inference-openapi.yaml"
BASE = "accounts/fireworks/models/llama-v3p1-8b-instruct"

NOT_IN_IT = {
    "POST /v1/accounts/emulator/deploymentShapeVersions:match": "newer than the document",
    "POST /v1/accounts/emulator/deployments/served:setTags": "newer than the document",
    "POST /v1/accounts/emulator/deployments/served:deleteTags": "newer than the document",
}
"""Routes that the client is meant to send although the document lacks them."""

pytestmark = pytest.mark.skipif(
    not GATEWAY.exists(), reason="../shared/fireworks/gateway-openapi.yaml is not there"
)


class Watching(httpx.BaseTransport):
    """Passes requests on and keeps them."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner, self.seen = inner, []

    def handle_request(self, request: httpx.Request):
        body = request.read()
        media = request.headers.get("content-type", "").partition(";")[0]
        self.seen.append((request.method, request.url, body, media))
        request.stream = httpx.ByteStream(body)
        return self.inner.handle_request(request)


@cache
def document(path: Path):
    text = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return strict(copy.deepcopy(text))


def strict(value: Any):
    """Close every object schema, so that a field that the API doesn't know fails."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            value.setdefault("additionalProperties", False)
        for inner in value.values():
            strict(inner)
    elif isinstance(value, list):
        for inner in value:
            strict(inner)
    return value


def validator(spec: Any, schema: Any):
    registry = Registry().with_resource("urn:api", Resource(spec, DRAFT202012))
    text = json.dumps(schema).replace('"#/', '"urn:api#/')
    return Draft202012Validator(json.loads(text), registry=registry)


def operation(spec: Any, method: str, path: str):
    """The operation for a concrete path, and its parameters; None where there is none."""
    for pattern, item in spec["paths"].items():
        shape = re.sub(r"\\{\w+\\}", "[^/:]+", re.escape(pattern))
        if re.fullmatch(shape, path) and method.lower() in item:
            found = item[method.lower()]
            return found, [*item.get("parameters", []), *found.get("parameters", [])]
    return None


def problems(method: str, url: httpx.URL, body: bytes, media: str = "application/json"):
    """Everything that the document says is wrong with a request."""
    spec = document(INFERENCE if url.path.startswith("/inference/") else GATEWAY)
    # A document's paths stand behind the path of its server: /inference for one of them.
    prefix = httpx.URL(spec["servers"][0]["url"]).path.rstrip("/")
    found = operation(spec, method, url.path.removeprefix(prefix))
    if found is None:
        return [f"{method} {url.path} is not in the document"]
    made, parameters = found
    known = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
    wrong = [f"unknown query {name}" for name in url.params if name not in known]
    for name, value in url.params.items():
        wrong += check(spec, known.get(name, {}), typed(value, known.get(name, {})))
    content = made.get("requestBody", {}).get("content", {})
    if body and not content:
        wrong.append("a body where none is taken")
    if content and media not in content:
        wrong.append(f"{media} is not among {sorted(content)}")
    elif content:
        value = json.loads(body) if media == "application/json" else form(body)
        wrong += check(spec, content[media]["schema"], value)
    return wrong


def form(body: bytes):
    """The fields of a multipart body; their content is not looked at."""
    return {name.decode(): "" for name in re.findall(rb'form-data; name="(\w+)"', body)}


def typed(text: str, schema: Any):
    return json.loads(text) if schema.get("type") in {"integer", "boolean", "number"} else text


def check(spec: Any, schema: Any, value: Any):
    return [f"{e.json_path}: {e.message}" for e in validator(spec, schema).iter_errors(value)]


def flow(client: Client, emulator: Emulator, promise: Promise, tmp: bytes):
    """One of everything that the client is used for."""
    home = f"accounts/{client.account}"
    for name, limit in (("small", 10**9), ("large", 1)):
        dataset = {"displayName": name, "userUploaded": {}, "exampleCount": "3", "format": "CHAT"}
        client.post(f"{home}/datasets", {"datasetId": name, "dataset": dataset}, repeatable=True)
        file = promise(tmp)
        object.__setattr__(client._uploads, "limit", limit)
        client.upload(name, file.file, size=file.size, digest=file.digest)
    emulator.advance(5)
    job = {
        "displayName": "tune",
        "dataset": f"{home}/datasets/small",
        "trainingConfig": {"baseModel": BASE, "outputModel": f"{home}/models/tuned", "epochs": 1,
                           "learningRate": 1e-5, "loraRank": 8},
        "lossConfig": {"method": "DPO"},
    }  # fmt: skip
    client.post(f"{home}/dpoJobs", job, {"dpoJobId": "tune"}, repeatable=True)
    emulator.advance(100_000)
    assert client.get(f"{home}/dpoJobs/tune")["state"] == "JOB_STATE_COMPLETED"
    serve(client, emulator, home, promise)
    for collection in ("datasets", "dpoJobs", "models", "deployments", "quotas"):
        client.list(collection, params={"readMask": "name"})
    client.delete(f"{home}/datasets/large")


def serve(client: Client, emulator: Emulator, home: str, promise: Promise):
    match = {"parent": home, "deployment": {"baseModel": BASE}}
    answer = client.post(
        f"{home}/deploymentShapeVersions:match", {"createDeploymentRequest": match}
    )
    shape = answer["deploymentShapeVersions"][0]["snapshot"]["name"]
    body = {"baseModel": f"{home}/models/tuned", "deploymentShape": shape, "minReplicaCount": 0,
            "maxReplicaCount": 1, "autoscalingPolicy": {"scaleToZeroWindow": "600s"}}  # fmt: skip
    client.post(f"{home}/deployments", body, {"deploymentId": "served"}, repeatable=True)
    emulator.advance(3600)
    client.patch(f"{home}/deployments/served", {**body, "displayName": "x"})
    client.post(f"{home}/deployments/served:setTags", {"tags": {"custom/owner": "x"}})
    client.post(f"{home}/deployments/served:deleteTags", {"keys": ["custom/owner"]})
    client.patch(f"{home}/deployments/served:scale", {"replicaCount": 1})
    with pytest.raises(ServerFault, match="scaled to zero"):
        client.chat(f"{home}/deployments/served", [{"role": "user", "content": "hi"}])
    emulator.advance(300)
    client.chat(f"{home}/deployments/served", [{"role": "user", "content": "hi"}], max_tokens=8)
    client.delete(f"{home}/deployments/served", {"ignoreChecks": "true"})
    details = {"baseModel": BASE, "r": 8, "targetModules": ["q_proj"]}
    model = {"kind": "HF_PEFT_ADDON", "peftDetails": details}
    client.post(f"{home}/models", {"modelId": "own", "model": model}, repeatable=True)
    config = b'{"r": 8, "target_modules": ["q_proj"], "peft_type": "LORA"}'
    client.upload_model("own", [promise(config, "adapter_config.json"),
                                promise(bytes(99), "adapter_model.safetensors")])  # fmt: skip


ROW = json.dumps(
    {
        "input": {"messages": [{"role": "user", "content": "hello"}]},
        "preferred_output": [{"role": "assistant", "content": "yes"}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }
)


def test_every_request_is_one_that_the_published_api_takes(promise: Promise):
    with Emulator(time_scale=0) as emulator:
        watching = Watching(EmulatorTransport(emulator))
        with Client(Settings("fw_key"), transport=watching, clock=Clock(emulator)) as client:
            flow(client, emulator, promise, f"{ROW}\n".encode() * 3)
    judged = [seen for seen in watching.seen if "/_storage/" not in seen[1].path]
    wrong = {
        f"{method} {url.path}": found
        for method, url, body, media in judged
        if (found := problems(method, url, body, media))
    }
    assert set(wrong) == set(NOT_IN_IT), json.dumps(wrong, indent=2)
    assert len(judged) > 25


def test_the_check_itself_finds_what_is_wrong():
    url = httpx.URL("https://x/v1/accounts/a/datasets")
    good = b'{"datasetId": "d", "dataset": {"exampleCount": "3"}}'
    assert problems("POST", url, good) == []
    assert problems("POST", url, b'{"datasetId": "d", "dataset": {"bogus": 1}}')
    assert problems("POST", url, b'{"datasetId": 5, "dataset": {}}')
    assert problems("POST", url.copy_merge_params({"bogus": "1"}), good)
    assert problems("GET", url.copy_merge_params({"pageSize": "200"}), b"") == []
    assert problems("GET", url, b"{}")
    assert problems("POST", url, good, "text/plain")
    assert problems("PUT", url, good)
