"""DPO jobs: create, read, cancel, resume, delete, metrics and checkpoints."""

from collections.abc import Mapping
from typing import Any, Final

from . import job_lifecycle, models, quotas, storage
from .codec import write
from .listing import list_rows, show
from .store import Row
from .wire import Response, refuse, reply
from .world import Call, World, check_id, check_new, check_text, shown

_REJECTED: Final = ("batchSize", "gradientAccumulationSteps", "jinjaTemplate")
_MOST_RANK: Final = 64
_ENDED: Final = frozenset(
    f"JOB_STATE_{s}"
    for s in ("COMPLETED", "FAILED", "CANCELLED", "EXPIRED", "EARLY_STOPPED", "DELETED", "ARCHIVED")
)
_RESUMABLE: Final = frozenset(
    f"JOB_STATE_{s}" for s in ("PAUSED", "FAILED", "CANCELLED", "EXPIRED", "IDLE")
)


def create(call: Call) -> Response:
    """`POST /dpoJobs?dpoJobId=`: the id is random where the caller names none."""
    world, body = call.world, call.message("DpoJob")
    job_id = call.request.query.get("dpoJobId") or f"j{world.store.fresh('job')[:15]}"
    name = f"{call.parent}/dpoJobs/{check_id(job_id, 'dpo_job_id')}"
    check_text(body)
    # 409 first: creating again must say so whatever became of the dataset since.
    check_new(world, name)
    if world.settings.get("paymentMethod", True) is False:
        raise refuse("FAILED_PRECONDITION", "payment method is required")
    _check_dataset(call, body)
    _check_training(body.get("trainingConfig", {}), body.get("lossConfig", {}))
    fields = {**body, "trainingConfig": _training(call, body, job_id)}
    quotas.check_training(world)
    row = _row(world, name, fields)
    world.store.write(row)
    return shown("DpoJob", row, precise=True)


def list_all(call: Call) -> Response:
    """`GET /dpoJobs`."""
    rows = call.store.rows("dpoJobs", f"{call.parent}/")
    return list_rows("DpoJob", "dpoJobs", rows, call.request.query)


def get(call: Call) -> Response:
    """`GET /dpoJobs/{id}`."""
    return show(call, "DpoJob", _mine(call))


def delete(call: Call) -> Response:
    """`DELETE /dpoJobs/{id}`: the record passes through DELETING states; its id stays used."""
    row = _mine(call)
    running = row.fields["state"] not in _ENDED
    if running:
        call.world.config.engine.cancel(row.name)
    state = "JOB_STATE_DELETING" if running else "JOB_STATE_DELETING_CLEANING_UP"
    call.store.bury(row.name)
    call.store.write(job_lifecycle.enter(row, state, call.world.now))
    return reply({})


def cancel(call: Call) -> Response:
    """`POST /dpoJobs/{id}:cancel`."""
    call.message("CancelDpoJobBody")
    row = _mine(call)
    state = row.fields["state"]
    if state in _ENDED or "DELETING" in state:
        raise refuse("FAILED_PRECONDITION", f"job is {state} and can't be cancelled")
    call.world.config.engine.cancel(row.name)
    call.store.write(job_lifecycle.enter(row, "JOB_STATE_CANCELLING", call.world.now))
    return reply({})


def resume(call: Call) -> Response:
    """`POST /dpoJobs/{id}:resume`: a job that stopped starts over from PENDING."""
    call.message("ResumeDpoJobBody")
    row = _mine(call)
    if row.fields["state"] not in _RESUMABLE:
        raise refuse("FAILED_PRECONDITION", f"job is {row.fields['state']} and can't be resumed")
    quotas.check_training(call.world)
    row.fields |= {"status": {"code": "OK", "message": ""}}
    row.fields.pop("completedTime", None)
    row.hidden["resumed"] = True
    call.store.write(job_lifecycle.enter(row, "JOB_STATE_PENDING", call.world.now))
    return shown("DpoJob", row)


def metrics_endpoint(call: Call) -> Response:
    """`GET /dpoJobs/{id}:getMetricsFileEndpoint`: no URL until the job has written metrics."""
    row = _mine(call)
    metrics = job_lifecycle.metrics(call.world, row)
    if metrics is None:
        return reply({"signedUrl": ""})
    grant = {"text": metrics.decode()}
    return reply({"signedUrl": storage.sign(call, grant, "metrics.jsonl", storage.DOWNLOAD_LIFE)})


def checkpoints(call: Call) -> Response:
    """`GET /dpoJobs/{id}/checkpoints`: the last one, once the job is complete."""
    row = _mine(call)
    if row.fields["state"] != "JOB_STATE_COMPLETED":
        return reply({"checkpoints": [], "nextPageToken": "", "totalSize": 0})
    shown_job = write("DpoJob", row.fields)
    final = {
        "name": f"{row.name}/checkpoints/final",
        "checkpointType": "CHECKPOINT_TYPE_INFERENCE",
        "promotable": True,
        "createTime": shown_job["completedTime"],
    }
    return reply({"checkpoints": [final], "nextPageToken": "", "totalSize": 1})


def _mine(call: Call) -> Row:
    return call.world.mine(call.store.get(call.name("dpoJobs")))


def _row(world: World, name: str, fields: Mapping[str, Any]) -> Row:
    kept = {k: v for k, v in fields.items() if k != "wandbConfig"}
    if "wandbConfig" in fields:
        # The key is never written down, so no answer can show it.
        kept["wandbConfig"] = {k: v for k, v in fields["wandbConfig"].items() if k != "apiKey"}
    row = Row(
        name,
        "dpoJobs",
        {
            **kept,
            "createTime": world.instant,
            "createdBy": world.author,
            "status": {"code": "OK", "message": ""},
        },
    )
    return job_lifecycle.begin(world, row)


def _check_dataset(call: Call, body: Mapping[str, Any]) -> None:
    name = body.get("dataset", "")
    if not name:
        raise refuse("INVALID_ARGUMENT", "dataset is required")
    row = call.store.get(name) if name.startswith(f"{call.parent}/datasets/") else None
    if row is None:
        raise refuse("NOT_FOUND", f"dataset {name!r} not found")
    if row.fields["state"] != "READY":
        raise refuse("FAILED_PRECONDITION", f"dataset {name!r} is not READY")


def _check_training(training: Mapping[str, Any], loss: Mapping[str, Any]) -> None:
    for name in _REJECTED:
        if training.get(name):
            raise refuse("INVALID_ARGUMENT", f"training_config.{name} is not supported")
    if not 0 <= training.get("loraRank", 0) <= _MOST_RANK:
        raise refuse("INVALID_ARGUMENT", f"lora_rank must be between 0 and {_MOST_RANK}")
    if not 0 <= loss.get("dpo", {}).get("beta", 0) < 1:
        raise refuse("INVALID_ARGUMENT", "loss_config.dpo.beta must be positive and below 1")
    for name in ("learningRate", "epochs", "maxContextLength", "batchSizeSamples"):
        if training.get(name, 0) < 0:
            raise refuse("INVALID_ARGUMENT", f"training_config.{name} must not be negative")


def _training(call: Call, body: Mapping[str, Any], job_id: str) -> dict[str, Any]:
    """The training configuration with the server's own defaults filled in."""
    training = dict(body.get("trainingConfig", {}))
    origins = [o for o in ("baseModel", "warmStartFrom") if training.get(o)]
    if len(origins) != 1:
        problem = "exactly one of base_model and warm_start_from must be specified"
        raise refuse("INVALID_ARGUMENT", problem)
    _check_origin(call.world, training[origins[0]], training)
    training["outputModel"] = _output_model(call, training.get("outputModel") or job_id)
    return {**training, "epochs": training.get("epochs") or 1}


def _check_origin(world: World, name: str, training: Mapping[str, Any]) -> None:
    model = models.find(world, name)
    if model is None:
        raise refuse("NOT_FOUND", f"model {name!r} not found")
    flag = "supervisedLoraTunable" if training.get("loraRank") else "supervisedFullParameterTunable"
    if training.get("warmStartFrom"):
        fit = model.fields["kind"] == "HF_PEFT_ADDON"
    else:
        fit = bool(model.fields.get(flag))
    if not fit or model.fields["state"] != "READY":
        raise refuse("INVALID_ARGUMENT", "model is not supported for fine-tuning")


def _output_model(call: Call, given: str) -> str:
    """The output model's full name. That a taken name is refused is not documented."""
    prefix = f"{call.parent}/models/"
    if "/" in given and not given.startswith(prefix):
        raise refuse("INVALID_ARGUMENT", f"output_model must begin with {prefix}")
    name = prefix + check_id(given.removeprefix(prefix), "output_model")
    if call.store.get(name) is not None:
        raise refuse("ALREADY_EXISTS", f"model already exists: {name}")
    return name
