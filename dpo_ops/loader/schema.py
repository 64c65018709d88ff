"""One JSON Schema for spec files, so that editors complete and check them while they are typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from dpo_ops.kinds import KINDS, STACK, StackSpec
from dpo_ops.kinds.facts import ID_PATTERN, STACK_LIMIT
from dpo_ops.kinds.values import SecretRef
from dpo_ops.loader.envelope import API_VERSION
from dpo_ops.loader.shape import is_model
from dpo_ops.loader.texts import field_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE: Final = {"$ref": "#/$defs/Template"}
_SCALARS: Final = ("integer", "number", "boolean")
_NARROWING: Final = ("enum", "const", "pattern", "minLength", "maxLength")


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one document of a spec file.

    A string with a template fits wherever a number or a fixed word does. No field of a spec is
    required, for the defaults of a Stack may give it; `load` is what decides.
    """
    models = {name: kind.spec for name, kind in KINDS.items()} | {STACK: StackSpec}
    others = {name: kind.elsewhere.spec for name, kind in KINDS.items() if kind.elsewhere}
    every = [*models.values(), *others.values()]
    references, whole = models_json_schema([(model, "validation") for model in every])
    parts = whole.get("$defs", {})
    _describe(parts, every)
    definitions = {name: _lenient(part) for name, part in parts.items()}
    specs = {name: references[model, "validation"] for name, model in models.items()}
    documented = dict(specs)
    for name, model in others.items():
        documented[name] = {"anyOf": [specs[name], references[model, "validation"]]}
    stack = definitions[specs[STACK]["$ref"].rpartition("/")[2]]
    stack["properties"]["defaults"] = _defaults(specs)
    definitions["Template"] = {
        "description": "Text with a template, such as {{ values.epochs }}.",
        "type": "string",
        "pattern": r"\{\{",
    }
    return {
        "$schema": _DIALECT,
        "title": "A document of a dpo-ops spec file",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "oneOf": [_document(name, documented[name]) for name in specs],
        "$defs": dict(sorted(definitions.items())),
    }


def _describe(parts: Mapping[str, Any], models: Iterable[type[BaseModel]]) -> None:
    """Give each property the text of its field."""
    modules = {model.__module__ for model in models} | {SecretRef.__module__}
    spaces = (vars(sys.modules[module]) for module in modules)
    found = (item for space in spaces for item in space.values() if is_model(item))
    for model in found:
        properties = parts.get(model.__name__, {}).get("properties", {})
        for name, text in field_texts(model).items():
            properties.get(name, {})["description"] = text


def _defaults(specs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": "By kind, what its specs say unless they say otherwise.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: spec for name, spec in specs.items() if name != STACK},
    }


def _document(kind: str, spec: Any) -> dict[str, Any]:
    limit = KINDS[kind].name_limit if kind in KINDS else STACK_LIMIT
    name = {"type": "string", "pattern": ID_PATTERN, "maxLength": limit}
    return {
        "title": kind,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", *(["metadata", "spec"] if kind != STACK else [])],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"] if kind != STACK else [],
                "properties": {"name": {"anyOf": [name, _TEMPLATE]}},
            },
            "spec": spec,
        },
    }


def _lenient(schema: Any) -> Any:
    """Return a schema that requires nothing and takes a template for each narrow scalar."""
    if isinstance(schema, list):
        return [_lenient(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in _SCALARS or any(key in schema for key in _NARROWING):
        said = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        bare = {key: value for key, value in schema.items() if key not in said}
        return {**said, "anyOf": [bare, _TEMPLATE]}
    kept = {key: value for key, value in schema.items() if key not in ("required", "properties")}
    lenient = {key: _lenient(value) for key, value in kept.items()}
    if "properties" in schema:
        lenient["properties"] = {k: _lenient(v) for k, v in schema["properties"].items()}
    return lenient
