"""A DPO job: pairs and hyper-parameters in, one tuned model out.

What decides the weights decides the id: the model is `<name>-<digest>`, and each attempt to
make it is a job `<name>-<digest>-a<n>`. A failed attempt keeps its id, so n is one more than
the attempts that are over without a model, and two runs that look at the same account choose
the same n.

Source: `gatewayDpoJob`, `gatewayBaseTrainingConfig` and
`gatewayReinforcementLearningLossConfig` in the Gateway OpenAPI v4.259.0. A job has no PATCH.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding
from dpo_ops.kinds.dpo_job_here import DPO_JOB_HERE, settings_of, unservable, without_nulls
from dpo_ops.kinds.dpo_job_here import desire as desire_here
from dpo_ops.kinds.dpo_job_spec import (
    DPOJobSpec,
    ExternalModel,
    Retry,
    check,
    suits,
    takes,
)
from dpo_ops.kinds.external import AS_PLANNED, elsewhere, named, referring, said, stands_in
from dpo_ops.kinds.facts import (
    DIGEST_LENGTH,
    ID_LIMIT,
    Answer,
    Behaviour,
    Creation,
    Document,
    Field,
    Kind,
    Listing,
    Origin,
    Portrait,
    Question,
    Reference,
    Retirement,
    Verdict,
    given,
    here,
    is_marked,
    marked,
    server,
    withheld,
)
from dpo_ops.kinds.pricing import BILLION, Cost, Per, Prices, Unpriced, billions, training, unsized
from dpo_ops.kinds.values import differing, look_up, seconds
from dpo_ops.resource import (
    Final,
    Health,
    Json,
    Observed,
    Resource,
    Tokens,
    digest,
    last_segment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def _desire(document: Document, links: Mapping[str, Resource], stack: str) -> Resource:
    spec: DPOJobSpec = document.spec
    if spec.trainer != "fireworks":
        return desire_here(document, links, stack)
    name, told = document.address.name, without_nulls(given(spec))
    dataset, start = links.get("dataset"), links.get("trainingConfig.warmStartFrom.dpoJob")
    training, loss = settings_of(told, start)
    rows = named("datasets", dataset) if dataset else spec.dataset
    data = dataset.content.digest if dataset and dataset.content else rows
    decides = {"dataset": data, "trainingConfig": training, "lossConfig": loss}
    model = f"{name}-{digest(decides)[:DIGEST_LENGTH]}"
    needs = tuple(link.address for link in (dataset, start) if link)
    if instead := stands_in(spec.adopt, model):
        return referring(document, instead, stack, needs=needs[:1], keeping=spec.keeping())
    shown = {key: told[key] for key in ("wandbConfig", "purpose") if key in told}
    start_name = training.get("baseModel") or training["warmStartFrom"]
    base = start.options["base"] if start else start_name
    return Resource(
        address=document.address,
        id=model,
        body={
            "displayName": marked(spec.displayName or name, stack),
            "dataset": rows,
            "trainingConfig": {**training, "outputModel": here("models", model)},
            "lossConfig": loss,
            **shown,
        },
        needs=needs,
        place=document.place,
        places=document.places,
        stack=stack,
        options={
            "base": base,
            "addons": training.get("loraRank") != 0,
            **_patience(spec),
        },
        keeping=spec.keeping(),
    )


_RETRIES = 2


def _patience(spec: DPOJobSpec) -> dict[str, Json]:
    """Return what the spec says of failures and of waiting, with its defaults."""
    retry, timeout = spec.retry or Retry(), spec.noProgressTimeout
    said: dict[str, Json] = {
        "retryMax": _RETRIES if retry.max is None else retry.max,
        "retryOn": list(retry.on if retry.on is not None else ["infrastructure"]),
    }
    if timeout:
        said["noProgressS"] = seconds(timeout)
    if spec.onSupersede:
        said["onSupersede"] = spec.onSupersede
    return said


def _find(job: Resource, listing: Listing) -> Observed:
    model = listing.get("models", job.id)
    attempts = listing.attempts("dpoJobs", job.id)
    record = _telling([record for _, record in attempts])
    next_id = f"{job.id}-a{attempts[-1][0] + 1 if attempts else 1}"
    earlier = tuple(
        r
        for r in listing.generations("dpoJobs", job.address.name)
        if not last_segment(r["name"]).startswith(f"{job.id}-a") and is_marked(r, job.stack)
    )
    id_ = last_segment(record["name"]) if record else next_id
    seen = Observed(id_, Health.NOT_FOUND, record=record, next_id=next_id, earlier=earlier)
    seen = replace(seen, names=_ours(job, attempts, model))
    if model and model.get("state") == "READY":
        return _with_model(job, seen, model)
    return _without_model(job, seen, model, listing, [record for _, record in attempts])


def _with_model(job: Resource, seen: Observed, model: Mapping[str, Json]) -> Observed:
    return replace(
        seen,
        id=seen.id if seen.record else job.id,
        record=seen.record or model,
        health=Health.CURRENT,
        message=f"model {job.id} is ready",
        conflict=_foreign_model(job, model),
    )


def _without_model(
    job: Resource,
    seen: Observed,
    model: Mapping[str, Json] | None,
    listing: Listing,
    attempts: Sequence[Mapping[str, Json]],
) -> Observed:
    if seen.record is None:
        made = f"the model {job.id} exists, but it is not ready and no job of these specs makes it"
        return replace(seen, conflict=made if model else "")
    health, message = health_of(seen.record)
    # A list may lag behind: before a finished job is called lost, its model is asked for
    # by name.
    unsure = ""
    if health is Health.CURRENT and here("models", job.id) in listing.missing:
        health, message = Health.FAILED, "completed, but its model does not exist any more"
    elif health is Health.CURRENT:
        health, message = Health.IN_PROGRESS, "completed; waiting for its model"
        unsure = here("models", job.id)
    return replace(
        seen,
        health=health,
        message=message,
        final=_final(job, seen.record, attempts) if health is Health.FAILED else None,
        conflict=_foreign_job(job, seen.record),
        confirm=unsure,
    )


_SAME_AGAIN = frozenset(
    f"{code}"
    for code in (
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "UNIMPLEMENTED",
    )
)
"""Codes of failures that lie in what was asked for, not in the platform."""
_STOPPED = frozenset({"JOB_STATE_CANCELLED", "JOB_STATE_EARLY_STOPPED"})


def _final(
    job: Resource, record: Mapping[str, Json], attempts: Sequence[Mapping[str, Json]]
) -> Final | None:
    """Say why a failed job is not tried again, or nothing where it is."""
    if _code(record) in _SAME_AGAIN:
        why = "the same input would fail the same way again"
        return Final(why, "change the data or the settings: that makes a new job")
    on, most = job.options.get("retryOn", ()), int(job.options.get("retryMax", _RETRIES))
    cause = "cancelled" if record.get("state") in _STOPPED else "infrastructure"
    if cause not in on:
        why = f"retry.on does not name {cause}"
        return Final(why, f"add {cause} to retry.on, if another attempt is wanted")
    failed = sum(health_of(attempt)[0] is Health.FAILED for attempt in attempts)
    if failed > most:
        why = f"{failed} attempts failed, and retry.max is {most}"
        return Final(why, "look at why it fails, then raise retry.max or change the settings")
    return None


def _paused(record: Mapping[str, Json]) -> bool:
    return record.get("state") == "JOB_STATE_PAUSED"


def _telling(attempts: Sequence[Mapping[str, Json]]) -> Mapping[str, Json] | None:
    """Return the attempt that counts: the last that is not over without a model, or the last."""
    over = (Health.FAILED, Health.NOT_FOUND)
    going = [record for record in attempts if health_of(record)[0] not in over]
    return next(reversed(going or attempts), None)


def _ours(
    job: Resource,
    attempts: Sequence[tuple[int, Mapping[str, Json]]],
    model: Mapping[str, Json] | None,
) -> tuple[str, ...]:
    """Return what this stack made. A model shows no mark, so it is ours if a job for it is."""
    marked_ones = [(n, record) for n, record in attempts if is_marked(record, job.stack)]
    there = (n for n, record in marked_ones if health_of(record)[0] is not Health.NOT_FOUND)
    made = (f"models/{job.id}",) if model and marked_ones else ()
    return (*(f"dpoJobs/{job.id}-a{n}" for n in there), *made)


_PROGRESS = {
    "JOB_STATE_UNSPECIFIED": "accepted",
    "JOB_STATE_CREATING_INPUT_DATASET": "preparing the data",
    "JOB_STATE_VALIDATING": "validating the data",
    "JOB_STATE_PENDING": "waiting for capacity",
    "JOB_STATE_CREATING": "starting the trainer",
    "JOB_STATE_RUNNING": "training",
    "JOB_STATE_RE_QUEUEING": "back in the queue",
    "JOB_STATE_IDLE": "idle",
    "JOB_STATE_PAUSED": "paused, by hand or because the account is suspended",
    "JOB_STATE_WRITING_RESULTS": "writing the model",
}
_ENDING = {
    "JOB_STATE_CANCELLING": "being cancelled",
    "JOB_STATE_DELETING": "being deleted",
    "JOB_STATE_DELETING_CLEANING_UP": "being deleted",
}
_OVER = {
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
    "JOB_STATE_EXPIRED": "expired",
    "JOB_STATE_EARLY_STOPPED": "stopped early, without a model",
}
_GONE = {"JOB_STATE_DELETED": "deleted", "JOB_STATE_ARCHIVED": "archived"}
"""What is left of a job whose id can't be used again."""


def health_of(record: Mapping[str, Json]) -> tuple[Health, str]:
    """Return how a job is; a state that is not known means that it is still going on."""
    state = str(record.get("state") or "JOB_STATE_UNSPECIFIED")
    said = str(look_up(record, ["status", "message"]) or "")
    if state == "JOB_STATE_COMPLETED":
        return Health.CURRENT, "completed"
    if state in _OVER:
        return Health.FAILED, f"{_OVER[state]}: {said}" if said else _OVER[state]
    if state in _ENDING:
        return Health.TERMINATING, _ENDING[state]
    if state in _GONE:
        return Health.NOT_FOUND, _GONE[state]
    if state in _PROGRESS:
        return Health.IN_PROGRESS, _PROGRESS[state]
    return Health.UNKNOWN, f"in a state that this version does not know: {state}"


def _code(record: Mapping[str, Json]) -> str:
    return str(look_up(record, ["status", "code"]) or "")


def _foreign_job(job: Resource, record: Mapping[str, Json]) -> str:
    """Say in which field a job of ours differs from what its id promises, or nothing."""
    wanted = {key: job.body[key] for key in ("trainingConfig", "lossConfig")}
    fields = differing(wanted, {key: record.get(key) for key in wanted})
    if not _same_data(str(job.body["dataset"]), str(record.get("dataset") or "")):
        fields.append("dataset")
    return f"the job exists with another {fields[0]}" if fields else ""


def _same_data(wanted: str, observed: str) -> bool:
    """Say whether two dataset names are of the same bytes: the digest counts, not the name."""
    one, other = (_DIGEST.fullmatch(name) for name in (wanted, observed))
    return wanted == observed or bool(one and other and one[1] == other[1])


_DIGEST = re.compile(rf".+-([0-9a-f]{{{DIGEST_LENGTH}}})")


def _foreign_model(job: Resource, model: Mapping[str, Json]) -> str:
    base = str(look_up(model, ["peftDetails", "baseModel"]) or "")
    wanted = str(job.body["trainingConfig"].get("baseModel") or "")
    if base and wanted and base != wanted:
        return f"the model exists, but was tuned from {base}"
    return ""


def _asks(job: Resource, record: Mapping[str, Json] | None) -> Question | None:
    if record is not None:
        return None  # What a job is made from is never changed.
    return Question(job.options["base"], addons=job.options["addons"])


def _judge(job: Resource, answer: Answer, dependents: Sequence[Resource]) -> Verdict:
    base, path = job.options["base"], "trainingConfig.baseModel"
    where = job.where(path)
    if answer.model is None:
        what, why = f"there is no base model {base}", "the platform answered 404 for it"
        return Verdict((Finding(where, what, why, "take a name from the model library"),))
    flag = "supervisedLoraTunable" if job.options["addons"] else "supervisedFullParameterTunable"
    if answer.model.get("kind") != "HF_PEFT_ADDON" and not answer.model.get(flag):
        why = f"its {flag} is not set"
        fix = "choose a base model that can be tuned"
        return Verdict((Finding(where, f"{base} can't be tuned this way", why, fix),))
    unpinned = [d for d in dependents if d.options.get("unpinned")]
    if not answer.shapes and (unpinned or not dependents):
        return Verdict((unservable(where, base, fatal=bool(unpinned)),))
    return Verdict(known=_size(answer.model))


def _size(model: Mapping[str, Json]) -> dict[str, Json]:
    count = str((model.get("baseModelDetails") or {}).get("parameterCount") or 0)
    return {"billions": int(count) / BILLION} if count.isdecimal() and int(count) else {}


def _price(job: Resource, needs: Sequence[Resource], prices: Prices) -> Cost | Unpriced:
    """Return what the managed service charges; a size that the platform says beats the name's."""
    base = str(job.options["base"])
    size = job.options.get("billions") or billions(base)
    return _charged(job.body, _tokens(needs), size or unsized(base), prices)


def _tokens(needs: Sequence[Resource]) -> Tokens | None:
    return next((need.content.tokens for need in needs if need.content), None)


def _charged(
    body: Mapping[str, Json], tokens: Tokens | None, size: float | Unpriced, prices: Prices
) -> Cost | Unpriced:
    settings = body.get("trainingConfig") or {}
    if look_up(body, ["lossConfig", "method"]) != "DPO":
        return Unpriced("the price of ORPO is not published", Per.JOB)
    if tokens is None:
        return Unpriced("the tokens of its dataset are not known here", Per.JOB)
    if isinstance(size, Unpriced):
        return size
    full, epochs = settings.get("loraRank") == 0, int(settings.get("epochs") or 1)
    return training(prices, tokens, epochs=epochs, size=size, full=full)


def _sunk(
    job: Resource,
    older: Mapping[str, Json],
    needs: Sequence[Resource],
    held: Sequence[Mapping[str, Json]],
    prices: Prices,
) -> Cost | Unpriced:
    """Return what an older job costs in all, at least as much as it is charged."""
    base = str(look_up(older, ["trainingConfig", "baseModel"]) or "")
    if not base:
        return Unpriced("its record does not name the base model", Per.JOB)
    known = job.options.get("billions") if base == job.options["base"] else None
    rows, tokens = str(older.get("dataset") or ""), None
    if _same_data(str(job.body["dataset"]), rows):
        tokens = _tokens(needs)
    if tokens is None:
        tokens = next((_counted(data) for data in held if data["name"] == rows), None)
    return _charged(older, tokens, known or billions(base) or unsized(base), prices)


def _counted(data: Mapping[str, Json]) -> Tokens | None:
    """Return the tokens that the platform estimates, as if all of them were counted twice."""
    count = str(data.get("estimatedTokenCount") or "")
    whole = int(count) if count.isdecimal() else 0
    return Tokens(prompt=whole, preferred=0, other=0) if whole else None


def _outputs(job: Resource, observed: Observed) -> dict[str, Any]:
    return {"model": here("models", job.id), "job": here("dpoJobs", observed.id)}


def _fixed(path: str, reason: str) -> Field:
    return Field(path, Behaviour.IMMUTABLE, reason)


_DECIDES = "decides the weights, so it is part of the id"


def _portray(model: Mapping[str, Json], listing: Listing) -> Portrait | None:
    """Portray an adapter, with the settings of the managed job that made it where it is there."""
    if model.get("kind") != "HF_PEFT_ADDON":
        return None
    job = _maker(model, listing)
    base = look_up(model, ["peftDetails", "baseModel"])
    told = said(job or {}, "dataset", "trainingConfig", "lossConfig")
    training = dict(told.get("trainingConfig") or said({"baseModel": base}, "baseModel"))
    training.pop("outputModel", None)
    instead = {
        "dataset": told.get("dataset") or "NAME",
        "trainingConfig": training,
        **said(told, "lossConfig"),
        "adopt": {"name": model["name"], "as": "NAME-DIGEST"},
    }
    known = said(model, "displayName", "createTime", "fineTuningJob") | said(
        {"baseModel": base}, "baseModel"
    )
    return Portrait(known, AS_PLANNED, instead)


def _maker(model: Mapping[str, Json], listing: Listing) -> Mapping[str, Json] | None:
    if job := listing.named(str(model.get("fineTuningJob") or "")):
        return job
    made = (
        job
        for job in listing.all("dpoJobs")
        if look_up(job, ["trainingConfig", "outputModel"]) == model["name"]
    )
    return next(made, None)


DPO_JOB = Kind(
    name="DPOJob",
    collection="dpoJobs",
    schema="gatewayDpoJob",
    spec=DPOJobSpec,
    creation=Creation("dpoJobId", "query"),
    desire=_desire,
    health=health_of,
    find=_find,
    outputs=_outputs,
    check=check,
    takes=takes,
    asks=_asks,
    judge=_judge,
    price=_price,
    sunk=_sunk,
    reads=("dpoJobs", "models"),
    done={"state": "JOB_STATE_COMPLETED"},
    references=(
        Reference("dataset", "Dataset"),
        Reference(
            "trainingConfig.warmStartFrom.dpoJob",
            "DPOJob",
            full="warmStartFrom: accounts/…/models/…",
        ),
    ),
    # Room for the digest and for up to 999 attempts: `-0123456789-a999`.
    name_limit=ID_LIMIT - 1 - DIGEST_LENGTH - len("-a999"),
    trains=True,
    product="models",
    paused=_paused,
    suits=suits,
    elsewhere=elsewhere(
        name="DPOJob",
        collection="models",
        schema="gatewayModel",
        spec=ExternalModel,
        health=DPO_JOB_HERE.health,
        outputs=("model",),
        portray=_portray,
    ),
    made_here=DPO_JOB_HERE,
    retirement=Retirement(
        "managed tuning jobs and their datasets",
        "2026-11-15",
        "trainer",
        "to train on your own compute, write trainer: trl (or ray) and add weights: the Hugging"
        " Face id or the folder of the base model",
    ),
    paid="training is charged by the token",
    retained="training it again costs money",
    fields=(
        server("name", "built from the id"),
        server("createTime", "set once"),
        server("completedTime", "set once"),
        server("createdBy", "the owner of the key that created it"),
        server("state", "read as health"),
        server("status", "read as health, and tells bad data from a broken platform"),
        server("trainerLogsSignedUrl", "a link that expires"),
        Field("displayName", Behaviour.INPUT_ONLY, "only for show; the mark of its first stack"),
        Field("purpose", Behaviour.INPUT_ONLY, "how it is scheduled; does not decide the weights"),
        _fixed("dataset", "decides the weights; its digest, not its name, is part of the id"),
        _fixed("trainingConfig", _DECIDES),
        _fixed("trainingConfig.baseModel", _DECIDES),
        _fixed("trainingConfig.warmStartFrom", _DECIDES),
        _fixed("trainingConfig.epochs", _DECIDES),
        _fixed("trainingConfig.learningRate", _DECIDES),
        _fixed("trainingConfig.loraRank", _DECIDES),
        _fixed("trainingConfig.loraAlpha", _DECIDES),
        _fixed("trainingConfig.loraDropout", _DECIDES),
        _fixed("trainingConfig.loraTargetModules", _DECIDES),
        _fixed("trainingConfig.maxContextLength", _DECIDES),
        _fixed("trainingConfig.batchSizeSamples", _DECIDES),
        _fixed("trainingConfig.learningRateWarmupSteps", _DECIDES),
        _fixed("trainingConfig.optimizerWeightDecay", _DECIDES),
        Field(
            "trainingConfig.outputModel",
            Behaviour.IMMUTABLE,
            "the id that the other fields decide",
            Origin.DERIVED,
        ),
        withheld("trainingConfig.jinjaTemplate", "the V2 trainer rejects it"),
        withheld("trainingConfig.batchSize", "the V2 trainer rejects it; use batchSizeSamples"),
        withheld("trainingConfig.gradientAccumulationSteps", "the V2 trainer rejects it"),
        withheld("trainingConfig.trainerShardingScheme", "dropped from newer specifications"),
        _fixed("lossConfig", _DECIDES),
        _fixed("lossConfig.method", "always sent: the sources differ on what unset means"),
        withheld("lossConfig.klBeta", "for GRPO-like methods, which are not preference tuning"),
        _fixed("lossConfig.dpo", _DECIDES),
        _fixed("lossConfig.dpo.beta", _DECIDES),
        _fixed("lossConfig.dpo.refCacheConcurrency", "costs little to count as deciding"),
        _fixed("lossConfig.dpo.refCacheBatchSize", "costs little to count as deciding"),
        _fixed("lossConfig.orpo", _DECIDES),
        _fixed("lossConfig.orpo.lambda", _DECIDES),
        Field("wandbConfig", Behaviour.INPUT_ONLY, "where it logs; does not decide the weights"),
        Field("wandbConfig.enabled", Behaviour.INPUT_ONLY, "does not decide the weights"),
        Field("wandbConfig.apiKey", Behaviour.INPUT_ONLY, "a secret; may not come back"),
        Field("wandbConfig.project", Behaviour.INPUT_ONLY, "does not decide the weights"),
        Field("wandbConfig.entity", Behaviour.INPUT_ONLY, "does not decide the weights"),
        Field("wandbConfig.runId", Behaviour.INPUT_ONLY, "does not decide the weights"),
        server("wandbConfig.url", "a link to the run"),
        withheld("awsS3Config", "for datasets in S3, which these specs do not describe"),
        withheld("awsS3Config.credentialsSecret", "for datasets in S3"),
        withheld("awsS3Config.iamRoleArn", "for datasets in S3"),
        withheld("azureBlobStorageConfig", "for datasets in Azure, not described by these specs"),
        withheld("azureBlobStorageConfig.credentialsSecret", "for datasets in Azure"),
        withheld("azureBlobStorageConfig.managedIdentityClientId", "for datasets in Azure"),
        withheld("azureBlobStorageConfig.tenantId", "for datasets in Azure"),
    ),
)
