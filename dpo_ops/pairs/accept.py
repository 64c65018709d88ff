"""The short way: is this row good without a doubt? Made to be fast, and to be replaced.

The one law: what is accepted here, `explain` has nothing to say against. The reverse need not
hold. A good row that is unusual (parts as content, a tool message, deep tools) is not accepted
and costs the long way.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from dpo_ops.pairs.rules import INPUT_FIELDS, MAX_DEPTH, MAX_DIGITS, MAX_VALUES, ROW_FIELDS

_DOUBTS: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_FIELDS: Final = len(("role", "content"))
# A longer row goes the long way, which stops at a number of values; this way would hold them all.
_LONG: Final = 2**20


def accepts(line: bytes) -> bool:
    r"""Say whether `line`, given without `\n`, is a row that breaks no rule. Never raises."""
    return accepted(line) is not None


def accepted(line: bytes) -> dict[str, Any] | None:
    r"""Return the row that `line` is, given without `\n`, if it breaks no rule. Never raises."""
    # A test of the first byte is cheap; a decode that fails is not, and may run for every line.
    if len(line) > _LONG or not line.startswith(b"{") or line.endswith(b"\r"):
        return None
    try:
        text = str(line, "utf-8")
        row = _decode(text)
        return row if _is_good(row, text) else None
    except _DOUBTS:
        # Whatever surprises this straight code is for the long way to explain.
        return None


def _is_good(row: Any, text: str) -> bool:
    [preferred], [other] = row["preferred_output"], row["non_preferred_output"]
    return (
        row.keys() == ROW_FIELDS
        and _is_input(row["input"], text)
        and _is_message(preferred, "assistant")
        and _is_message(other, "assistant")
        and preferred["content"] != other["content"]
    )


def _is_input(value: Any, text: str) -> bool:
    *before, user = value["messages"]
    return (
        value.keys() <= INPUT_FIELDS
        and _is_message(user, "user")
        and (not before or _is_system(before))
        and _are_tools(value.get("tools", []), text)
    )


def _is_system(before: Any) -> bool:
    [system] = before
    return _is_message(system, "system")


def _is_message(value: Any, role: str) -> bool:
    content = value["content"]
    return (
        value["role"] == role
        and len(value) == _FIELDS
        and type(content) is str
        and content != ""
        and not content.isspace()
        and (content.isascii() or _encodes(content))
    )


def _are_tools(value: Any, text: str) -> bool:
    """Tools may hold anything, so they are what depth and number of values hang on."""
    if value == []:
        return True
    if type(value) is not list or not all(type(tool) is dict for tool in value):
        return False
    brackets = text.count("{") + text.count("[")
    few = brackets <= MAX_DEPTH and text.count(",") <= MAX_VALUES // 2 - brackets
    return few and _encodes(json.dumps(value, ensure_ascii=False))


def _encodes(text: str) -> bool:
    """Return True, or raise ValueError: half a surrogate pair can be decoded, but not encoded."""
    text.encode()
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _number(text: str) -> float:
    value = float(text)
    if len(text) > MAX_DIGITS or math.isinf(value):
        raise ValueError
    return value


def _constant(_: str) -> NoReturn:
    raise ValueError


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_constant
).decode
