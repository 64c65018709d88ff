"""Drift to be shown: none, some that is accepted, and one of each sort."""

from __future__ import annotations

from dpo_ops.planner import FieldChange
from dpo_ops.planner.drift import Drift, Drifted, Sort
from dpo_ops.resource import Accepted
from tests.reporters.cases import HOSTILE, JOB, SERVE

ENTRY = Accepted("Deployment/*", "ann", "2026-12-31", "a load test")
FIELD = FieldChange("maxReplicaCount", 4, 1, "the larger of 1 and the minimum")
MODEL = FieldChange("draftModel", "accounts/-/models/theirs", None)

NONE = Drift("acme", "default", (), (), 3)
ACCEPTED = Drift(
    "acme",
    "default",
    (Drifted(SERVE.address, Sort.CHANGED, SERVE.id, "differs", (FIELD,), ENTRY, counts=False),),
    ((JOB.address, "not in the account"),),
    1,
)
EACH = Drift(
    "acme",
    "default",
    tuple(
        Drifted(SERVE.address, sort, SERVE.id, f"is {sort}", fields, ENTRY)
        for sort in Sort
        for fields in [(FIELD, MODEL) if sort is Sort.CHANGED else ()]
    ),
    (),
    0,
)
EVIL = Accepted(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
HOSTILE_DRIFT = Drift(
    HOSTILE,
    HOSTILE,
    (
        Drifted(
            SERVE.address,
            Sort.CHANGED,
            HOSTILE,
            HOSTILE,
            (FieldChange(HOSTILE, HOSTILE, {HOSTILE: [HOSTILE]}),),
            EVIL,
        ),
    ),
    ((JOB.address, HOSTILE),),
    1,
)
ALL = (NONE, ACCEPTED, EACH, HOSTILE_DRIFT)
