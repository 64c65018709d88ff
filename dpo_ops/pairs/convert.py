"""Preference data in the shapes that teams already have, to rows of this format.

What is read: TRL's `prompt`/`chosen`/`rejected`, plain or as messages; `chosen`/`rejected`
transcripts that begin alike, as lists of messages or as `Human:`/`Assistant:` text; the same
under `messages`; and rows that are in this format already. A row becomes a row or a reason why
it can't, so nothing is lost in silence.
"""

from __future__ import annotations

import json
import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROLES: Final = {
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
}
_TURN: Final = re.compile(r"(?:^|\n\n)(Human|Assistant|System): ?")
_OURS: Final = ("input", "preferred_output", "non_preferred_output")

Messages = list[dict[str, str]]


class Unconvertible(Exception):
    """A row that can't become a pair; its text says why."""


def convert(row: Any) -> dict[str, Any]:
    """Return `row` in the row format.

    Raises:
        Unconvertible: it has another shape, or no pair can be made of it.
    """
    if not isinstance(row, dict):
        raise Unconvertible("the row is not an object")
    if row.keys() & set(_OURS):
        return {key: row[key] for key in _OURS if key in row}
    if "chosen" not in row or "rejected" not in row:
        raise Unconvertible(f"has no chosen and rejected, but {_named(row)}")
    prompt, chosen, rejected = _parts(row)
    if row.get("system") and prompt[0]["role"] != "system":
        prompt = [{"role": "system", "content": str(row["system"])}, *prompt]
    made = _row(prompt, _answer(chosen, "chosen"), _answer(rejected, "rejected"))
    if row.get("tools"):
        made["input"]["tools"] = row["tools"]
    return made


def _parts(row: Mapping[str, Any]) -> tuple[Messages, Messages, Messages]:
    """Return the prompt, and what follows it on either side."""
    said = row.get("prompt") or row.get("question")
    sides = tuple(_opened(row[key], key) for key in ("chosen", "rejected"))
    if all(len(side) > 1 for side in sides):
        # Whole transcripts; some sets repeat the prompt beside them.
        return _divided(*sides)
    if not said:
        raise Unconvertible("has no prompt, and chosen and rejected are no transcripts")
    prompt = _prompt(said)
    chosen, rejected = (s[len(prompt) :] if s[: len(prompt)] == prompt else s for s in sides)
    return prompt, chosen, rejected


def line_of(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line of JSON, without its line end."""
    return json.dumps(row, ensure_ascii=False).encode()


def _named(row: Mapping[str, Any]) -> str:
    return ", ".join(list(map(str, row))[:6]) or "no field at all"


def _prompt(value: Any) -> Messages:
    if isinstance(value, str):
        return _transcript(value) or [{"role": "user", "content": value}]
    return _messages(value, "prompt")


def _opened(value: Any, name: str) -> Messages:
    """Return what a side says as messages: a transcript, or one answer."""
    if isinstance(value, str):
        return _transcript(value) or [{"role": "assistant", "content": value}]
    return _messages(value, name)


def _transcript(text: str) -> Messages:
    r"""Return the turns of `\n\nHuman: … \n\nAssistant: …`; none where it is another text."""
    marks = list(_TURN.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        {"role": _ROLES[mark[1].lower()], "content": text[mark.end() : end].strip()}
        for mark, end in zip(marks, ends, strict=True)
    ]


def _messages(value: Any, name: str) -> Messages:
    if isinstance(value, dict) and "messages" in value:
        value = value["messages"]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        raise Unconvertible(f"{name} is neither text nor a list of messages")
    return [_message(item, name) for item in value]


def _message(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Unconvertible(f"{name} holds something that is not a message")
    role = value.get("role", value.get("from"))
    content = value.get("content", value.get("value"))
    if not isinstance(role, str) or role.lower() not in _ROLES:
        raise Unconvertible(f"{name} has a message with the role {role!r}"[:120])
    if not isinstance(content, str):
        raise Unconvertible(f"{name} has a message whose content is not text")
    return {"role": _ROLES[role.lower()], "content": content}


def _divided(chosen: Messages, rejected: Messages) -> tuple[Messages, Messages, Messages]:
    """Return what both transcripts begin with, and what is left of each."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(chosen, rejected, strict=False))
    shared = len(list(alike))
    # Two transcripts that are the same all through would leave no answer.
    shared = min(shared, len(chosen) - 1, len(rejected) - 1)
    if not shared:
        raise Unconvertible("chosen and rejected do not begin with the same prompt")
    return chosen[:shared], chosen[shared:], rejected[shared:]


def _answer(messages: Messages, name: str) -> str:
    if len(messages) != 1:
        what = f"{len(messages)} messages follow the prompt in {name}"
        raise Unconvertible(f"{what}; a pair has one answer on each side")
    if messages[0]["role"] != "assistant":
        raise Unconvertible(f"the answer in {name} is of the role {messages[0]['role']}")
    return messages[0]["content"]


def _row(prompt: Sequence[dict[str, str]], chosen: str, rejected: str) -> dict[str, Any]:
    return {
        "input": {"messages": list(prompt)},
        "preferred_output": [{"role": "assistant", "content": chosen}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }
