"""The wire shapes of completions: choices, log-probabilities, usage, events of a stream."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .engine import Engine, Generation, Prompt, Served, Token
from .wire import Response, reply

_DEFAULT_TEXT: Final = 16
_DEFAULT_CHAT: Final = 2048
# What a `Prompt` says in fields of its own, and what does not change which tokens come.
_NO_OPTIONS: Final = frozenset(
    [
        "echo",
        "echo_last",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "parallel_tool_calls",
        "perf_metrics_in_response",
        "prediction",
        "prompt",
        "prompt_cache_isolation_key",
        "prompt_cache_key",
        "raw_output",
        "return_token_ids",
        "seed",
        "service_tier",
        "speculation",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
    ]
)


@dataclass(frozen=True)
class Ask:
    """One validated request for a completion."""

    body: Mapping[str, Any]
    served: Served
    id: str
    created: int
    chat: bool


@dataclass
class _Choice:
    """One answer under way."""

    index: int
    generation: Generation
    offset: int = 0


def respond(engine: Engine, ask: Ask) -> Response:
    """Run a completion and return it whole or, with `stream`, as server-sent events."""
    choices = [
        _Choice(number, engine.generate(ask.served, prompt))
        for number, prompt in enumerate(_prompts(ask))
    ]
    headers = {"x-emulator-engine": engine.label}
    if ask.body.get("stream"):
        events = {**headers, "content-type": "text/event-stream; charset=utf-8"}
        return Response(200, events, _stream(ask, choices))
    return reply(_whole(ask, choices), headers=headers)


def _prompts(ask: Ask) -> Iterator[Prompt]:
    """One prompt for each choice: `n` of them, for each prompt of a list of prompts."""
    body = ask.body
    limit = body.get("max_tokens")
    limit = body.get("max_completion_tokens") if limit is None else limit
    stop = body.get("stop") or ()
    options = {k: v for k, v in body.items() if k not in _NO_OPTIONS and v is not None}
    for subject in [None] if ask.chat else _texts(body["prompt"]):
        for choice in range(body.get("n", 1)):
            yield Prompt(
                messages=body.get("messages") if ask.chat else None,
                text=subject,
                max_tokens=(_DEFAULT_CHAT if ask.chat else _DEFAULT_TEXT)
                if limit is None
                else limit,
                temperature=body.get("temperature"),
                top_p=body.get("top_p"),
                stop=(stop,) if isinstance(stop, str) else tuple(stop),
                seed=body.get("seed"),
                choice=choice,
                top=_alternatives(body),
                echo=_echoes(body),
                options=options,
            )


def _texts(prompt: Any) -> list[Any]:
    """A prompt is a text, token ids, or a list of either."""
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        return prompt
    return [prompt]


def _alternatives(body: Mapping[str, Any]) -> int:
    logprobs = body.get("logprobs")
    if logprobs is None or logprobs is False:
        return 0
    return int(body.get("top_logprobs") or (0 if logprobs is True else logprobs))


def _echoes(body: Mapping[str, Any]) -> bool:
    return bool(body.get("echo") or body.get("echo_last"))


def _whole(ask: Ask, choices: Sequence[_Choice]) -> dict[str, Any]:
    done = [(c, list(c.generation.tokens)) for c in choices]
    answer = _head(ask, "chat.completion" if ask.chat else "text_completion")
    answer["choices"] = [_choice(ask, c, tokens) for c, tokens in done]
    new = sum(_real(tokens) for _, tokens in done)
    return {**answer, "usage": _usage(ask, choices, new)}


def _head(ask: Ask, kind: str) -> dict[str, Any]:
    return {"id": ask.id, "object": kind, "created": ask.created, "model": ask.body["model"]}


def _choice(ask: Ask, choice: _Choice, tokens: Sequence[Token]) -> dict[str, Any]:
    echoed = _echoed(ask, choice)
    text = "".join(t.text for t in (*echoed, *tokens))
    made: dict[str, Any] = {"index": choice.index, "finish_reason": tokens[-1].finish}
    made |= {"message": {"role": "assistant", "content": text}} if ask.chat else {"text": text}
    made["logprobs"] = _logprobs(ask, choice, [*echoed, *tokens])
    if ask.body.get("return_token_ids"):
        made["token_ids"] = [t.id for t in tokens if t.id >= 0]
        if not ask.chat:
            made["prompt_token_ids"] = [t.id for t in choice.generation.prompt]
    return made


def _echoed(ask: Ask, choice: _Choice) -> list[Token]:
    """The prompt's tokens that the answer repeats."""
    if not _echoes(ask.body):
        return []
    prompt = list(choice.generation.prompt)
    last = ask.body.get("echo_last")
    return prompt[-last:] if last else prompt


def _logprobs(ask: Ask, choice: _Choice, tokens: Sequence[Token]) -> dict[str, Any] | None:
    """A number asks for the legacy format, `true` for the newer one."""
    wanted = ask.body.get("logprobs")
    if wanted is None or wanted is False:
        return None
    real = [t for t in tokens if t.id >= 0]
    offsets = []
    for token in real:
        offsets.append(choice.offset)
        choice.offset += len(token.text)
    if wanted is True:
        return _new(real, offsets, _alternatives(ask.body))
    return _legacy(real, offsets)


def _legacy(tokens: Sequence[Token], offsets: Sequence[int]) -> dict[str, Any]:
    return {
        "tokens": [t.text for t in tokens],
        "token_logprobs": [t.logprob for t in tokens],
        "top_logprobs": [_by_text(t) for t in tokens],
        "text_offset": list(offsets),
        "token_ids": [t.id for t in tokens],
    }


def _by_text(token: Token) -> dict[str, float]:
    """The alternatives by their text; of two that read the same, the likelier one."""
    found: dict[str, float] = {}
    for text, _, logprob in token.top:
        found.setdefault(text, logprob)
    return found


def _new(tokens: Sequence[Token], offsets: Sequence[int], most: int) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": t.text,
                "logprob": t.logprob,
                "sampling_logprob": t.logprob if t.sampling_logprob is None else t.sampling_logprob,
                "bytes": list(t.text.encode()),
                "token_id": t.id,
                "text_offset": offset,
                "top_logprobs": [
                    {
                        "token": text,
                        "logprob": logprob,
                        "token_id": number,
                        "bytes": list(text.encode()),
                    }
                    for text, number, logprob in t.top[:most]
                ],
            }
            for t, offset in zip(tokens, offsets, strict=True)
        ]
    }


def _usage(ask: Ask, choices: Sequence[_Choice], new: int) -> dict[str, Any]:
    # A prompt counts once, however many answers it gets.
    asked = sum(len(c.generation.prompt) for c in choices[:: ask.body.get("n", 1)])
    return {"prompt_tokens": asked, "completion_tokens": new, "total_tokens": asked + new}


def _real(tokens: Sequence[Token]) -> int:
    return sum(t.id >= 0 for t in tokens)


def _stream(ask: Ask, choices: Sequence[_Choice]) -> Iterator[bytes]:
    """Each token as an event; the last one carries the usage, then comes `[DONE]`."""
    head = _head(ask, "chat.completion.chunk" if ask.chat else "text_completion")
    new = 0
    for choice in choices:
        if ask.chat:
            first = {"index": choice.index, "delta": {"role": "assistant"}, "finish_reason": None}
            yield _event({**head, "choices": [first]})
        for token in _echoed(ask, choice):
            yield _event({**head, "choices": [_part(ask, choice, token)]})
        for token in choice.generation.tokens:
            new += _real([token])
            yield _event({**head, "choices": [_part(ask, choice, token)]})
    yield _event({**head, "choices": [], "usage": _usage(ask, choices, new)})
    yield b"data: [DONE]\n\n"


def _part(ask: Ask, choice: _Choice, token: Token) -> dict[str, Any]:
    part: dict[str, Any] = {"index": choice.index, "finish_reason": token.finish}
    part |= {"delta": {"content": token.text}} if ask.chat else {"text": token.text}
    logprobs = _logprobs(ask, choice, [token])
    return {**part, "logprobs": logprobs} if logprobs is not None else part


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"
