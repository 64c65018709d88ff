"""The published JSON Schemas of what the `pairs` commands print with `--format json`."""

from __future__ import annotations

from typing import Any

from dpo_ops.reporters.pairs_documents import NAMES
from dpo_ops.reporters.shapes import COUNT, FINDING, TEXT, list_of, map_of, published, record

_MAYBE_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": "number", "minimum": 0}
_LINE = {"type": "integer", "minimum": 1}
_TOKENS = record(
    {
        "prompt": COUNT,
        "preferred": COUNT,
        "nonPreferred": COUNT,
        "billable": {**COUNT, "description": "of one epoch: 2 prompt + preferred + nonPreferred"},
        "estimated": {"type": "boolean"},
    }
)
_LENGTHS = record(
    {
        "total": COUNT,
        "mean": _NUMBER,
        **dict.fromkeys(("p50", "p90", "p99", "max"), COUNT),
        "histogram": list_of(record({"upTo": _LINE, "rows": COUNT})),
    }
)
_BIAS = record(
    {
        "preferredLonger": COUNT,
        "preferredShorter": COUNT,
        "equal": COUNT,
        "ratio": {"type": ["number", "null"], "description": "mean preferred / mean nonPreferred"},
    }
)
_SIDE = record(
    {
        "line": _LINE,
        "messages": list_of(record({"role": TEXT, "text": TEXT})),
        "preferred": _MAYBE_TEXT,
        "nonPreferred": _MAYBE_TEXT,
    }
)
_FILE = record({"path": TEXT, "rows": COUNT, "size": COUNT, "sha256": _MAYBE_TEXT})
_VERSION_OF = record({"file": TEXT, "rows": COUNT})
_MAYBE_SIDE = {"anyOf": [_SIDE, {"type": "null"}]}
_FILES = {"files": list_of(TEXT), "rows": COUNT, "unreadable": COUNT}
_CHANGED = {"type": "integer"}
_QUOTE = record(
    {"models": TEXT, "tunes": {"enum": ["lora", "all"]}, "low": _NUMBER, "high": _NUMBER}
)

_WRITTEN = record({"path": TEXT, "rows": COUNT})
_REFUSED = {**COUNT, "description": "rows that are in no file: they could not be used"}
_RULE = record(
    {
        "id": {"type": "string", "pattern": "^DPO[0-9]{3}$"},
        "name": TEXT,
        "severity": {"enum": ["error", "warning"]},
        **dict.fromkeys(("what", "why", "fix"), TEXT),
    }
)

PAIRS_SCHEMAS: dict[str, dict[str, Any]] = {
    "pairs-explain": published("pairs explain", {"rules": list_of(_RULE)}),
    "pairs-import": published("pairs import", {"output": TEXT, "rows": COUNT, "refused": _REFUSED}),
    "pairs-split": published(
        "pairs split", {"training": _WRITTEN, "heldOut": _WRITTEN, "refused": _REFUSED}
    ),
    "pairs-check": published(
        "pairs check", {"files": list_of(_FILE), "findings": list_of(FINDING)}
    ),
    "pairs-stats": published(
        "pairs stats",
        {
            **_FILES,
            **dict.fromkeys(("turns", "prompt", "preferred", "nonPreferred"), _LENGTHS),
            "lengthBias": _BIAS,
            "duplicates": COUNT,
            "repeatedInputs": COUNT,
            "roles": map_of(COUNT),
            "scripts": map_of(COUNT),
            "tokens": _TOKENS,
            "tokenizer": _MAYBE_TEXT,
        },
    ),
    "pairs-diff": published(
        "pairs diff",
        {
            "before": _VERSION_OF,
            "after": _VERSION_OF,
            "equal": {"type": "boolean"},
            "counts": record(dict.fromkeys(NAMES.values(), COUNT)),
            "unreadable": COUNT,
            "tokens": record(
                {
                    "removed": COUNT,
                    "added": COUNT,
                    "change": _CHANGED,
                    "estimated": {"type": "boolean"},
                }
            ),
            "samples": list_of(
                record(
                    {
                        "what": {"enum": list(NAMES.values())},
                        "before": _MAYBE_SIDE,
                        "after": _MAYBE_SIDE,
                    }
                )
            ),
        },
    ),
    "pairs-cost": published(
        "pairs cost",
        {
            **_FILES,
            "epochs": _LINE,
            "tokens": _TOKENS,
            "estimate": {"anyOf": [_TOKENS, {"type": "null"}]},
            "tokenizer": _MAYBE_TEXT,
            "baseModel": _MAYBE_TEXT,
            "quotes": list_of(_QUOTE),
            "unpriced": TEXT,
            "prices": record({"source": TEXT, "asOf": TEXT}),
        },
    ),
}
"""By the name that `dpo-ops schema` takes."""
