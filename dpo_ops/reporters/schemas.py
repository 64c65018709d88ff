"""The published JSON Schemas of what the tool prints with `--format json`."""

from __future__ import annotations

from typing import Any

from dpo_ops.planner import PLAN_SCHEMA, Action
from dpo_ops.planner.drift import Sort
from dpo_ops.reporters.card import CARD_SCHEMA
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.ending import WORDS
from dpo_ops.reporters.history import HISTORY_SCHEMA
from dpo_ops.reporters.layout import LAYOUT_SCHEMA
from dpo_ops.reporters.lineage import LINEAGE_SCHEMA
from dpo_ops.reporters.pairs_schemas import PAIRS_SCHEMAS
from dpo_ops.reporters.rounds import Verdict
from dpo_ops.reporters.shapes import COUNT, FINDING, TEXT, list_of, map_of, published, record
from dpo_ops.resource import Health

_MAYBE_TEXT = {"type": ["string", "null"]}
_ADDRESS = {"type": "string", "pattern": "^[A-Za-z]+/[a-z0-9-]+$"}
_HEALTH = {"enum": [str(health) for health in Health]}
_SECONDS = {"type": "number", "minimum": 0, "description": "seconds"}
_WHOSE = {"account": TEXT, "stack": TEXT}
_OUTPUTS = map_of(map_of({}))

_MAYBE_NUMBER = {"type": ["number", "null"]}
_STEP = {
    "step": COUNT,
    "steps": {"type": ["integer", "null"], "description": "how many there will be"},
    "epoch": _MAYBE_NUMBER,
    "loss": _MAYBE_NUMBER,
    "margin": {**_MAYBE_NUMBER, "description": "mean reward of the preferred less the others"},
    "accuracy": {**_MAYBE_NUMBER, "description": "share of pairs with a positive margin"},
    "learningRate": _MAYBE_NUMBER,
    "tokensPerSecond": _MAYBE_NUMBER,
    "seconds": {**_MAYBE_NUMBER, "description": "how long the step took"},
}
_CURVE = list_of(_MAYBE_NUMBER)
_OTHERS = {**map_of({}), "description": "what else the file says, by its own keys"}
_METRICS = {
    "job": {**TEXT, "description": "its address, or its id where no spec describes it"},
    "source": {**TEXT, "description": "the job in the account, or a file on this machine"},
    "health": _HEALTH,
    "state": TEXT,
    "note": {**TEXT, "description": "what the file says in words instead"},
    "skipped": {**COUNT, "description": "lines of the file that are no step"},
    "steps": list_of(record({**_STEP, "others": _OTHERS})),
}
_TRAINED = {
    **record({**_STEP, "curves": record({"loss": _CURVE, "margin": _CURVE})}),
    "type": ["object", "null"],
    "description": "the last step of a job that trains, and its curves as means of equal parts",
}
_ROW = record(
    {
        "address": _ADDRESS,
        "id": _MAYBE_TEXT,
        "health": _HEALTH,
        "message": TEXT,
        "since": {**_MAYBE_TEXT, "description": "RFC 3339, as the server says it"},
        "earlier": {**COUNT, "description": "earlier generations that are kept"},
        "metrics": _TRAINED,
    }
)
_DRIFTED = record(
    {
        "address": _ADDRESS,
        "sort": {"enum": [str(sort) for sort in Sort]},
        "id": TEXT,
        "message": TEXT,
        "fix": {**TEXT, "description": "what to do; empty where it is accepted"},
        "counts": {"type": "boolean", "description": "false while it is accepted"},
        "fields": list_of(record({"path": TEXT, "spec": {}, "account": {}})),
        "accepted": {
            **record({"owner": TEXT, "until": TEXT, "reason": TEXT, "lapsed": {"type": "boolean"}}),
            "type": ["object", "null"],
        },
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
        "state": {**TEXT, "description": "what it was last seen doing, where it runs on"},
        "findings": {**list_of(FINDING), "description": "all that blocks it"},
    }
)
_RUNNING = record({"address": _ADDRESS, "id": TEXT, "state": TEXT})
_HINT = record(
    {"said": TEXT, "command": {**_MAYBE_TEXT, "description": "for a shell; null: none can do it"}}
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

_REPORT = {
    **_WHOSE,
    "fingerprint": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    "exitCode": {"enum": [0, 1, 3]},
    "interrupted": {"type": "boolean"},
    "summary": {**TEXT, "description": "how many ended how, in a line"},
    "running": {**list_of(_RUNNING), "description": "what goes on without the command"},
    "next": {**list_of(_HINT), "description": "why it is not over, and how to carry on"},
    "results": list_of(_RESULT),
    "answers": list_of(_ANSWER),
    "outputs": _OUTPUTS,
}
_NOTHING = {"type": "null"}
_ROUND = {
    "round": {**COUNT, "description": "counted from 1 since the start"},
    "at": {**TEXT, "description": "when it ended, RFC 3339"},
    "outcome": {"enum": [str(verdict) for verdict in Verdict]},
    "seconds": {**_SECONDS, "description": "how long it took"},
    "next": {**_SECONDS, "description": "seconds until the next round"},
    "account": _MAYBE_TEXT,
    "stack": _MAYBE_TEXT,
    "resources": {"type": ["integer", "null"], "description": "how many the specs describe"},
    "report": {
        "anyOf": [record({"version": {"const": VERSION}, **_REPORT}), _NOTHING],
        "description": "as of apply; null where there was nothing to do, and with an error",
    },
    "error": {"anyOf": [record({"version": {"const": VERSION}, "error": _ERROR}), _NOTHING]},
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "plan": PLAN_SCHEMA,
    "report": published("report", _REPORT),
    "round": published("round", _ROUND),
    "status": published("status", {**_WHOSE, "resources": list_of(_ROW)}),
    "drift": published(
        "drift",
        {
            **_WHOSE,
            "found": {"type": "boolean", "description": "whether anything counts"},
            "drifted": list_of(_DRIFTED),
            "pending": {
                **list_of(record({"address": _ADDRESS, "reason": TEXT})),
                "description": "what the specs say that is not applied yet; no drift",
            },
            "inPlace": COUNT,
        },
    ),
    "metrics": published("metrics", _METRICS),
    "outputs": published("outputs", {**_WHOSE, "outputs": _OUTPUTS, "missing": map_of(TEXT)}),
    "history": HISTORY_SCHEMA,
    "lineage": LINEAGE_SCHEMA,
    "card": CARD_SCHEMA,
    "import": published(
        "import",
        {
            "account": TEXT,
            "files": list_of(TEXT),
            "resources": list_of(record({"address": _ADDRESS, "name": TEXT, "file": TEXT})),
            "skipped": list_of(record({"name": TEXT, "why": TEXT})),
        },
    ),
    "fmt": LAYOUT_SCHEMA,
    "findings": published("findings", {"files": list_of(TEXT), "findings": list_of(FINDING)}),
    **PAIRS_SCHEMAS,
    "error": published("error", {"error": _ERROR}),
}
"""By the name that `dpo-ops schema` takes. The schema of specs is the loader's."""
