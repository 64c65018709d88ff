"""The published JSON Schemas of what the tool prints with `--format json`."""

from __future__ import annotations

from typing import Any

from dpo_ops.planner import PLAN_SCHEMA, Action
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.report_text import WORDS
from dpo_ops.resource import Health

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _published(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    body = _object({"version": {"const": VERSION}, **properties})
    return {"$schema": _DRAFT, "title": f"dpo-ops {name}", **body}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_MAYBE_TEXT = {"type": ["string", "null"]}
_ADDRESS = {"type": "string", "pattern": "^[A-Za-z]+/[a-z0-9-]+$"}
_HEALTH = {"enum": [str(health) for health in Health]}
_SECONDS = {"type": "number", "minimum": 0, "description": "seconds"}
_WHOSE = {"account": _TEXT, "stack": _TEXT}
_OUTPUTS = _map(_map({}))

_PLACE = _object(
    {
        "file": _TEXT,
        "line": {"type": "integer", "minimum": 1},
        "column": {"type": "integer", "minimum": 1},
    }
)
_FINDING = _object(
    {
        "where": _TEXT,
        "place": {"anyOf": [_PLACE, {"type": "null"}]},
        "severity": {"enum": ["error", "warning"]},
        "what": _TEXT,
        "why": _TEXT,
        "fix": _TEXT,
        "rule": _TEXT,
    }
)
_ROW = _object(
    {
        "address": _ADDRESS,
        "id": _MAYBE_TEXT,
        "health": _HEALTH,
        "message": _TEXT,
        "since": {**_MAYBE_TEXT, "description": "RFC 3339, as the server says it"},
        "earlier": {**_COUNT, "description": "earlier generations that are kept"},
    }
)
_RESULT = _object(
    {
        "address": _ADDRESS,
        "action": {"enum": [str(action) for action in Action]},
        "outcome": {"enum": list(WORDS)},
        "id": _TEXT,
        "message": _TEXT,
        "cause": {**_MAYBE_TEXT, "description": "the address that kept it from its turn"},
        "waited": _SECONDS,
    }
)
_ANSWER = _object({"address": _ADDRESS, "model": _TEXT, "prompt": _TEXT, "answer": _TEXT})
_ERROR = _object(
    {
        "type": {"type": "string", "description": "a class of the tree in dpo_ops.errors"},
        "what": _TEXT,
        "where": _TEXT,
        "why": _TEXT,
        "fix": _TEXT,
        "status": {**_COUNT, "description": "HTTP status; 0: no answer"},
        "requestId": _TEXT,
        "findings": _list(_FINDING),
    },
    optional=("status", "requestId"),
)

SCHEMAS: dict[str, dict[str, Any]] = {
    "plan": PLAN_SCHEMA,
    "report": _published(
        "report",
        {
            **_WHOSE,
            "fingerprint": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "exitCode": {"enum": [0, 1, 3]},
            "interrupted": {"type": "boolean"},
            "results": _list(_RESULT),
            "answers": _list(_ANSWER),
            "outputs": _OUTPUTS,
        },
    ),
    "status": _published("status", {**_WHOSE, "resources": _list(_ROW)}),
    "outputs": _published("outputs", {**_WHOSE, "outputs": _OUTPUTS, "missing": _map(_TEXT)}),
    "findings": _published("findings", {"files": _list(_TEXT), "findings": _list(_FINDING)}),
    "error": _published("error", {"error": _ERROR}),
}
"""By the name that `dpo-ops schema` takes. The schema of specs is the loader's."""
