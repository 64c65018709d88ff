"""Every field of the REST schema is classified, and what specs may set is what the model takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from dpo_ops.kinds import KINDS, Kind
from dpo_ops.kinds.facts import KEPT, Behaviour, Origin, fact

OPENAPI = Path(__file__).parents[3] / "shared/fireworks/gateway-openapi.yaml"
MADE_HERE = [kind.made_here for kind in KINDS.values() if kind.made_here]
ALL = [*KINDS.values(), *MADE_HERE]
kinds = pytest.mark.parametrize("kind", ALL, ids=lambda kind: f"{kind.name}-{kind.collection}")
with_specs = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)

# Objects whose parts are the server's, or are compared as one value.
WHOLE = {"status", "replicaStats", "placement", "autoTune"}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    if not OPENAPI.exists():
        pytest.skip("the platform's OpenAPI file does not lie beside this checkout")
    document = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
    return dict(document["components"]["schemas"])


def paths(schemas: dict[str, Any], name: str, above: str = "") -> set[str]:
    found = set()
    for key, said in schemas[name].get("properties", {}).items():
        path = f"{above}.{key}" if above else key
        found.add(path)
        reference = said.get("$ref", "").rpartition("/")[2]
        if reference and "properties" in schemas[reference] and path not in WHOLE:
            found |= paths(schemas, reference, path)
    return found


# Origins that specs can't choose are withheld as a whole: their parts need no row.
def withheld_above(kind: Kind, path: str) -> bool:
    above = fact(kind, path.rpartition(".")[0])
    return above is not None and above.origin in (Origin.WITHHELD, Origin.SERVER)


@kinds
def test_every_field_of_the_schema_has_a_row(kind: Kind, schemas: dict[str, Any]) -> None:
    rows = {row.path for row in kind.fields}
    missing = {
        path
        for path in paths(schemas, kind.schema)
        if path not in rows and not withheld_above(kind, path)
    }
    assert not missing


@kinds
def test_no_row_is_about_a_field_that_does_not_exist(kind: Kind, schemas: dict[str, Any]) -> None:
    assert {row.path for row in kind.fields} <= paths(schemas, kind.schema)


@kinds
def test_what_the_schema_calls_read_only_is_the_servers(
    kind: Kind, schemas: dict[str, Any]
) -> None:
    for key, said in schemas[kind.schema]["properties"].items():
        if said.get("readOnly"):
            row = fact(kind, key)
            assert row
            assert row.behaviour is Behaviour.OUTPUT_ONLY


@kinds
def test_no_row_stands_twice_and_each_has_a_reason(kind: Kind) -> None:
    listed = [row.path for row in kind.fields]
    assert len(listed) == len(set(listed))
    assert all(row.reason for row in kind.fields)


def settable(model: type[BaseModel], above: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        found.add(path)
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= settable(inner, f"{path}.")
    return found


# Fields of a spec that are said to this tool, not to the API.
OURS = (
    "source",
    "checks",
    "trainer",
    "weights",
    "retry",
    "noProgressTimeout",
    "onSupersede",
    *KEPT,
    "adopt",
    "model",
    "probe",
    "trainingConfig.warmStartFrom.dpoJob",
    "trainingConfig.lrScheduler",
)


def is_ours(path: str) -> bool:
    return any(path == ours or path.startswith(f"{ours}.") for ours in OURS)


@with_specs
def test_every_field_of_a_spec_is_one_that_specs_may_set(kind: Kind) -> None:
    for path in settable(kind.spec):
        if is_ours(path):
            continue
        row = fact(kind, path)
        assert row, path
        assert row.origin is Origin.SPEC, path


@with_specs
def test_every_field_that_specs_may_set_is_in_the_spec(kind: Kind) -> None:
    offered = {row.path for row in kind.fields if row.origin is Origin.SPEC}
    assert offered <= settable(kind.spec)


@kinds
def test_what_decides_the_id_is_never_compared_in_place(kind: Kind) -> None:
    if not kind.patchable:
        assert all(row.behaviour is not Behaviour.MUTABLE for row in kind.fields)
