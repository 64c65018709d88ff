"""JSON text to a tree whose every value knows where it stands. For the long way only.

What leaves the tree readable (a duplicate key, NaN) is noted in `faults`; what does not
is raised as `Broken`. Depth and number of values are limited, so that no row can exhaust
the stack or the memory; numbers are never computed with.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Never

from dpo_ops.pairs.rules import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, Fault

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_CONSTANT: Final = re.compile(r"NaN|-?Infinity")
_WORD: Final = re.compile(r"true|false|null")
# A string up to its closing quote, or up to what must not stand in it.
_STRING: Final = re.compile(
    r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
)
# Each escape of a valid string; only half a pair lands in the group.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL
)


class Kind(StrEnum):
    """What a JSON value is, in the words of a message."""

    OBJECT = "an object"
    LIST = "a list"
    STRING = "a string"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `at` and `end` are offsets in characters, from 0; `end` is one behind."""

    kind: Kind
    at: int
    end: int
    text: str = ""
    items: tuple[Node, ...] = ()
    members: tuple[tuple[Node, Node], ...] = ()

    def get(self, name: str) -> Node | None:
        """Return the value under the key `name`; of two, the last."""
        return next((value for key, value in reversed(self.members) if key.text == name), None)


class Broken(Exception):
    """The text is not JSON, or more than is good for a reader; says where it breaks."""

    def __init__(self, rule: str, at: int, what: str) -> None:
        super().__init__(what)
        self.fault = Fault(rule, at, what)


def quote(text: str, limit: int = 40) -> str:
    """Return `text` in quotes on one line, at most `limit` characters of it, safe to print."""
    cut = text[:limit]
    quoted = json.dumps(cut, ensure_ascii=not cut.isprintable())
    return quoted if len(text) <= limit else f'{quoted[:-1]}…"'


class Scanner:
    """Reads one JSON text. `faults` holds what is wrong with it, though it can be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.faults: list[Fault] = []
        self._values = 0

    def scan(self) -> Node:
        """Return the tree of the whole text.

        Raises:
            Broken: the text is not one JSON value, or is too deep or too rich.
        """
        node = self._value(self._skip(0), 1)
        behind = self._skip(node.end)
        if behind < len(self.text):
            raise Broken("one-object", behind, f"more text behind the row: {self._found(behind)}")
        return node

    def _value(self, at: int, depth: int) -> Node:
        self._weigh(at, depth)
        match self._peek(at):
            case "{":
                return self._object(at, depth)
            case "[":
                return self._list(at, depth)
            case '"':
                return self._string(at)
            case _:
                return self._scalar(at)

    def _object(self, at: int, depth: int) -> Node:
        members: list[tuple[Node, Node]] = []
        seen: set[str] = set()
        here = self._skip(at + 1)
        closed = self._peek(here) == "}"
        while not closed:
            key = self._key(here, seen)
            colon = self._expect(":", self._skip(key.end))
            value = self._value(self._skip(colon), depth + 1)
            members.append((key, value))
            here, closed = self._next(value.end, "}")
        return Node(Kind.OBJECT, at, here + 1, members=tuple(members))

    def _key(self, at: int, seen: set[str]) -> Node:
        if self._peek(at) != '"':
            self._refuse(at, "a key in double quotes")
        key = self._string(at)
        if key.text in seen:
            self._note("duplicate-key", at, f"the key {quote(key.text)} stands here again")
        seen.add(key.text)
        return key

    def _list(self, at: int, depth: int) -> Node:
        items: list[Node] = []
        here = self._skip(at + 1)
        closed = self._peek(here) == "]"
        while not closed:
            items.append(self._value(here, depth + 1))
            here, closed = self._next(items[-1].end, "]")
        return Node(Kind.LIST, at, here + 1, items=tuple(items))

    def _string(self, at: int) -> Node:
        match = _STRING.match(self.text, at)
        end = match.end() if match else at
        if self._peek(end) != '"':
            self._refuse_string(at, end)
        raw = self.text[at : end + 1]
        text = raw[1:-1]
        if "\\" in raw:
            text = json.loads(raw)
            if not text.isascii():
                self._check_surrogates(raw, at)
        return Node(Kind.STRING, at, end + 1, text=text)

    def _scalar(self, at: int) -> Node:
        if match := _WORD.match(self.text, at):
            kind = Kind.NULL if match[0] == "null" else Kind.BOOLEAN
            return Node(kind, at, match.end())
        if match := _CONSTANT.match(self.text, at):
            self._note("not-a-number", at, f"{match[0]} is not JSON")
            return Node(Kind.NUMBER, at, match.end())
        if match := _NUMBER.match(self.text, at):
            self._measure(match[0], at)
            return Node(Kind.NUMBER, at, match.end())
        return self._refuse(at, "a value")

    def _measure(self, number: str, at: int) -> None:
        if len(number) > MAX_DIGITS:
            self._note("number-range", at, f"a number of {len(number):,} characters")
        elif math.isinf(float(number)):
            self._note("number-range", at, f"the number {quote(number)} is out of range")

    def _check_surrogates(self, raw: str, at: int) -> None:
        half = next((found for found in _ESCAPE.finditer(raw) if found[1]), None)
        if half:
            self._note("lone-surrogate", at + half.start(), f"half of a surrogate pair: {half[0]}")

    def _weigh(self, at: int, depth: int) -> None:
        self._values += 1
        if depth > MAX_DEPTH:
            raise Broken("too-complex", at, f"the row is nested more than {MAX_DEPTH} levels deep")
        if self._values > MAX_VALUES:
            raise Broken("too-complex", at, f"the row holds more than {MAX_VALUES:,} values")

    def _next(self, at: int, close: str) -> tuple[int, bool]:
        """Return where the next member begins, or the closing mark and True."""
        here = self._skip(at)
        if self._peek(here) == close:
            return here, True
        return self._skip(self._expect(",", here, f' or "{close}"')), False

    def _expect(self, mark: str, at: int, alternative: str = "") -> int:
        if self._peek(at) != mark:
            self._refuse(at, f'"{mark}"{alternative}')
        return at + 1

    def _refuse(self, at: int, wanted: str) -> Never:
        raise Broken("json-syntax", at, f"not JSON: {wanted} belongs here, not {self._found(at)}")

    def _refuse_string(self, at: int, end: int) -> Never:
        escape = self.text[end : end + 2]
        if escape in ("", "\\"):
            raise Broken("json-syntax", at, "not JSON: this string has no closing quote")
        if escape[0] == "\\":
            what = f"no valid escape begins with {quote(escape)}"
        else:
            what = f"a bare control character U+{ord(escape[0]):04X}"
        raise Broken("json-syntax", end, f"not JSON: {what}")

    def _found(self, at: int) -> str:
        return quote(self.text[at : at + 20]) if at < len(self.text) else "the end of the line"

    def _note(self, rule: str, at: int, what: str) -> None:
        self.faults.append(Fault(rule, at, what))

    def _peek(self, at: int) -> str:
        return self.text[at : at + 1]

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at
