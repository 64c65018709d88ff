"""Models: the public catalogue, and adapters that are uploaded."""

import json
from typing import Any

import pytest

PEFT = {
    "baseModel": "accounts/fireworks/models/qwen3-14b",
    "r": 16,
    "targetModules": ["q_proj", "v_proj"],
}
CONFIG = json.dumps({"r": 16, "target_modules": ["q_proj", "v_proj"]}).encode()


def put(api: Any, name: str, files: dict[str, bytes]):
    sizes = {filename: len(data) for filename, data in files.items()}
    path = f"/models/{name}:getUploadEndpoint"
    urls = api.ok("POST", path, json={"filenameToSize": sizes})["filenameToSignedUrls"]
    for filename, data in files.items():
        size = len(data)
        headers = {
            "Content-Type": "application/octet-stream",
            "x-goog-content-length-range": f"{size},{size}",
        }
        assert api.http.put(urls[filename], content=data, headers=headers).status_code == 200


def create(api: Any, name: str = "lora", **details: Any):
    body = {"modelId": name, "model": {"peftDetails": {**PEFT, **details}}}
    return api.ok("POST", "/models", json=body)


def test_an_adapter_is_uploaded_checked_and_served(api: Any):
    made = create(api)
    assert (made["kind"], made["state"]) == ("HF_PEFT_ADDON", "UPLOADING")
    api.fails(400, "GET", "/models/lora:validateUpload")
    put(api, "lora", {"adapter_config.json": CONFIG, "adapter_model.safetensors": b"weights"})
    shape = "accounts/fireworks/deploymentShapes/qwen3-14b-minimal"
    deployment = {"baseModel": made["name"], "deploymentShape": shape}
    api.fails(400, "POST", "/deployments?deploymentId=dep", json=deployment)
    assert api.ok("GET", "/models/lora:validateUpload") == {"warnings": []}
    assert api.ok("GET", "/models/lora")["state"] == "READY"
    urls = api.ok("GET", "/models/lora:getDownloadEndpoint")["filenameToSignedUrls"]
    assert api.http.get(urls["model/lora/adapter_config.json"]).content == CONFIG
    assert api.chat(api.deployment(made["name"])).status_code == 200


@pytest.mark.parametrize(
    "files",
    [
        {"adapter_config.json": CONFIG},
        {"adapter_model.safetensors": b"x"},
        {"adapter_config.json": b"{", "adapter_model.bin": b"x"},
        {"adapter_config.json": b"{}", "adapter_model.bin": b"x"},
        {"adapter_config.json": b'{"r":2,"target_modules":[]}', "adapter_model.bin": b"x"},
        {"adapter_config.json": b'{"r":8,"target_modules":["lm_head"]}', "adapter_model.bin": b"x"},
    ],
)
def test_files_that_make_no_adapter(api: Any, files: dict[str, bytes]):
    create(api)
    put(api, "lora", files)
    api.fails(400, "GET", "/models/lora:validateUpload")
    assert api.ok("GET", "/models/lora")["state"] == "UPLOADING"


@pytest.mark.parametrize(
    ("details", "status"),
    [({"r": 3}, 400), ({"r": 65}, 400), ({"targetModules": []}, 400), ({"baseModel": "x"}, 404)],
)
def test_details_that_make_no_adapter(api: Any, details: dict[str, Any], status: int):
    body = {"modelId": "lora", "model": {"peftDetails": {**PEFT, **details}}}
    api.fails(status, "POST", "/models", json=body)


def test_records_are_created_once_changed_and_deleted(api: Any):
    create(api)
    body = {"modelId": "lora", "model": {"peftDetails": PEFT}}
    api.fails(409, "POST", "/models", json=body)
    api.fails(400, "PATCH", "/models/lora", json={"description": "x" * 1000})
    changed = api.ok("PATCH", "/models/lora", json={"description": "x" * 999})
    assert changed["peftDetails"]["r"] == 16
    assert api.ok("POST", "/models/lora:prepare", json={"precision": "FP8"}) == {}
    assert api.ok("DELETE", "/models/lora") == {}
    api.fails(404, "GET", "/models/lora")


def test_a_model_that_is_deployed_is_not_deleted(api: Any):
    adapter = api.adapter()
    api.deployment(adapter)
    api.fails(400, "DELETE", "/models/tuned")
    api.ok("DELETE", "/deployments/dep")
    api.ok("DELETE", "/models/tuned")


def test_the_public_catalogue_can_only_be_read(api: Any):
    public = "/v1/accounts/fireworks/models"
    assert api.ok("GET", public)["totalSize"] == 8
    assert api.ok("GET", public + "?filter=supports_serverless=true")["totalSize"] == 1
    flags = {
        m["name"].rpartition("/")[2]: (m["tunable"], m["supervisedLoraTunable"])
        for m in api.ok("GET", public)["models"]
    }
    assert flags["qwen3-8b"] == (True, True)
    assert flags["qwen2p5-7b-instruct"] == (False, False)
    assert flags["llama-v3p2-3b"] == (True, False)
    assert api.fails(403, "DELETE", public + "/qwen3-8b") == {
        "code": 7,
        "details": [],
        "message": "",
    }
    api.fails(403, "GET", "/v1/accounts/fireworks/datasets")
