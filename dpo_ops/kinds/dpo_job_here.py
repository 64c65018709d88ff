"""A DPO job on one's own compute: what it leaves in the account is a model, and nothing else.

The adapter is trained first; then a model is created under the id that the settings decide, and
filled with its files. There is no job to look at: the model is there and READY, waits for its
files, or is not there.

Source: `gatewayModel` in the Gateway OpenAPI v4.259.0; the way of the files is documented under
"fine-tuned import". Still open since the managed service retired.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds.dpo_job_spec import DPOJobSpec, check
from dpo_ops.kinds.external import named, referring, stands_in
from dpo_ops.kinds.facts import (
    DIGEST_LENGTH,
    Answer,
    Behaviour,
    Creation,
    Document,
    Field,
    Kind,
    Listing,
    Origin,
    Question,
    Verdict,
    filled,
    given,
    here,
    is_marked,
    marked,
    server,
    withheld,
)
from dpo_ops.kinds.values import look_up
from dpo_ops.resource import Health, Json, Observed, Recipe, Resource, canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RANK = 8


def settings_of(
    said: Mapping[str, Json], start: Resource | None
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return a job's `trainingConfig` and `lossConfig`, with what is never left to a default.

    `start` is the job that a warm start goes on from, where it is one of these specs.
    """
    training = dict(said["trainingConfig"])
    if start:
        training["warmStartFrom"] = named("models", start)
    if "warmStartFrom" not in training:
        # To the API an unset rank is 0, which tunes all parameters at twice the price; to the
        # platform's own command line it is 8. What nobody asked for is not paid for here.
        training = {"loraRank": _RANK, **training}
    return training, {"method": "DPO", **said.get("lossConfig", {})}


def without_nulls(value: Json) -> Json:
    """Return `value` without what is null: a job is made once, so there is nothing to clear."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def desire(document: Document, links: Mapping[str, Resource], stack: str) -> Resource:
    """Return the model that a job on one's own compute makes, and how."""
    spec: DPOJobSpec = document.spec
    name, said = document.address.name, without_nulls(given(spec))
    dataset, start = links["dataset"], links.get("trainingConfig.warmStartFrom.dpoJob")
    if dataset.content is None or spec.weights is None:
        raise ValueError(f"{document.address} lacks its pairs or its weights")
    training, loss = settings_of(said, start)
    recipe = Recipe(
        trainer=spec.trainer,
        weights=spec.weights,
        settings=training,
        loss=loss,
        pairs=dataset.content,
        start=str(training.get("warmStartFrom") or ""),
    )
    id_ = f"{name}-{digest(recipe.decides)[:DIGEST_LENGTH]}"
    needs = tuple(link.address for link in (dataset, start) if link)
    if instead := stands_in(spec.adopt, id_):
        return referring(document, instead, stack, needs=needs[:1], keeping=spec.keeping())
    base = training.get("baseModel") or (start.options["base"] if start else "")
    rank = {"r": training["loraRank"]} if "loraRank" in training else {}
    return Resource(
        address=document.address,
        id=id_,
        body={
            "displayName": marked(spec.displayName or name, stack),
            "description": _description(recipe),
            "kind": "HF_PEFT_ADDON",
            "peftDetails": {"baseModel": base, **rank},
        },
        needs=needs,
        place=document.place,
        places=document.places,
        stack=stack,
        options={"base": base, "addons": True},
        recipe=recipe,
        keeping=spec.keeping(),
    )


_LIMIT = 1000
_WORDS = "trained by dpo-ops: "


def _description(recipe: Recipe) -> str:
    """Return what the model was made from, for people and for `recall`.

    A model has no other place for it. Where that is too long, only the pairs are named.
    """
    said = _WORDS + canonical(recipe.decides)
    if len(said) < _LIMIT:
        return said
    return _WORDS + canonical({"dataset": recipe.pairs.digest})


def recall(model: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what a model's description says that decided its weights; empty if it does not."""
    words, _, said = str(model.get("description") or "").partition(_WORDS)
    try:
        found = json.loads(said) if not words else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _find(job: Resource, listing: Listing) -> Observed:
    model = listing.get("models", job.id)
    earlier = tuple(
        r
        for r in listing.generations("models", job.address.name)
        if r is not model and is_marked(r, job.stack)
    )
    if model is None:
        return Observed(job.id, Health.NOT_FOUND, next_id=job.id, earlier=earlier)
    health, message = health_of(model)
    return Observed(
        id=job.id,
        health=health,
        message=message,
        record=model,
        next_id=job.id,
        earlier=earlier,
        conflict=_foreign(job, model),
        names=(f"models/{job.id}",) if is_marked(model, job.stack) else (),
    )


def health_of(record: Mapping[str, Json]) -> tuple[Health, str]:
    """Return how a model is. There is no failed state: files that don't fit are refused at once."""
    return filled(record, ready="its adapter is in the account", waiting="waiting for its files")


def _foreign(job: Resource, model: Mapping[str, Json]) -> str:
    kind, base = str(model.get("kind") or ""), look_up(model, ["peftDetails", "baseModel"])
    if kind and kind != job.body["kind"]:
        return f"the model exists, but it is no adapter: {kind}"
    wanted = job.body["peftDetails"]["baseModel"]
    if base and base != wanted:
        return f"the model exists, but belongs to {base}"
    return ""


def _finish(body: Mapping[str, Json], made: Mapping[str, Json]) -> Mapping[str, Json]:
    """Say of the adapter what its own configuration says, which the platform compares."""
    details = {"r": made.get("r"), "targetModules": sorted(made.get("target_modules") or ())}
    return {**body, "peftDetails": {**body["peftDetails"], **details}}


def _asks(job: Resource, record: Mapping[str, Json] | None) -> Question | None:
    if record is not None:
        return None  # What a model was trained from is never changed.
    return Question(job.options["base"], addons=True)


def _judge(job: Resource, answer: Answer, dependents: Sequence[Resource]) -> Verdict:
    """Say what speaks against it. That the platform can't train the base does not matter here."""
    base, path = job.options["base"], "trainingConfig.baseModel"
    where = job.where(path)
    if answer.model is None:
        what, why = f"there is no base model {base}", "the platform answered 404 for it"
        return Verdict((Finding(where, what, why, "take a name from the model library"),))
    unpinned = [d for d in dependents if d.options.get("unpinned")]
    if not answer.shapes and (unpinned or not dependents):
        return Verdict((unservable(where, base, fatal=bool(unpinned)),))
    return Verdict()


def unservable(where: Any, base: str, *, fatal: bool) -> Finding:
    """Return the finding that an adapter of `base` could be had, but not served."""
    return Finding(
        where,
        f"{base} trains, but nothing can serve it",
        "no validated deployment shape takes an adapter of it",
        "choose another base model, or name a deploymentShape or acceleratorType yourself",
        severity=Severity.ERROR if fatal else Severity.WARNING,
    )


def _outputs(job: Resource, observed: Observed) -> dict[str, Any]:  # noqa: ARG001  -- one signature for all kinds
    return {"model": here("models", job.id)}


def _derived(path: str, reason: str) -> Field:
    return Field(path, Behaviour.IMMUTABLE, reason, Origin.DERIVED)


_FILES = "the files say it"
_OTHER = "for models of another kind"

DPO_JOB_HERE = Kind(
    name="DPOJob",
    collection="models",
    schema="gatewayModel",
    spec=DPOJobSpec,
    creation=Creation("modelId", "body", wrapper="model"),
    desire=desire,
    health=health_of,
    find=_find,
    outputs=_outputs,
    check=check,
    asks=_asks,
    judge=_judge,
    finish=_finish,
    recall=recall,
    trains=True,
    reads=("models",),
    retained="training it again takes time",
    fields=(
        server("name", "built from the id"),
        server("createTime", "set once"),
        server("updateTime", "set on every change"),
        server("state", "read as health"),
        server("status", "read as health"),
        server("importedFrom", "written by imports"),
        server("fineTuningJob", "written by the managed trainer"),
        server("deployedModelRefs", "what serves it"),
        server("cluster", "where it lies"),
        server("calibrated", "a property of the weights"),
        server("tunable", "a property of the weights"),
        server("rlTunable", "a property of the weights"),
        server("supervisedLoraTunable", "a property of the weights"),
        server("supervisedFullParameterTunable", "a property of the weights"),
        server("rlLoraTunable", "a property of the weights"),
        server("rlFullParameterTunable", "a property of the weights"),
        server("supportsServerless", "the platform's offer"),
        server("defaultSamplingParams", "read from the files"),
        Field("displayName", Behaviour.INPUT_ONLY, "only for show; the mark of its first stack"),
        Field("description", Behaviour.INPUT_ONLY, "only for show", Origin.DERIVED),
        _derived("kind", "what is trained is an adapter"),
        _derived("peftDetails", _FILES),
        _derived("peftDetails.baseModel", "decides the weights, so it is part of the id"),
        _derived("peftDetails.r", _FILES),
        _derived("peftDetails.targetModules", _FILES),
        server("peftDetails.baseModelType", "a property of the base model"),
        withheld("peftDetails.mergeAddonModelName", "for merged models"),
        withheld("githubUrl", "a link that nothing here knows"),
        withheld("huggingFaceUrl", "a link that nothing here knows"),
        withheld("baseModelDetails", _OTHER),
        withheld("teftDetails", _OTHER),
        withheld("public", "what is trained on preference pairs is not given away by default"),
        withheld("conversationConfig", "the base model's chat template holds"),
        withheld("contextLength", "the base model's holds"),
        withheld("trainingContextLength", "for the managed trainer"),
        withheld("supportsImageInput", "the base model's holds"),
        withheld("supportsTools", "the base model's holds"),
        withheld("supportsLora", "for base models"),
        withheld("defaultDraftModel", "for base models"),
        withheld("defaultDraftTokenCount", "for base models"),
        withheld("deprecationDate", "for models that are given to others"),
        withheld("useHfApplyChatTemplate", "the base model's holds"),
        withheld("snapshotType", _OTHER),
    ),
)
