"""Chat and text completions: which model a name reaches, and the checks on the way."""

from collections.abc import Mapping
from typing import Any, Final

from . import catalogue, completions, deployed_models, deployment_lifecycle, models
from .completions import Ask
from .engine import EngineError, Served
from .store import Row
from .wire import RefusalError, Response, refuse_inference, reply
from .world import Call, Later, World

_COMMON: Final = frozenset(
    [
        "context_length_exceeded_behavior",
        "echo",
        "echo_last",
        "frequency_penalty",
        "ignore_eos",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "min_p",
        "mirostat_lr",
        "mirostat_target",
        "model",
        "n",
        "perf_metrics_in_response",
        "prediction",
        "presence_penalty",
        "prompt_cache_isolation_key",
        "prompt_cache_key",
        "raw_output",
        "reasoning_effort",
        "reasoning_history",
        "repetition_penalty",
        "response_format",
        "return_token_ids",
        "seed",
        "service_tier",
        "speculation",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "thinking",
        "top_k",
        "top_logprobs",
        "top_p",
        "typical_p",
        "user",
    ]
)
_CHAT: Final = _COMMON | frozenset(
    [
        "function_call",
        "functions",
        "messages",
        "parallel_tool_calls",
        "prompt_truncate_len",
        "safe_tokenization",
        "tool_choice",
        "tools",
    ]
)
_TEXT: Final = _COMMON | {"prompt", "images"}
_MOST_CHOICES: Final = 128
_MOST_LOGPROBS: Final = 5
NOT_FOUND: Final = "Model not found, inaccessible, and/or not deployed"
SCALING_UP: Final = (
    "Deployment is currently scaled to zero and is scaling up. "
    "Please retry your request in a few minutes."
)


def chat(call: Call) -> Later:
    """`POST …/chat/completions`."""
    return _answer(call, _CHAT, "messages")


def text(call: Call) -> Later:
    """`POST …/completions`."""
    return _answer(call, _TEXT, "prompt")


def list_models(_: Call) -> Response:
    """`GET /inference/v1/models`: the serverless models, in OpenAI's shape."""
    rows = (r for r in catalogue.models().values() if r.fields["supportsServerless"])
    created = catalogue.SINCE // 1_000_000_000
    data = [
        {
            "id": r.name,
            "object": "model",
            "created": created,
            "owned_by": "fireworks",
            "kind": r.fields["kind"],
            "supports_chat": True,
            "context_length": r.fields["contextLength"],
        }
        for r in rows
    ]
    return reply({"object": "list", "data": data})


def route(world: World, name: str) -> Served:
    """Return the model that a `model` string reaches.

    A deployment's name, `model#deployment`, or a serverless model of the public account;
    a model's bare name and short ids reach nothing.

    Raises:
        RefusalError: 404, or 503 from a deployment that is scaled to zero.
    """
    model, _, deployment = name.rpartition("#")
    public = catalogue.models().get(name)
    if public is not None and public.fields["supportsServerless"]:
        return Served(name, name, None)
    row = world.store.get(deployment) if "/deployments/" in deployment else None
    if row is None or row.fields["state"] not in {"READY", "UPDATING"}:
        raise _refusal(world, 404, "NOT_FOUND", NOT_FOUND)
    served = _on(world, row, model)
    deployment_lifecycle.traffic(world, row)
    if row.fields["replicaCount"] == 0:
        raise _refusal(world, 503, "DEPLOYMENT_SCALING_UP", SCALING_UP)
    return served


def _on(world: World, row: Row, model: str) -> Served:
    """The model that a deployment serves when it is asked for `model` (or just asked)."""
    own = str(row.fields["baseModel"])
    merged = deployed_models.merged(world, row.name) if not row.fields.get("enableAddons") else None
    if not model or model == own:
        return _served(world, merged or own)
    if model == merged or deployed_models.serving(world, model, row.name):
        return _served(world, model)
    raise _refusal(world, 404, "NOT_FOUND", NOT_FOUND)


def _served(world: World, name: str) -> Served:
    row = models.find(world, name)
    adapter = models.folder(world, row) if row else None
    return Served(name, models.base_of(world, name), adapter)


def _answer(call: Call, known: frozenset[str], subject: str) -> Later:
    body = call.body
    problems = _problems(body, known, subject)
    if problems:
        raise RefusalError(reply({"detail": problems}, 422))
    world = call.world
    served = route(world, body["model"])
    ask = Ask(
        body=body,
        served=served,
        id=("chatcmpl-" if subject == "messages" else "cmpl-") + world.request_id(),
        created=int(world.now),
        chat=subject == "messages",
    )
    request_id = world.request_id()
    return Later(lambda: _run(call, ask, request_id))


def _run(call: Call, ask: Ask, request_id: str) -> Response:
    try:
        return completions.respond(call.world.config.engine, ask)
    except EngineError as error:
        refusal = refuse_inference(500, "INTERNAL", str(error), request_id=request_id)
        return refusal.response


def _problems(body: Any, known: frozenset[str], subject: str) -> list[dict[str, Any]]:
    """What a validation error lists: where, what and of which type."""
    if not isinstance(body, dict):
        return [_problem((), "Input should be a valid dictionary", "dict_type")]
    found = [
        _problem((n,), "Field required", "missing") for n in ("model", subject) if n not in body
    ]
    extra = "Extra inputs are not permitted"
    found += [_problem((n,), extra, "extra_forbidden") for n in body if n not in known]
    return found or _value_problems(body, subject)


def _value_problems(body: Mapping[str, Any], subject: str) -> list[dict[str, Any]]:
    tests = {
        "model": isinstance(body["model"], str),
        "messages": subject != "messages" or _are_messages(body.get("messages")),
        "prompt": subject != "prompt" or _is_prompt(body.get("prompt")),
        "n": _count(body.get("n", 1), 1, _MOST_CHOICES),
        "max_tokens": _count(body.get("max_tokens") or 0, 0, None),
        "max_completion_tokens": _count(body.get("max_completion_tokens") or 0, 0, None),
        "logprobs": _count(body.get("logprobs") or 0, 0, _MOST_LOGPROBS),
        "top_logprobs": _count(body.get("top_logprobs") or 0, 0, _MOST_LOGPROBS),
        "echo_last": _count(body.get("echo_last") or 0, 0, None),
        "stop": isinstance(body.get("stop") or "", str | list),
    }
    return [
        _problem((n,), "Input is not valid", "value_error") for n, good in tests.items() if not good
    ]


def _count(value: Any, least: int, most: int | None) -> bool:
    return isinstance(value, int) and least <= value and (most is None or value <= most)


def _are_messages(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in value)


def _is_prompt(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(v, str | int | list) for v in value)
    return isinstance(value, str)


def _problem(where: tuple[str, ...], message: str, kind: str) -> dict[str, Any]:
    return {"loc": ["body", *where], "msg": message, "type": kind}


def _refusal(world: World, status: int, code: str, message: str) -> RefusalError:
    return refuse_inference(status, code, message, request_id=world.request_id())
