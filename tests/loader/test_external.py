"""Specs that only refer to what exists, and those that take it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from dpo_ops.loader import load, spec_schema
from dpo_ops.resource import Address

if TYPE_CHECKING:
    from tests.loader.conftest import Find, Write

HEAD = "apiVersion: dpo-ops/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n"
THEIRS = {
    "Dataset": "accounts/acme/datasets/pairs",
    "DPOJob": "accounts/acme/models/tuned",
    "Deployment": "accounts/acme/deployments/serving",
}


def spec(kind: str, name: str, said: str) -> str:
    return HEAD.format(kind, name, said)


def external(kind: str, name: str = "theirs") -> str:
    return spec(kind, name, f"{{external: true, id: {THEIRS[kind]}}}")


JOB = "{dataset: %s, trainingConfig: {baseModel: accounts/fireworks/models/m}%s}"


@pytest.mark.parametrize("kind", THEIRS)
def test_a_spec_may_only_refer(kind: str, write: Write) -> None:
    stack = "apiVersion: dpo-ops/v1\nkind: Stack\nspec: {defaults: {Deployment: {description: x},"
    stack += " Dataset: {displayName: y}, DPOJob: {purpose: PURPOSE_PILOT}}}\n"
    folder = write(a=f"{stack}---\n{external(kind)}")
    state = load([folder]).state
    made = state[Address(kind, "theirs")]
    assert made.external == THEIRS[kind]
    assert (made.body, made.needs) == ({}, ())
    document: Any = yaml.safe_load(external(kind))
    assert Draft202012Validator(spec_schema()).is_valid(document)


def test_others_refer_to_it_by_its_name(write: Write) -> None:
    serve = spec("Deployment", "serve", "{model: {dpoJob: theirs}}")
    job = spec("DPOJob", "tune", JOB % ("pairs", ""))
    parts = [external("Dataset", "pairs"), external("DPOJob"), serve, job]
    state = load([write(a="---\n".join(parts))]).state
    assert state[Address("Deployment", "serve")].body["baseModel"] == THEIRS["DPOJob"]
    assert state[Address("DPOJob", "tune")].body["dataset"] == THEIRS["Dataset"]


OWN = ", trainer: trl, weights: tiny"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (spec("Dataset", "x", "{external: true}"), "4:1", "id is missing"),
        (spec("Dataset", "x", "{external: true, id: x}"), "4:28", "accounts/…/datasets/…"),
        (spec("DPOJob", "x", "{external: true, id: accounts/a/dpoJobs/j}"), "4:28", "/models/"),
        (
            spec("Deployment", "x", "{external: true, id: accounts/a/deployments/d, model: m}"),
            "4:54",
            "spec has no field 'model'",
        ),
        (spec("Dataset", "x", "{external: 'true', id: y}"), "4:18", "external must be"),
        (
            spec("Deployment", "x", "{model: accounts/a/models/m, adopt: accounts/a/models/d}"),
            "4:43",
            "accounts/…/deployments/…",
        ),
        (
            spec("Dataset", "x", "{source: pairs.jsonl, adopt: {name: accounts/a/datasets/d}}"),
            "4:29",
            "adopt.as is missing",
        ),
        (
            external("Dataset", "pairs") + "---\n" + spec("DPOJob", "x", JOB % ("pairs", OWN)),
            "9:17",
            "dataset is external",
        ),
        (
            external("DPOJob")
            + "---\n"
            + spec("Dataset", "pairs", "{source: pairs.jsonl}")
            + "---\n"
            + spec(
                "DPOJob",
                "x",
                "{dataset: pairs, trainingConfig: {warmStartFrom: {dpoJob: theirs}}" + OWN + "}",
            ),
            "14:",
            "trainingConfig.warmStartFrom.dpoJob is external",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    text: str, where: str, what: str, find: Find
) -> None:
    found = [(str(f.where), f.what) for f in find({"a.yaml": text})]
    assert any(at.startswith(f"a.yaml:{where}") and what in said for at, said in found), found


def test_a_model_is_adopted_as_the_id_that_the_spec_decides(write: Write) -> None:
    data = spec("Dataset", "pairs", "{source: pairs.jsonl}")
    serve = spec("Deployment", "serve", "{model: {dpoJob: tune}}")
    address = Address("DPOJob", "tune")

    def made(adopt: str, dataset: str = data) -> Any:
        job = spec("DPOJob", "tune", JOB % ("pairs", adopt))
        return load([write(a=f"{dataset}---\n{job}---\n{serve}")]).state

    plain = made("")[address]
    assert not plain.external
    name = THEIRS["DPOJob"]
    adopted = made(f", adopt: {{name: {name}, as: {plain.id}}}")
    assert adopted[address].external == name
    assert adopted[Address("Deployment", "serve")].body["baseModel"] == name
    # The pairs are only there to be read: nothing has to be uploaded for it.
    assert adopted[Address("Dataset", "pairs")].stays
    other = made(f", adopt: {{name: {name}, as: tune-0000000000}}")[address]
    assert (other.id, other.body, other.external) == (plain.id, plain.body, "")


def test_a_dataset_is_adopted_as_long_as_its_rows_are_the_same(write: Write) -> None:
    address = Address("Dataset", "pairs")
    plain = load([write(a=spec("Dataset", "pairs", "{source: pairs.jsonl}"))]).state[address]
    said = f"{{source: pairs.jsonl, adopt: {{name: {THEIRS['Dataset']}, as: {plain.id}}}}}"
    job = spec("DPOJob", "tune", JOB % ("pairs", ""))
    files = {"a.yaml": spec("Dataset", "pairs", said) + "---\n" + job}
    state = load([write(files)]).state
    assert state[address].external == THEIRS["Dataset"]
    tune = state[Address("DPOJob", "tune")]
    assert tune.body["dataset"] == THEIRS["Dataset"]
    more = (write() / "pairs.jsonl").read_text() * 2
    state = load([write({**files, "pairs.jsonl": more.replace("0", "9")})]).state
    assert not state[address].external
