"""A subset of AIP-160 filters over JSON objects.

`field op value` with `=`, `!=`, `<`, `<=`, `>`, `>=` and `:`; AND, OR (which binds
tighter), NOT and `-`; parentheses; quoted strings; `a.b`; snake_case or camelCase names.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from .codec import camel
from .wire import refuse

Test = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<op><=|>=|!=|[=<>:()-])|"(?P<dq>(?:[^"\\]|\\.)*)"|'(?P<sq>(?:[^'\\]|\\.)*)'|(?P<word>[^\s<>=!:()"']+))"""
)
_COMPARISONS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", ":"})
_MISSING: Final = object()


def compile_filter(text: str, known: frozenset[str]) -> Test:
    """Return the test that a filter stands for; an empty one lets all through.

    `known` are the field names that may stand first in a comparison, in camelCase.

    Raises:
        RefusalError: 400 for a filter that can't be read or names an unknown field.
    """
    if not text.strip():
        return lambda _: True
    reader = _Reader(_tokens(text), known, text)
    test = reader.expression()
    if reader.next is not None:
        raise reader.bad()
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    """Cut a filter into `(kind, text)`; the kinds are op, str and word."""
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise refuse("INVALID_ARGUMENT", f"invalid filter {text!r} at {place}")
        place = match.end()
        kind = str(match.lastgroup)
        value = match[kind]
        found.append(
            ("str", re.sub(r"\\(.)", r"\1", value)) if kind in {"dq", "sq"} else (kind, value)
        )
    return found


class _Reader:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, tokens: list[tuple[str, str]], known: frozenset[str], text: str) -> None:
        self._tokens = tokens
        self._known = known
        self._text = text
        self._place = 0

    @property
    def next(self) -> tuple[str, str] | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def bad(self, why: str = "") -> Exception:
        return refuse("INVALID_ARGUMENT", f"invalid filter {self._text!r}{why and ': ' + why}")

    def take(self) -> tuple[str, str]:
        token = self.next
        if token is None:
            raise self.bad("it ends too early")
        self._place += 1
        return token

    def expression(self) -> Test:
        """Factors joined by AND, or by nothing, which means the same."""
        parts = [self._factor()]
        while self.next not in {None, ("op", ")")}:
            if self.next == ("word", "AND"):
                self.take()
            parts.append(self._factor())
        return lambda row: all(p(row) for p in parts)

    def _factor(self) -> Test:
        parts = [self._term()]
        while self.next == ("word", "OR"):
            self.take()
            parts.append(self._term())
        return lambda row: any(p(row) for p in parts)

    def _term(self) -> Test:
        if self.next in {("word", "NOT"), ("op", "-")}:
            self.take()
            inner = self._simple()
            return lambda row: not inner(row)
        return self._simple()

    def _simple(self) -> Test:
        kind, text = self.take()
        if (kind, text) == ("op", "("):
            inner = self.expression()
            if self.take() != ("op", ")"):
                raise self.bad("a parenthesis is open")
            return inner
        if kind != "word" or text in {"AND", "OR"}:
            raise self.bad(f"{text!r} stands where a field should")
        return self._comparison(text)

    def _comparison(self, name: str) -> Test:
        path = [camel(part) for part in name.split(".")]
        if path[0] not in self._known:
            raise self.bad(f"unknown field {name!r}")
        operator = self.take()
        if operator[0] != "op" or operator[1] not in _COMPARISONS:
            raise self.bad(f"{name!r} needs a comparison")
        value = self._argument()
        return lambda row: _compare(_find(row, path, name.split(".")), operator[1], value)

    def _argument(self) -> str:
        kind, text = self.take()
        if (kind, text) == ("op", "-"):
            return "-" + self._argument()
        if kind == "op":
            raise self.bad(f"{text!r} stands where a value should")
        return text


def _find(row: Any, path: list[str], spelled: list[str]) -> Any:
    # A map's own keys are taken as they are spelled; only field names have two spellings.
    for name, key in zip(path, spelled, strict=True):
        if not isinstance(row, dict):
            return _MISSING
        row = row.get(name, row.get(key, _MISSING))
    return row


def _compare(have: Any, operator: str, want: str) -> bool:
    if operator == ":":
        return _has(have, want)
    if have is _MISSING or have is None:
        return operator == "!=" and want != "null"
    if operator in {"=", "!="}:
        return _equal(have, want) == (operator == "=")
    left, right = _ordered(have, want)
    order: Mapping[str, bool] = {
        "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right
    }  # fmt: skip
    return order[operator]


def _equal(have: Any, want: str) -> bool:
    if isinstance(have, bool):
        return want.lower() == str(have).lower()
    left, right = _ordered(have, want)
    if left == right:
        return True
    if not isinstance(have, str):
        return False
    if "*" in want:
        return re.fullmatch(".*".join(map(re.escape, want.split("*"))), have, re.DOTALL) is not None
    # Enums are also asked for by their last words: `state=RUNNING` of a job.
    return have.isupper() and have.endswith("STATE_" + want)


def _has(have: Any, want: str) -> bool:
    if have is _MISSING or have in (None, "", []):
        return False
    if want == "*":
        return True
    if isinstance(have, dict):
        return want in have
    if isinstance(have, list):
        return any(_equal(v, want) for v in have)
    return want.lower() in str(have).lower()


def _ordered(have: Any, want: str) -> tuple[Any, Any]:
    """Both sides as numbers or as times where both can be read so, else as text."""
    for kind in (float, datetime.fromisoformat):
        try:
            left, right = kind(str(have)), kind(want)
            _ = left < right  # type: ignore[operator]  # both come from the same `kind`
        except (ValueError, TypeError):
            continue
        else:
            return left, right
    return str(have), want
