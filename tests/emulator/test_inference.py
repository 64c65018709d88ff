"""Completions: addresses, wire shapes, streams, log-probabilities."""

import json
from typing import Any

import pytest

BASE = "accounts/fireworks/models/qwen3-14b"
LABEL = "[dpo-ops emulator: stand-in answer, no model was run]"
SERVERLESS = "accounts/fireworks/models/glm-5p3-flash"


@pytest.fixture
def served(api: Any):
    api.deployment(BASE)
    return api


def text(api: Any, **fields: Any):
    body = {"model": SERVERLESS, "prompt": "one two three", **fields}
    return api.ok("POST", "/inference/v1/completions", json=body)


def events(answer: Any):
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


@pytest.mark.parametrize(
    "model",
    [
        BASE,
        "qwen3-14b",
        "dep",
        "qwen3-14b#dep",
        "accounts/emulator/deployments/none",
        f"{BASE}#accounts/emulator/deployments/none",
        "accounts/fireworks/models/qwen3-32b#accounts/emulator/deployments/dep",
        "",
    ],
)
def test_addresses_that_reach_nothing(served: Any, model: str):
    answer = served.chat(model)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["message"] == "Model not found, inaccessible, and/or not deployed"
    assert answer.json()["request_id"]


def test_addresses_that_reach_a_plain_base(served: Any):
    deployment = "accounts/emulator/deployments/dep"
    assert served.chat(deployment).status_code == 200
    assert served.chat(f"{BASE}#{deployment}").status_code == 200


def test_a_deployment_answers_only_while_it_is_up(api: Any):
    shape = "accounts/fireworks/deploymentShapes/qwen3-14b-minimal"
    body = {"baseModel": BASE, "deploymentShape": shape}
    api.ok("POST", "/deployments?deploymentId=dep", json=body)
    assert api.chat("accounts/emulator/deployments/dep").status_code == 404
    api.wait(210)
    assert api.chat("accounts/emulator/deployments/dep").status_code == 200
    api.ok("DELETE", "/deployments/dep?ignoreChecks=true")
    assert api.chat("accounts/emulator/deployments/dep").status_code == 404


@pytest.mark.parametrize("prefix", ["/inference/v1", "/v1"])
def test_both_prefixes_answer(api: Any, prefix: str):
    messages = [{"role": "user", "content": "hi"}]
    chat = api.ok(
        "POST", f"{prefix}/chat/completions", json={"model": SERVERLESS, "messages": messages}
    )
    assert chat["object"] == "chat.completion"
    plain = api.ok("POST", f"{prefix}/completions", json={"model": SERVERLESS, "prompt": "hi"})
    assert plain["object"] == "text_completion"
    assert chat["choices"][0]["message"]["content"].startswith(LABEL)


def test_equal_questions_get_equal_answers(api: Any):
    assert text(api)["choices"] == text(api)["choices"]


def test_usage_adds_up(api: Any):
    usage = text(api, max_tokens=5)["usage"]
    assert usage == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert text(api, max_tokens=5, n=3)["usage"]["completion_tokens"] == 15
    assert text(api, max_tokens=5, n=3)["usage"]["prompt_tokens"] == 3
    assert text(api, max_tokens=5, prompt=["a b", "c"])["usage"]["prompt_tokens"] == 3


def test_answers_end_by_length_or_by_themselves(api: Any):
    assert text(api, max_tokens=2)["choices"][0]["finish_reason"] == "length"
    whole = text(api, max_tokens=500)["choices"][0]
    assert whole["finish_reason"] == "stop"
    assert whole["text"].startswith(LABEL)
    cut = text(api, max_tokens=500, stop="stand-in")["choices"][0]
    assert (cut["text"], cut["finish_reason"]) == ("[dpo-ops emulator: ", "stop")


def test_prompts_can_be_scored(api: Any):
    scored = text(api, echo=True, max_tokens=0, logprobs=2)["choices"][0]
    logprobs = scored["logprobs"]
    assert scored["text"] == "one two three"
    assert logprobs["tokens"] == ["one", " two", " three"]
    assert logprobs["text_offset"] == [0, 3, 7]
    assert all(value <= 0 for value in logprobs["token_logprobs"])
    assert [len(top) for top in logprobs["top_logprobs"]] == [2, 2, 2]
    last = text(api, echo_last=1, max_tokens=1, logprobs=0)["choices"][0]
    assert last["logprobs"]["tokens"] == [" three", "["]


def test_token_ids_are_prompts_too(api: Any):
    scored = text(api, prompt=[5, 6, 7], echo=True, max_tokens=1, logprobs=1)["choices"][0]
    assert scored["logprobs"]["token_ids"][:3] == [5, 6, 7]
    two = text(api, prompt=[[5], [6, 7]], max_tokens=1, return_token_ids=True)["choices"]
    assert [c["prompt_token_ids"] for c in two] == [[5], [6, 7]]
    assert [len(c["token_ids"]) for c in two] == [1, 1]


def test_the_newer_format_of_logprobs(api: Any):
    answer = api.chat(SERVERLESS, logprobs=True, top_logprobs=2, max_tokens=2).json()
    first = answer["choices"][0]["logprobs"]["content"][0]
    assert first["token"] == "["  # noqa: S105 - a token of text
    assert first["bytes"] == [91]
    assert len(first["top_logprobs"]) == 2


def test_a_stream_carries_the_same_text(api: Any):
    whole = api.chat(SERVERLESS).json()["choices"][0]["message"]["content"]
    answer = api.chat(SERVERLESS, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = events(answer)
    deltas = [c["delta"] for e in parts for c in e["choices"]]
    assert deltas[0] == {"role": "assistant"}
    assert "".join(d.get("content", "") for d in deltas) == whole
    assert parts[-2]["choices"][0]["finish_reason"] == "stop"
    assert parts[-1]["usage"]["total_tokens"] > 0


def test_a_text_stream_echoes_and_scores(api: Any):
    body = {"model": SERVERLESS, "prompt": "a b", "stream": True, "echo": True, "logprobs": 1}
    parts = events(api.call("POST", "/v1/completions", json={**body, "max_tokens": 1}))
    choices = [c for e in parts for c in e["choices"]]
    assert [c["text"] for c in choices] == ["a", " b", "["]
    assert [c["logprobs"]["text_offset"] for c in choices] == [[0], [1], [3]]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"top_logprobs": 6}, "top_logprobs"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"stop": 3}, "stop"),
    ],
)
def test_requests_that_break_the_schema(api: Any, change: dict[str, Any], where: str):
    answer = api.chat(SERVERLESS, **change)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", where]


def test_missing_fields_and_bodies(api: Any):
    assert api.chat(3).status_code == 422
    detail = api.fails(422, "POST", "/v1/completions", json={})["detail"]
    assert [d["loc"][1] for d in detail] == ["model", "prompt"]
    assert api.call("POST", "/v1/completions").status_code == 422
    assert api.call("POST", "/v1/completions", content=b"{").status_code == 400


def test_the_list_of_models_is_the_serverless_one(api: Any):
    listed = api.ok("GET", "/inference/v1/models")
    assert [m["id"] for m in listed["data"]] == [SERVERLESS]
