"""Deployments: create, change, scale, tag, delete softly or for good."""

import re
from collections.abc import Mapping
from typing import Any, Final

from . import deployed_models, deployment_lifecycle
from .clock import nanoseconds
from .codec import camel, fields
from .deployment_rules import check_tags, complete
from .listing import list_rows, show
from .store import Row
from .wire import Response, refuse, reply
from .world import Call, check_id, check_new, shown

_HOUR: Final = 3600.0
_RANGE: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final[Mapping[str, float]] = {"s": 1.0, "m": 60.0, "h": _HOUR, "d": 86_400.0}
_FIXED: Final[tuple[str, ...]] = ("baseModel", "placement", "annotations")
# Changes that roll new replicas out; the others take hold at once.
_ROLLING: Final = frozenset(
    {
        "deploymentShape", "acceleratorType", "acceleratorCount", "precision", "enableAddons",
        "maxContextLength", "draftModel", "draftTokenCount", "ngramSpeculationLength",
        "numPeftDeviceCached", "enableHotLoad", "enableHotReloadLatestAddon",
    }
)  # fmt: skip


def create(call: Call) -> Response:
    """`POST /deployments?deploymentId=`; `validateOnly` stores nothing."""
    world, given = call.world, call.message("Deployment")
    deployment_id = call.request.query.get("deploymentId") or f"d{world.store.fresh('d')[:15]}"
    name = f"{call.parent}/deployments/{check_id(deployment_id, 'deployment_id')}"
    check_new(world, name)
    drafter = not call.flag("disableSpeculativeDecoding")
    made = {**complete(world, given, drafter=drafter), **world.moment()}
    row = Row(name, "deployments", made, {"drafter": drafter})
    deployment_lifecycle.start(world, row)
    if not call.flag("validateOnly"):
        world.store.write(row)
    return shown("Deployment", row, precise=True)


def list_all(call: Call) -> Response:
    """`GET /deployments`; the deleted ones only with `showDeleted`."""
    rows = call.store.rows("deployments", f"{call.parent}/")
    if not call.flag("showDeleted"):
        rows = [r for r in rows if r.fields["state"] != "DELETED"]
    query = call.request.query
    return list_rows("Deployment", "deployments", rows, query, order="create_time")


def get(call: Call) -> Response:
    """`GET /deployments/{id}`; a softly deleted one is still there to see."""
    return show(call, "Deployment", _mine(call))


def patch(call: Call) -> Response:
    """`PATCH /deployments/{id}`.

    With `updateMask` exactly the named fields change, and those the body lacks are
    cleared. Without one, the fields in the body change, unless the `patchWithoutMask`
    setting is `replace`: sources disagree on what the platform does.
    """
    row, given = _live(call), call.message("Deployment")
    names = _named(call, given)
    _check_fixed(row, {n: given.get(n) for n in names})
    wanted = {k: v for k, v in _writable(row).items() if k not in names}
    wanted |= {n: given[n] for n in names if n in given}
    kept = {n: row.fields[n] for n in _FIXED if n in row.fields}
    changed = complete(
        call.world,
        {**_without_filled(row, wanted, names), **kept},
        drafter=row.hidden["drafter"],
    )
    rolling = any(changed.get(n) != row.fields.get(n) for n in _ROLLING)
    row.fields = {**_server_written(row), **changed, "updateTime": call.world.instant}
    deployment_lifecycle.change(call.world, row, rolling=rolling)
    call.store.write(row)
    return shown("Deployment", row)


def metrics(call: Call) -> Response:
    """`GET /deployments/{id}:metrics?timeRange=`: what it was asked of late, up to a day.

    The names of the real ones are not published; here there is one.
    """
    row, said = _mine(call), call.request.query.get("timeRange", "10m")
    found = _RANGE.fullmatch(said)
    if not found:
        raise refuse("INVALID_ARGUMENT", f"invalid time_range {said!r}: use 1m, 10m or 2h")
    since = call.world.now - float(found[1]) * _UNITS[found[2]]
    count = deployment_lifecycle.requests(row, since)
    return reply({"metrics": {"requests_count": float(count)}})


def scale(call: Call) -> Response:
    """`PATCH /deployments/{id}:scale`."""
    row = _live(call)
    count = call.message("ScaleDeploymentBody").get("replicaCount", 0)
    if not 0 <= count <= row.fields["maxReplicaCount"]:
        raise refuse("INVALID_ARGUMENT", "replica_count must be between 0 and max_replica_count")
    deployment_lifecycle.scale(call.world, row, count)
    call.store.write(row)
    return reply({})


def delete(call: Call) -> Response:
    """`DELETE /deployments/{id}`: softly, or for good with `hard`."""
    row = _mine(call)
    last = row.hidden.get("lastTraffic")
    recent = last is not None and call.world.now - last < _HOUR
    if recent and row.fields["state"] != "DELETED" and not call.flag("ignoreChecks"):
        problem = (
            "deployment received traffic in the last hour; pass ignore_checks to skip this check"
        )
        raise refuse("FAILED_PRECONDITION", problem)
    deployed_models.unload_all(call.world, row.name)
    if call.flag("hard"):
        call.store.erase(row)
    elif row.fields["state"] != "DELETED":
        deployment_lifecycle.bury(call.world, row, call.world.now)
        call.store.write(row)
    return reply({})


def undelete(call: Call) -> Response:
    """`POST /deployments/{id}:undelete`: it starts up again."""
    call.message("UndeleteDeploymentBody")
    row = _mine(call)
    if row.fields["state"] != "DELETED":
        raise refuse("FAILED_PRECONDITION", f"deployment {row.id} is not deleted")
    for name in ("deleteTime", "purgeTime"):
        row.fields.pop(name, None)
    deployment_lifecycle.start(call.world, row)
    call.store.write(row)
    return shown("Deployment", row)


def set_tags(call: Call) -> Response:
    """`POST /deployments/{id}:setTags`: adds to the annotations."""
    row = _live(call)
    tags = {**row.fields.get("annotations", {}), **call.message("SetTagsBody").get("tags", {})}
    check_tags(tags)
    return _tagged(call, row, tags)


def delete_tags(call: Call) -> Response:
    """`POST /deployments/{id}:deleteTags`."""
    row = _live(call)
    gone = call.message("DeleteTagsBody").get("keys", [])
    tags = row.fields.get("annotations", {})
    return _tagged(call, row, {k: v for k, v in tags.items() if k not in gone})


def _tagged(call: Call, row: Row, tags: Mapping[str, str]) -> Response:
    row.fields |= {"annotations": dict(tags), "updateTime": nanoseconds(call.world.now)}
    call.store.write(row)
    return shown("Deployment", row)


def _mine(call: Call) -> Row:
    return call.world.mine(call.store.get(call.name("deployments")))


def _live(call: Call) -> Row:
    row = _mine(call)
    if row.fields["state"] == "DELETED":
        raise refuse("FAILED_PRECONDITION", f"deployment {row.id} is deleted")
    return row


def _named(call: Call, given: Mapping[str, Any]) -> set[str]:
    """The top-level fields that a PATCH is about."""
    mask = call.request.query.get("updateMask", call.request.query.get("update_mask", ""))
    known = {f.name for f in fields("Deployment").values() if not f.output_only}
    named = {camel(p.strip().split(".")[0]) for p in mask.split(",") if p.strip()}
    if named - known:
        raise refuse("INVALID_ARGUMENT", f"invalid update_mask: {sorted(named - known)}")
    if named:
        return named
    replace = call.world.settings.get("patchWithoutMask") == "replace"
    return known - set(_FIXED) if replace else set(given)


def _check_fixed(row: Row, given: Mapping[str, Any]) -> None:
    for name in _FIXED:
        value = given.get(name)
        if value is not None and value != row.fields.get(name, type(value)()):
            raise refuse("INVALID_ARGUMENT", f"{name} can't be changed by an update")


def _writable(row: Row) -> dict[str, Any]:
    return {k: v for k, v in row.fields.items() if not fields("Deployment")[k].output_only}


def _server_written(row: Row) -> dict[str, Any]:
    return {k: v for k, v in row.fields.items() if fields("Deployment")[k].output_only}


def _without_filled(row: Row, wanted: dict[str, Any], named: set[str]) -> dict[str, Any]:
    """Leave out what followed from a value that changes, so that it is worked out anew."""
    stale = set()
    if "deploymentShape" in named:
        stale |= {
            "acceleratorType",
            "acceleratorCount",
            "precision",
            "draftModel",
            "draftTokenCount",
        }
    if "minReplicaCount" in named and "maxReplicaCount" not in named:
        least = wanted.get("minReplicaCount", 0)
        wanted["maxReplicaCount"] = max(row.fields["maxReplicaCount"], least)
    return {k: v for k, v in wanted.items() if k not in stale - named}
