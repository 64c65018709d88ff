"""Wanted resources and listed records as plain values, for tests of the pure stages."""

from __future__ import annotations

from typing import Any

from dpo_ops.errors import Place
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Document
from dpo_ops.resource import Address, Content, Resource, State, last_segment

BASE = "accounts/fireworks/models/llama-v3p1-8b-instruct"


def make(
    kind: str,
    name: str,
    said: dict[str, Any],
    *,
    links: dict[str, Resource] | None = None,
    content: Content | None = None,
    stack: str = "default",
) -> Resource:
    facts = KINDS[kind]
    spec = facts.spec.model_validate(said)
    place = Place("spec.yaml", 1, 1)
    document = Document(Address(kind, name), spec, said, place, {}, content)
    return facts.desire(document, links or {}, stack)


def dataset(name: str = "prefs", text: str = "a", **said: Any) -> Resource:
    content = Content("prefs.jsonl", (text.encode().hex() * 64)[:64], 100, 3)
    return make("Dataset", name, {"source": "prefs.jsonl", **said}, content=content)


def job(data: Resource, name: str = "tune", **training: Any) -> Resource:
    config = {"baseModel": BASE, "epochs": 1, **training}
    said = {"dataset": data.address.name, "trainingConfig": config}
    return make("DPOJob", name, said, links={"dataset": data})


def own_job(data: Resource, name: str = "tune", trainer: str = "trl", **training: Any) -> Resource:
    config = {"baseModel": BASE, "epochs": 1, **training}
    said = {"dataset": data.address.name, "trainer": trainer, "trainingConfig": config}
    return make("DPOJob", name, {**said, "weights": "dpo-ops/tiny"}, links={"dataset": data})


def deployment(source: Resource, name: str = "serve", **said: Any) -> Resource:
    spec = {"model": {"dpoJob": source.address.name}, **said}
    return make("Deployment", name, spec, links={"model.dpoJob": source})


def state(*resources: Resource, stack: str = "default") -> State:
    return State({r.address: r for r in resources}, stack=stack)


def record(collection: str, id_: str, **fields: Any) -> dict[str, Any]:
    return {"name": f"accounts/-/{collection}/{id_}", **fields}


def ready_model(source: Resource) -> dict[str, Any]:
    return record("models", source.id, state="READY", kind="HF_PEFT_ADDON", peftDetails={})


def job_record(source: Resource, attempt: int, word: str, **fields: Any) -> dict[str, Any]:
    body = {**source.body, "state": f"JOB_STATE_{word}", **fields}
    return record("dpoJobs", f"{source.id}-a{attempt}", **body)


def served(source: Resource, word: str = "READY", **fields: Any) -> dict[str, Any]:
    proof = dict(KINDS["Deployment"].proof)
    tags = {"annotations": {**source.body["annotations"], **proof}}
    body = {**source.body, **tags, "state": word, **fields}
    return record("deployments", last_segment(source.id), **body)


def uploaded(source: Resource, word: str = "READY") -> dict[str, Any]:
    return record("datasets", source.id, **{**source.body, "state": word})
