"""Quotas: what the account may use at once, and how much of it is in use."""

from typing import Any, Final

from .codec import write
from .listing import list_response, show
from .store import Row
from .wire import Response, refuse
from .world import Call, World, shown

TRAINING: Final = "training-h200-count"
# What a job takes of the training quota while it runs.
JOB_USES: Final = 4
_LIMITS: Final = {
    "a100-count": 16,
    "h100-count": 16,
    "h200-count": 16,
    "b200-count": 16,
    "training-h100-count": 16,
    "training-h200-count": 16,
    "training-b200-count": 16,
    "deployed-lora-count": 100,
    "monthly-spend-usd": 50,
}
BUSY: Final = frozenset(
    f"JOB_STATE_{s}" for s in ("PENDING", "CREATING", "RUNNING", "RE_QUEUEING", "WRITING_RESULTS")
) | {"JOB_STATE_VALIDATING"}


def list_all(call: Call) -> Response:
    """`GET /quotas`."""
    rows = [_row(call.world, quota) for quota in _LIMITS]
    json_rows = [write("Quota", {**r.fields, "name": r.name}) for r in rows]
    return list_response("Quota", "quotas", json_rows, call.request.query)


def get(call: Call) -> Response:
    """`GET /quotas/{id}`."""
    return show(call, "Quota", _mine(call))


def patch(call: Call) -> Response:
    """`PATCH /quotas/{id}`: a value can only be lowered."""
    row = _mine(call)
    value = call.message("Quota").get("value", row.fields["value"])
    if not 0 <= value <= row.fields["value"]:
        raise refuse("INVALID_ARGUMENT", "quota value can only be lowered")
    call.store.set_note("quotas", {**(call.store.note("quotas") or {}), row.id: value})
    return shown("Quota", _row(call.world, row.id))


def check_training(world: World) -> None:
    """Refuse with 429 a job for which the training quota has no room."""
    in_use, quota = _usage(world, TRAINING), _value(world, TRAINING)
    if in_use + JOB_USES > quota:
        problem = f"{TRAINING} for account {world.config.account}, in use: {in_use}, quota: {quota}"
        detail = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "domain": "training.fireworks.ai",
            "reason": "QUOTA_EXCEEDED",
            "metadata": {"quota_required": str(JOB_USES), "quota_available": str(quota - in_use)},
        }
        raise refuse("RESOURCE_EXHAUSTED", problem, details=(detail,))


def _mine(call: Call) -> Row:
    quota = call.ids[1]
    return call.world.mine(_row(call.world, quota) if quota in _LIMITS else None)


def _row(world: World, quota: str) -> Row:
    fields: dict[str, Any] = {
        "value": _value(world, quota),
        "maxValue": max(_value(world, quota), _LIMITS[quota]),
        "usage": _usage(world, quota),
        "updateTime": world.instant,
    }
    return Row(f"{world.parent}/quotas/{quota}", "quotas", fields)


def _value(world: World, quota: str) -> int:
    set_by_admin = world.settings.get("quotas", {})
    lowered = world.store.note("quotas") or {}
    return int(lowered.get(quota, set_by_admin.get(quota, _LIMITS[quota])))


def _usage(world: World, quota: str) -> int:
    if quota == TRAINING:
        jobs = world.store.rows("dpoJobs")
        return JOB_USES * sum(j.fields["state"] in BUSY for j in jobs)
    return len(world.store.rows("deployedModels")) if quota == "deployed-lora-count" else 0
