"""The building blocks of the published JSON Schemas."""

from __future__ import annotations

from typing import Any

from dpo_ops.reporters.documents import VERSION

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def record(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of an object with these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def map_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with any keys."""
    return {"type": "object", "additionalProperties": values}


def published(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a schema to be published: a document with a version."""
    body = record({"version": {"const": VERSION}, **properties})
    return {"$schema": _DRAFT, "title": f"dpo-ops {name}", **body}


TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
_PLACE = record(
    {
        "file": TEXT,
        "line": {"type": "integer", "minimum": 1},
        "column": {"type": "integer", "minimum": 1},
    }
)
FINDING = record(
    {
        "where": TEXT,
        "place": {"anyOf": [_PLACE, {"type": "null"}]},
        "severity": {"enum": ["error", "warning"]},
        "what": TEXT,
        "why": TEXT,
        "fix": TEXT,
        "rule": TEXT,
    }
)
