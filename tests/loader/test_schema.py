"""The JSON Schema for editors takes what `load` takes, and knows what is misspelt."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from dpo_ops.kinds import KINDS
from dpo_ops.loader import spec_schema
from tests.loader.test_broken import DATASET, DEPLOYMENT, JOB, deployment, job, training

STACK = (
    "apiVersion: dpo-ops/v1\nkind: Stack\nspec: {defaults: {DPOJob: {purpose: PURPOSE_PILOT}}}\n"
)


def valid(document: str) -> bool:
    value: Any = yaml.safe_load(document.rpartition("---\n")[2])
    return bool(Draft202012Validator(spec_schema()).is_valid(value))


def test_it_is_a_schema() -> None:
    schema = spec_schema()
    Draft202012Validator.check_schema(schema)
    kinds = [option["properties"]["kind"]["const"] for option in schema["oneOf"]]
    assert kinds == [*KINDS, "Stack"]


@pytest.mark.parametrize(
    "document",
    [
        DATASET,
        JOB,
        DEPLOYMENT,
        STACK,
        STACK.partition("spec")[0],
        training('epochs: "{{ values.epochs }}"', "learningRate: 0.1", "loraRank: 8"),
        job('lossConfig: {method: "{{ values.method }}"}'),
        job("lossConfig: {method: ORPO, orpo: {lambda: 0.5}}"),
        job("wandbConfig: {apiKey: {secretRef: {env: KEY}}}"),
        deployment('enableAddons: "{{ values.on }}"', "maxReplicaCount: null"),
        DEPLOYMENT.replace("{dpoJob: tune}", "accounts/a/models/m"),
        JOB.replace("tune", '"{{ values.name }}"'),
        JOB.replace("  dataset: zebra\n", ""),
    ],
)
def test_it_takes_what_can_be_loaded(document: str) -> None:
    assert valid(document)


@pytest.mark.parametrize(
    "document",
    [
        DATASET.replace("dpo-ops/v1", "dpo-ops/v2"),
        DATASET.replace("Dataset", "Datasets"),
        DATASET.replace("source", "sorce"),
        DATASET.replace("zebra", "Zebra"),
        DATASET + "status: {}\n",
        training('epochs: "3"'),
        training("epochs: 0"),
        job("lossConfig: {method: DOP}"),
        job("lossConfig: {method: ORPO, orpo: {lambda_: 0.5}}"),
        job("wandbConfig: {apiKey: hunter2}"),
        STACK.replace("purpose", "purpos"),
        STACK.replace("DPOJob", "DPOjob"),
    ],
)
def test_it_knows_what_can_not(document: str) -> None:
    assert not valid(document)
