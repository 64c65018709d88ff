"""What a request for a completion may hold, and the list of what is wrong with one."""

from collections.abc import Mapping
from typing import Any, Final

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
CHAT: Final = _COMMON | frozenset(
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
TEXT: Final = _COMMON | {"prompt", "images"}
_MOST_CHOICES: Final = 128
_MOST_LOGPROBS: Final = 5
# The least and the most that a request may ask of how tokens are drawn.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 100),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "repetition_penalty": (0, 2),
}


def problems(body: Any, known: frozenset[str], subject: str) -> list[dict[str, Any]]:
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
        "stop": _are_stops(body.get("stop") or ""),
        "seed": isinstance(body.get("seed") or 0, int),
        "logit_bias": _is_bias(body.get("logit_bias") or {}),
        "ignore_eos": isinstance(body.get("ignore_eos") or False, bool),
        "context_length_exceeded_behavior": body.get("context_length_exceeded_behavior")
        in (None, "truncate", "error"),
        "prompt_truncate_len": _count(body.get("prompt_truncate_len") or 0, 0, None),
        **{n: _number(body.get(n) or 0, *ends) for n, ends in RANGES.items()},
    }
    return [
        _problem((n,), "Input is not valid", "value_error") for n, good in tests.items() if not good
    ]


def _count(value: Any, least: int, most: int | None) -> bool:
    return isinstance(value, int) and least <= value and (most is None or value <= most)


def _number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and least <= value <= most


def _are_stops(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(v, str) for v in value)
    )


def _is_bias(value: Any) -> bool:
    return isinstance(value, dict) and all(_number(v, -100, 100) for v in value.values())


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
