"""What is said about a field that is not as its model wants it: what, why, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from dpo_ops.kinds.facts import Origin
from dpo_ops.kinds.values import DATE
from dpo_ops.loader.scalars import resolve
from dpo_ops.loader.shape import fields, in_words, paths
from dpo_ops.loader.texts import field_texts
from dpo_ops.loader.words import alike, likely, listed, meant, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from dpo_ops.kinds.facts import Field
    from dpo_ops.loader.shape import Trail

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Complaint:
    """The words of one finding."""

    what: str
    why: str = ""
    fix: str = ""
    rule: str = "wrong-value"


def secret(trail: Trail) -> Complaint:
    """Say that a secret must be named; nothing that stands there is repeated."""
    path = _dotted(trail.path[: trail.secret])
    what = f"{path} must say where a secret is, and never hold it"
    fix = "write {secretRef: {env: NAME}}, with the name of an environment variable"
    return Complaint(what, "specs are in Git, and plans are shown", fix, "literal-secret")


def unknown(
    model: type[BaseModel], trail: Trail, rows: Sequence[Field]
) -> tuple[Complaint, tuple[str | int, ...]]:
    """Return what to say about a field that is not in the model, and the path that was meant."""
    path, name = _dotted(trail.path), str(trail.path[-1])
    above = tuple(trail.path[:-1])
    what = f"{_dotted(above)} has no field {quoted(name)}"
    if path == "name":
        return Complaint(what, "", "name belongs in metadata", "unknown-field"), ()
    for row in rows:
        if row.path == path and row.origin is not Origin.SPEC:
            return _not_yours(row), ()
    here = fields(trail.parent) if trail.parent else {}
    elsewhere = [p for p in paths(model) if alike(name, p[-1]) and p[:-1] != above]
    if elsewhere and not any(alike(name, field) for field in here):
        under = " or ".join(".".join(p[:-1]) or "spec" for p in elsewhere)
        fix = f"{elsewhere[0][-1]} belongs under {under}"
        return Complaint(what, "", fix, "unknown-field"), elsewhere[0]
    near = [(*above, guess)] if (guess := likely(name, here)) else []
    if not near and (guess := likely(name, {p[-1] for p in paths(model)})):
        near = [p for p in paths(model) if p[-1] == guess]
    if near:
        return Complaint(
            what, "", f"did you mean {_meant(near[0], above)}?", "unknown-field"
        ), near[0]
    return Complaint(what, "", meant(name, here), "unknown-field"), ()


def _meant(path: tuple[str | int, ...], above: tuple[str | int, ...]) -> str:
    return str(path[-1]) if path[:-1] == above else _dotted(path)


_ORIGINS: Final = {
    Origin.WITHHELD: ("is not for specs to set", "remove it"),
    Origin.SERVER: ("is the server's to say", "remove it"),
    Origin.DERIVED: ("is set by dpo_ops itself", "remove it"),
}


def _not_yours(row: Field) -> Complaint:
    what, fix = _ORIGINS[row.origin]
    return Complaint(f"{row.path} {what}", row.reason, fix, "field-not-settable")


def about(type_: str, context: dict[str, Any], message: str, trail: Trail, value: Any) -> Complaint:
    """Return what to say about the value of a field; a value is repeated only in part."""
    path, why = _dotted(trail.path), _description(trail)
    if type_ == "missing":
        what = f"{path} is missing"
        return Complaint(what, why, f"write {trail.path[-1]}: …", "missing-field")
    if type_.endswith("_type"):
        wanted = " or ".join(map(in_words, trail.types)) or "of another type"
        what = f"{path} must be {wanted}, not {_is(value)}"
        return Complaint(what, why, _retype(trail, value), "wrong-type")
    if type_ == "literal_error":
        return _choice(path, trail, value, why)
    if type_ == "value_error":
        said = str(context.get("error", message))
        what = f"{path}: {said}" if len(said) <= _LONGEST else f"{path} is not accepted"
        return Complaint(what, why)
    if type_ in _RULES:
        rule, fix = _RULES[type_].format(**{key: _whole(n) for key, n in context.items()}), ""
        if context.get("pattern") == DATE:
            rule, fix = "be a date", "write a date as YYYY-MM-DD"
        return Complaint(f"{path} is {_shown(value)}; it must {rule}", why, fix)
    return Complaint(f"{path} is not accepted: {message[:_LONGEST]}", why)


_RULES: Final = {
    "greater_than": "be above {gt}",
    "greater_than_equal": "be {ge} or more",
    "less_than": "be below {lt}",
    "less_than_equal": "be {le} or less",
    "multiple_of": "be a multiple of {multiple_of}",
    "finite_number": "be a finite number",
    "string_too_short": "have {min_length} characters or more",
    "string_too_long": "have {max_length} characters or fewer",
    "string_pattern_mismatch": "match {pattern}",
    "too_short": "have {min_length} items or more",
    "too_long": "have {max_length} items or fewer",
}


def _choice(path: str, trail: Trail, value: Any, why: str) -> Complaint:
    choices = [
        str(choice)
        for type_ in trail.types
        if get_origin(type_) is Literal
        for choice in get_args(type_)
    ]
    what = f"{path} is {_shown(value)}; it must be {listed(choices)}"
    guess = likely(value, choices) if isinstance(value, str) else None
    fix = f"did you mean {guess}?" if guess else ""
    return Complaint(what, why, fix)


def _whole(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _description(trail: Trail) -> str:
    text = field_texts(trail.parent).get(str(trail.path[-1]), "") if trail.parent else ""
    # A word with capitals further on is a name or an abbreviation, and keeps its first one.
    first = text.partition(" ")[0]
    begun = text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]
    return begun.removesuffix(".")


def _is(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {_shown(value)}"
    if isinstance(value, str):
        return "text"
    return "a mapping" if isinstance(value, dict) else "a list"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return _is(value)
    return "empty" if value in (None, "") else quoted(value)


def _retype(trail: Trail, value: Any) -> str:
    if str in trail.types and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and {int, float, bool} & set(trail.types):
        return "remove the quotes" if _is_number(value) else ""
    if isinstance(value, str) and any(get_origin(type_) is list for type_ in trail.types):
        return "write it as a list: [ … ]"
    return ""


def _is_number(text: str) -> bool:
    try:
        return isinstance(resolve(text), int | float)
    except ValueError:
        return False


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(quoted(step, bare=True) for step in path) or "spec"
