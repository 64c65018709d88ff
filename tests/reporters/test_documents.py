from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from dpo_ops.errors import DpoOpsError, Rejected, SpecError
from dpo_ops.executor.events import Outcome
from dpo_ops.kinds.facts import Listing
from dpo_ops.planner import document
from dpo_ops.reporters import (
    Readings,
    error_document,
    findings_document,
    json_text,
    outputs_document,
    outputs_of,
    read_metrics,
    report_document,
    status_document,
    status_of,
    with_outputs,
)
from dpo_ops.reporters.drift import drift_document
from dpo_ops.reporters.ending import WORDS
from dpo_ops.reporters.imported import imported, imported_document
from dpo_ops.reporters.layout import Laid, LaidOut, layout_document
from dpo_ops.reporters.metrics import Metrics, metrics_document
from dpo_ops.reporters.rounds import Round, round_document
from dpo_ops.reporters.schemas import SCHEMAS
from dpo_ops.resource import Health
from tests.reporters import cases, drifts, history, pairs
from tests.wanted import uploaded

SEEN = cases.observed(**cases.IN_PLACE)
READ = read_metrics(b'{"step": 1, "loss": 0.7, "margin": null, "grad": 2}\n{"note": "n"}\n')
LAID = Laid("a.yaml", 1, "a:  1\n", "a: 1\n")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXISTS = imported(
    Listing({"datasets": [uploaded(cases.DATA), {"name": "accounts/-/datasets/É"}]}), "a"
)
DOCUMENTS = [
    ("plan", document(cases.fresh())),
    ("plan", document(cases.blocked())),
    ("report", report_document(with_outputs(cases.report(answers=(cases.answered(),))))),
    ("report", report_document(cases.failed())),
    ("status", status_document(status_of(cases.ALL, SEEN))),
    ("status", status_document(status_of(cases.ALL, cases.observed()))),
    ("status", status_document(status_of(cases.ALL, SEEN, {cases.JOB.address: READ}))),
    *(("drift", drift_document(found)) for found in drifts.ALL),
    ("metrics", metrics_document(Metrics("x", "y", Health.UNKNOWN, "", READ))),
    ("metrics", metrics_document(Metrics("x", "y", Health.CURRENT, "done", Readings()))),
    ("outputs", outputs_document(outputs_of(cases.ALL, SEEN))),
    ("import", imported_document(EXISTS, ["specs/datasets.yaml"])),
    ("outputs", outputs_document(outputs_of(cases.ALL, cases.observed()))),
    ("fmt", layout_document(LaidOut([LAID], [cases.ERROR], written=False, diff=True))),
    ("findings", findings_document(["a.yaml"], [cases.ERROR, cases.WARNING])),
    ("findings", findings_document([], [])),
    *history.documents(),
    *pairs.DOCUMENTS,
    ("round", round_document(Round(1, NOON, 1.0, 2.0, cases.report()))),
    ("round", round_document(Round(2, NOON, 1.0, 2.0, SpecError([cases.ERROR])))),
    ("error", error_document(DpoOpsError("what"))),
    ("error", error_document(SpecError([cases.ERROR]))),
    ("error", error_document(Rejected("what", status=400, request="GET /", request_id="r"))),
]


@pytest.mark.parametrize(("name", "made"), DOCUMENTS)
def test_each_document_holds_to_its_schema(name: str, made: Any):
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(json.loads(json_text(made)))


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one_and_refuses_what_it_does_not_know(name: str):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    made = next(made for known, made in DOCUMENTS if known == name)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**made, "surprise": 1}, SCHEMAS[name])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**made, "version": 2}, SCHEMAS[name])


def test_every_outcome_has_a_word():
    assert set(WORDS) == {str(outcome) for outcome in Outcome}


def test_names_are_in_full():
    made = report_document(with_outputs(cases.report()))
    assert made["outputs"]["DPOJob/tune"]["model"] == f"accounts/acme/models/{cases.JOB.id}"
    assert "accounts/-/" not in json_text(made)


def test_json_cannot_act_on_a_terminal_and_loses_nothing():
    said = {"x": cases.HOSTILE + "\ud800\u200b偏"}
    text = json_text(said)
    assert not {"\x1b", "\x9b", "\r", "\u202e", "\ud800", "\u200b"} & set(text)
    assert "偏" in text
    assert json.loads(text) == said
