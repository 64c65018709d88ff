"""JSON bodies to stored values and back, the way proto3's JSON mapping does it.

Stored values: int64 as int, timestamps as integer nanoseconds, floats rounded to single
precision, messages as dicts that hold only the fields that were set.
"""

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from .clock import timestamp
from .messages import ENUMS, EXTRA_FIELDS, EXTRA_MESSAGES, MESSAGES
from .wire import RefusalError, refuse

_ZERO: Final[Mapping[str, Any]] = {
    "string": "", "bool": False, "int32": 0, "int64": "0", "float": 0, "double": 0, "time": None
}  # fmt: skip
_BITS: Final[Mapping[str, int]] = {"int32": 31, "int64": 63}
_WORD = re.compile(r"(\w+):([\[{]?)(\w+)[\]}]?(!?)(\??)")


@dataclass(frozen=True)
class Field:
    """One field of a message; `shape` is `[` (repeated), `{` (map) or empty."""

    name: str
    shape: str
    type: str
    output_only: bool
    oneof: bool


@cache
def fields(message: str) -> Mapping[str, Field]:
    """Return the fields of `message` by camelCase name."""
    words = MESSAGES.get(message, EXTRA_MESSAGES.get(message, ""))
    found = [_WORD.fullmatch(w) for w in f"{words} {EXTRA_FIELDS.get(message, '')}".split()]
    made = [Field(m[1], m[2], m[3], bool(m[4]), bool(m[5])) for m in found if m]
    return {f.name: f for f in made}


@cache
def _enum(name: str) -> tuple[str, ...]:
    return tuple(ENUMS[name].split())


@cache
def _spellings(message: str) -> Mapping[str, Field]:
    """The fields by both names that JSON may use, camelCase and snake_case."""
    known = fields(message)
    return {**{snake(n): f for n, f in known.items()}, **known}


def snake(name: str) -> str:
    """Return a camelCase name in snake_case."""
    return re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name)


def camel(name: str) -> str:
    """Return a snake_case name in camelCase."""
    return re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), name)


def read(message: str, value: Any) -> dict[str, Any]:
    """Return the fields of a JSON object that a caller may set, checked and named in camelCase.

    Raises:
        RefusalError: 400 for an unknown field or a value of the wrong type.
    """
    if not isinstance(value, dict):
        raise _bad(f"unexpected token {_shown(value)}: want an object ({message})")
    known = _spellings(message)
    for name in value:
        if name not in known:
            raise _bad(f'unknown field "{name}"')
    given = ((known[name], v) for name, v in value.items() if v is not None)
    return {f.name: _read_field(f, v) for f, v in given if not f.output_only}


def write(message: str, stored: Mapping[str, Any], *, precise: bool = False) -> dict[str, Any]:
    """Return the JSON object for stored fields, zero values included.

    `precise` writes timestamps to the nanosecond, as an answer to a create does.
    """
    return {
        f.name: _write_field(f, stored.get(f.name), precise=precise)
        for f in fields(message).values()
        if not f.oneof or f.name in stored
    }


def single(value: float) -> float:
    """Return the shortest decimal that is the same single-precision float as `value`."""
    packed = struct.pack("f", value)
    short = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next((s for s in short if struct.pack("f", s) == packed), value)


def _read_field(field: Field, value: Any) -> Any:
    if field.shape == "[":
        if not isinstance(value, list):
            raise _wrong(field, value)
        return [_read_one(field, v) for v in value]
    if field.shape == "{":
        if not isinstance(value, dict):
            raise _wrong(field, value)
        return {str(k): _read_one(field, v) for k, v in value.items()}
    return _read_one(field, value)


def _read_one(field: Field, value: Any) -> Any:
    kind = field.type
    if kind == "string":
        return _require(field, value, isinstance(value, str))
    if kind == "bool":
        return _require(field, value, isinstance(value, bool))
    if kind in _BITS:
        return _read_int(field, value)
    if kind in {"float", "double"}:
        return _read_float(field, value)
    if kind == "time":
        return _require(field, value, isinstance(value, str))
    return _read_enum(field, value) if kind in ENUMS else read(kind, value)


def _require(field: Field, value: Any, right: bool) -> Any:
    if not right:
        raise _wrong(field, value)
    return value


def _read_int(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(field, value)
    try:
        number = float(value) if isinstance(value, float) else int(value)
    except ValueError:
        raise _wrong(field, value) from None
    limit = 2 ** _BITS[field.type]
    if not -limit <= number < limit or number != math.floor(number):
        raise _wrong(field, value)
    return int(number)


def _read_float(field: Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(field, value)
    try:
        number = float(value)
        rounded = single(number) if field.type == "float" else number
    except (ValueError, OverflowError):
        raise _wrong(field, value) from None
    return _require(field, rounded, math.isfinite(rounded))


def _read_enum(field: Field, value: Any) -> str:
    if value not in _enum(field.type):
        raise _bad(f"invalid value for enum field {field.name}: {_shown(value)}")
    return str(value)


def _write_field(field: Field, value: Any, *, precise: bool) -> Any:
    if value is None:
        return _zero(field)
    if field.shape == "[":
        return [_write_one(field, v, precise=precise) for v in value]
    if field.shape == "{":
        return {k: _write_one(field, v, precise=precise) for k, v in value.items()}
    return _write_one(field, value, precise=precise)


def _write_one(field: Field, value: Any, *, precise: bool) -> Any:
    kind = field.type
    if kind == "int64":
        return str(value)
    if kind == "time":
        return timestamp(value, precise=precise) if isinstance(value, int) else value
    if kind in _ZERO or kind in ENUMS:
        return int(value) if isinstance(value, float) and value.is_integer() else value
    return write(kind, value, precise=precise)


def _zero(field: Field) -> Any:
    if field.shape:
        return [] if field.shape == "[" else {}
    if field.type in ENUMS:
        return _enum(field.type)[0]
    return _ZERO.get(field.type)


def _wrong(field: Field, value: Any) -> RefusalError:
    return _bad(f"invalid value for {field.type} field {field.name}: {_shown(value)}")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _bad(problem: str) -> RefusalError:
    return refuse("INVALID_ARGUMENT", f"proto: (line 1:1): {problem}")
