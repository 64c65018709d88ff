"""The shape of the spec models: which types stand where, and which fields are anywhere near."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from dpo_ops.kinds.values import SecretRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

Model = type[BaseModel]


def fields(model: Model) -> dict[str, FieldInfo]:
    """Return the fields of a model by the name that a spec gives them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def options(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a value may have, without None and without constraints."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return options(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(t for part in get_args(annotation) for t in options(part))
    return () if annotation is type(None) else (annotation,)


def is_model(annotation: Any) -> bool:
    """Return whether a type is a spec model."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class Trail:
    """Where a pydantic error is, in the words of a spec.

    `path` is its location without the names that pydantic gives to the members of a union;
    `types` are the types that are expected there, `parent` the model that the last step is in.
    `union` is the length of the path at which a union was entered, `secret` that at which a
    reference to a secret is expected.
    """

    def __init__(self, model: Model, location: Sequence[str | int]) -> None:
        self.path: list[str | int] = []
        self.types: tuple[Any, ...] = (model,)
        self.parent: Model | None = None
        self.union: int | None = None
        self.secret: int | None = None
        for step in location:
            self._step(step)

    def _step(self, step: str | int) -> None:
        if step == "[key]":
            return
        if len(self.types) > 1:
            self._choose(step)
            return
        at = self.types[0] if self.types else None
        self.parent = at if is_model(at) else None
        self.types = _below(at, step)
        self.path.append(step)
        if self.secret is None and SecretRef in self.types:
            self.secret = len(self.path)

    def _choose(self, label: str | int) -> None:
        models = [t for t in self.types if is_model(t)]
        chosen = [t for t in models if t.__name__ == label]
        self.union = len(self.path)
        self.types = tuple(chosen or [t for t in self.types if t not in models][:1])


def _below(at: Any, step: str | int) -> tuple[Any, ...]:
    if is_model(at):
        field = fields(at).get(str(step))
        return options(field.annotation) if field else ()
    arguments = get_args(at)
    return options(arguments[-1]) if arguments and get_origin(at) in (dict, list, tuple) else ()


def paths(model: Model, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field at any level, those in named parts left out."""
    for name, field in fields(model).items():
        yield (*above, name)
        for inner in options(field.annotation):
            if is_model(inner):
                yield from paths(inner, (*above, name))


def in_words(annotation: Any) -> str:
    """Return a type in plain words."""
    if is_model(annotation):
        return f"a mapping with {_few(list(fields(annotation)))}"
    if get_origin(annotation) is Literal:
        return " or ".join(map(str, get_args(annotation)))
    return _WORDS.get(get_origin(annotation) or annotation, "something else")


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown}, …" if len(names) > 3 else shown  # noqa: PLR2004  -- a few


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}
