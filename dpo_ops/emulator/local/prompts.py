"""What a request asks, as token ids; and what it may not ask of an engine on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import TemplateError

from dpo_ops.emulator.engine import EngineError, Prompt

from . import sampling

_HEEDED: Final = sampling.HEEDED | {
    "context_length_exceeded_behavior",
    "ignore_eos",
    "prompt_truncate_len",
    "safe_tokenization",
}
# Options that are not modelled: the values with which they ask for nothing.
_NOTHING: Final[Mapping[str, tuple[Any, ...]]] = {
    "function_call": ("auto", "none"),
    "functions": ([],),
    "images": ([],),
    "reasoning_effort": ("none", False),
    "response_format": ({"type": "text"},),
    "thinking": ({"type": "disabled"},),
    "tool_choice": ("auto", "none"),
    "tools": ([],),
}


@dataclass(frozen=True)
class Asked:
    """A prompt's token ids; the first `added` of them stand for no text of the caller's."""

    ids: list[int]
    added: int = 0


def check(prompt: Prompt, vocabulary: int) -> None:
    """Refuse with 400 what is not modelled, or names tokens that there are not."""
    options = prompt.options
    for name, value in options.items():
        # `mirostat_lr` alone asks for nothing.
        if name in _HEEDED or name == "mirostat_lr" or value in _NOTHING.get(name, ()):
            continue
        raise refused(f"{name!r} is not modelled by the emulator's own models; leave it out")
    for token in options.get("logit_bias", {}):
        if not (token.isascii() and token.isdigit() and int(token) < vocabulary):
            known = f"the tokens are 0 to {vocabulary - 1}"
            raise refused(f"'logit_bias' names {token!r}, which is no token: {known}")
    if options.get("repetition_penalty") == 0:
        raise refused("'repetition_penalty' is 0, by which nothing can be divided; 1 is no penalty")


def read(prompt: Prompt, tokenizer: Any, vocabulary: int) -> Asked:
    """Return a request's prompt as token ids, or refuse it with 400."""
    if prompt.messages is not None:
        asked = Asked(_chat(prompt, tokenizer))
    elif isinstance(prompt.text, str):
        asked = _text(prompt.text, tokenizer)
    else:
        asked = Asked(_numbers(prompt.text or (), vocabulary))
    if not asked.ids:
        raise refused("the prompt is empty: there is no token to go on from")
    return asked


def refused(message: str) -> EngineError:
    """Return the refusal of a request that can't be answered as it stands."""
    return EngineError(message, status=400, code="INVALID_ARGUMENT")


def _text(text: str, tokenizer: Any) -> Asked:
    """A text as it stands, behind what the tokenizer puts before every text."""
    plain: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole: list[int] = tokenizer(text)["input_ids"]
    if not plain:
        return Asked(whole[:1], len(whole[:1]))
    size = len(plain)
    start = next((n for n in range(len(whole) - size + 1) if whole[n : n + size] == plain), 0)
    if plain[:start] == whole[:start]:
        # A rendered template brings its own beginning.
        return Asked(plain)
    return Asked(whole[:start] + plain, start)


def _numbers(given: Sequence[Any], vocabulary: int) -> list[int]:
    for number in given:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < vocabulary:
            raise refused(f"the prompt holds {number!r}; token ids are 0 to {vocabulary - 1}")
    return list(given)


def _chat(prompt: Prompt, tokenizer: Any) -> list[int]:
    if tokenizer.chat_template is None:
        raise refused("these weights have no chat template; ask /completions, with a text")
    messages = [_message(m, place) for place, m in enumerate(prompt.messages or ())]
    safe = bool(prompt.options.get("safe_tokenization"))
    ids = _rendered(messages, tokenizer, safe=safe)
    limit = prompt.options.get("prompt_truncate_len")
    # As on the platform, the earliest go first, the system prompt and the last message never,
    # and nothing with safe tokenization.
    while limit is not None and not safe and len(ids) > limit:
        early = [m for m in messages[:-1] if m["role"] != "system"]
        if not early:
            break
        messages.remove(early[0])
        ids = _rendered(messages, tokenizer, safe=safe)
    return ids


def _rendered(messages: list[dict[str, Any]], tokenizer: Any, *, safe: bool) -> list[int]:
    try:
        return list(
            tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=True,
                return_dict=False,
                sanitize_control_tokens=safe,
            )
        )
    except (TemplateError, ValueError, TypeError) as error:
        raise refused(f"the chat template does not take these messages: {error}") from error


def _message(message: Mapping[str, Any], place: int) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_part(part, place) for part in content)
    if content is not None and not isinstance(content, str):
        raise refused(f"messages[{place}].content is neither a text nor a list of texts")
    return {**message, "content": content or ""}


def _part(part: Any, place: int) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise refused(f"messages[{place}].content holds something that is no text; only text is read")
