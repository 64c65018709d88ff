"""The published JSON Schemas of what the tool prints with `--format json`."""

from __future__ import annotations

from typing import Any

from dpo_ops.planner import PLAN_SCHEMA, Action
from dpo_ops.reporters.pairs_schemas import PAIRS_SCHEMAS
from dpo_ops.reporters.report_text import WORDS
from dpo_ops.reporters.shapes import COUNT, FINDING, TEXT, list_of, map_of, published, record
from dpo_ops.resource import Health

_MAYBE_TEXT = {"type": ["string", "null"]}
_ADDRESS = {"type": "string", "pattern": "^[A-Za-z]+/[a-z0-9-]+$"}
_HEALTH = {"enum": [str(health) for health in Health]}
_SECONDS = {"type": "number", "minimum": 0, "description": "seconds"}
_WHOSE = {"account": TEXT, "stack": TEXT}
_OUTPUTS = map_of(map_of({}))

_ROW = record(
    {
        "address": _ADDRESS,
        "id": _MAYBE_TEXT,
        "health": _HEALTH,
        "message": TEXT,
        "since": {**_MAYBE_TEXT, "description": "RFC 3339, as the server says it"},
        "earlier": {**COUNT, "description": "earlier generations that are kept"},
    }
)
_RESULT = record(
    {
        "address": _ADDRESS,
        "action": {"enum": [str(action) for action in Action]},
        "outcome": {"enum": list(WORDS)},
        "id": TEXT,
        "message": TEXT,
        "cause": {**_MAYBE_TEXT, "description": "the address that kept it from its turn"},
        "waited": _SECONDS,
    }
)
_ANSWER = record({"address": _ADDRESS, "model": TEXT, "prompt": TEXT, "answer": TEXT})
_ERROR = record(
    {
        "type": {"type": "string", "description": "a class of the tree in dpo_ops.errors"},
        "what": TEXT,
        "where": TEXT,
        "why": TEXT,
        "fix": TEXT,
        "status": {**COUNT, "description": "HTTP status; 0: no answer"},
        "requestId": TEXT,
        "findings": list_of(FINDING),
    },
    optional=("status", "requestId"),
)

SCHEMAS: dict[str, dict[str, Any]] = {
    "plan": PLAN_SCHEMA,
    "report": published(
        "report",
        {
            **_WHOSE,
            "fingerprint": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "exitCode": {"enum": [0, 1, 3]},
            "interrupted": {"type": "boolean"},
            "results": list_of(_RESULT),
            "answers": list_of(_ANSWER),
            "outputs": _OUTPUTS,
        },
    ),
    "status": published("status", {**_WHOSE, "resources": list_of(_ROW)}),
    "outputs": published("outputs", {**_WHOSE, "outputs": _OUTPUTS, "missing": map_of(TEXT)}),
    "findings": published("findings", {"files": list_of(TEXT), "findings": list_of(FINDING)}),
    **PAIRS_SCHEMAS,
    "error": published("error", {"error": _ERROR}),
}
"""By the name that `dpo-ops schema` takes. The schema of specs is the loader's."""
