"""Domain values and when two of them are the same: numbers, durations, names, secrets.

Each value is compared by what it means. The server answers int64 as text, float32 with its
rounding, unset as zero and `10m` as `600s`; none of that is a difference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dpo_ops.resource import Json

DATE = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
"""A day as text, which sorts as days do."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")


def seconds(duration: str) -> float:
    """Return a duration such as `90s`, `10m` or `1h30m` in seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    if not _DURATION.fullmatch(duration):
        raise ValueError(f"{duration!r} is not a duration; write it like 90s, 10m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(duration))


def _checked_duration(duration: str) -> str:
    seconds(duration)
    return duration


Duration = Annotated[str, AfterValidator(_checked_duration)]
"""A duration in a spec: `90s`, `10m`, `1h30m`."""


def wire_duration(duration: str) -> str:
    """Return a duration as protobuf JSON writes it: in seconds, `600s`."""
    return f"{seconds(duration):.9f}".rstrip("0").rstrip(".") + "s"


class _EnvironmentVariable(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The environment variable that holds the secret."""


class SecretRef(BaseModel):
    """Where a secret is found when it is sent. The secret itself is in no spec and no plan."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    secretRef: _EnvironmentVariable
    """The place to take it from."""


def secret_variable(value: Json) -> str | None:
    """Return the environment variable that `{secretRef: {env: X}}` names, or None."""
    if isinstance(value, Mapping) and set(value) == {"secretRef"}:
        return str(value["secretRef"]["env"])
    return None


def same(wanted: Json, observed: Json) -> bool:
    """Return whether two values mean the same, whichever way the server writes them."""
    if _unset(wanted) or _unset(observed):
        return _unset(wanted) and _unset(observed)
    if isinstance(wanted, Mapping) and isinstance(observed, Mapping):
        return all(same(value, observed.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(observed, list | tuple):
        return len(wanted) == len(observed) and all(map(same, wanted, observed))
    numbers = _number(wanted), _number(observed)
    if numbers[0] is not None and numbers[1] is not None:
        # float32 keeps about seven digits, and the server may answer in it.
        return math.isclose(numbers[0], numbers[1], rel_tol=1e-6)
    return bool(wanted == observed)


def same_duration(wanted: Json, observed: Json) -> bool:
    """Return whether two durations are equally long."""
    if _unset(wanted) or _unset(observed):
        return _unset(wanted) and _unset(observed)
    try:
        return seconds(str(wanted)) == seconds(str(observed))
    except ValueError:
        return bool(wanted == observed)  # The server may write what this version can't read.


def same_entries(wanted: Json, observed: Json) -> bool:
    """Return whether two maps have the same keys, and the same under each."""
    if not isinstance(wanted, Mapping) or not isinstance(observed, Mapping):
        return same(wanted, observed)
    return set(wanted) == set(observed) and same(wanted, observed)


def same_versioned(wanted: Json, observed: Json) -> bool:
    """Return whether a resource name is the wanted one, or one of its versions."""
    name, answer = str(wanted or ""), str(observed or "")
    return answer == name or (bool(name) and answer.startswith(f"{name}/versions/"))


def differing(wanted: Mapping[str, Json], observed: Mapping[str, Json]) -> list[str]:
    """Return the dotted paths of `wanted` whose value is not the same in `observed`."""
    found = ((path, value, look_up(observed, path.split("."))) for path, value in leaves(wanted))
    return [path for path, value, there in found if not same(value, there)]


def leaves(
    body: Mapping[str, Json], above: str = "", *, wholes: Collection[str] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield each dotted path of `body` that ends in no further mapping, with its value.

    An empty mapping says nothing, so it has no leaf; a null is what clears. The mappings at the
    paths `wholes` are values themselves.
    """
    for key, value in body.items():
        path = f"{above}.{key}" if above else key
        parts = isinstance(value, Mapping) and secret_variable(value) is None
        if parts and path not in wholes:
            yield from leaves(value, path, wholes=wholes)
        else:
            yield path, value


def look_up(record: Json, path: list[str]) -> Json:
    """Return the value at `path`, or None where the record has no such part."""
    for key in path:
        record = record.get(key) if isinstance(record, Mapping) else None
    return record


def _unset(value: Json) -> bool:
    unspecified = isinstance(value, str) and value.endswith("_UNSPECIFIED")
    return value is None or value is False or value in ("", 0, "0", [], {}) or unspecified


def _number(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
