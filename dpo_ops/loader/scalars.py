"""What a plain YAML scalar means: the core schema of YAML 1.2, and nothing magic besides.

`yes`, `on`, `010:30` and `2024-01-01` are text; `1e-5` is a number.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMERIC = frozenset("-+.0123456789")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Longer than any number that a spec needs; Python takes quadratic time to read one of millions.
_LONGEST = 64


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar.

    Raises:
        ValueError: it is a number of more than 64 characters.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if not _FLOAT.fullmatch(text):
        return _other_base(text)
    if len(text) > _LONGEST:
        raise ValueError(f"a number of {len(text)} characters is too long")
    return int(text) if _WHOLE.fullmatch(text) else float(text)


def _other_base(text: str) -> Scalar:
    base = 8 if _OCTAL.fullmatch(text) else 16 if _HEX.fullmatch(text) else 0
    if not base:
        return text
    if len(text) > _LONGEST:
        raise ValueError(f"a number of {len(text)} characters is too long")
    return int(text, base)
