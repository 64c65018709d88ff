"""Deployed models: addons loaded onto deployments."""

from typing import Any, Final

from . import models
from .listing import list_rows, show
from .store import Row
from .wire import Response, refuse, reply
from .world import Call, World, check_text, shown

# State -> (emulated seconds in it, the next one); an unloaded addon is gone.
TRANSITIONS: Final = {
    "DEPLOYING": (60.0, "DEPLOYED"),
    "UPDATING": (60.0, "DEPLOYED"),
    "UNDEPLOYING": (10.0, ""),
}
# Inference does not find an addon for a while after it is said to be there.
NOT_YET_FOUND: Final = 20.0
_MOST_ADDONS: Final = 100
_UPDATABLE: Final = ("displayName", "description", "default", "public")


def create(call: Call) -> Response:
    """`POST /deployedModels`: load an addon; `replaceMergedAddon` merges it into the base."""
    body = call.message("DeployedModel")
    check_text(body)
    model, deployment = _parts(call, body)
    loaded = [r for r in _rows(call.world) if r.fields["deployment"] == deployment.name]
    if any(r.fields["model"] == model.name for r in loaded):
        raise refuse("ALREADY_EXISTS", f"{model.name} is already deployed to {deployment.name}")
    _check_fit(call, model, deployment, loaded)
    if call.flag("replaceMergedAddon"):
        unload_all(call.world, deployment.name)
    name = f"{call.parent}/deployedModels/{model.id[:40]}-{call.store.fresh('deployed')[:8]}"
    first = not any(r.fields["model"] == model.name for r in _rows(call.world))
    row = Row(name, "deployedModels", {**body, **call.world.moment()})
    row.fields |= {"default": body.get("default", first) or first}
    _enter(row, "DEPLOYING", call.world.now)
    call.store.write(row)
    return shown("DeployedModel", row, precise=True)


def list_all(call: Call) -> Response:
    """`GET /deployedModels`."""
    rows = call.store.rows("deployedModels", f"{call.parent}/")
    return list_rows("DeployedModel", "deployedModels", rows, call.request.query)


def get(call: Call) -> Response:
    """`GET /deployedModels/{id}`."""
    return show(call, "DeployedModel", _mine(call))


def patch(call: Call) -> Response:
    """`PATCH /deployedModels/{id}`: display name, description, default and public only."""
    row, body = _mine(call), call.message("DeployedModel")
    check_text(body)
    for name in ("model", "deployment", "serverless"):
        if name in body and body[name] != row.fields.get(name, body[name]):
            raise refuse("INVALID_ARGUMENT", f"{name} can't be changed by an update")
    row.fields |= {k: v for k, v in body.items() if k in _UPDATABLE}
    row.fields["updateTime"] = call.world.instant
    if body.get("default"):
        _only_default(call.world, row)
    call.store.write(row)
    return shown("DeployedModel", row)


def delete(call: Call) -> Response:
    """`DELETE /deployedModels/{id}`: unload."""
    row = _mine(call)
    _enter(row, "UNDEPLOYING", call.world.now)
    call.store.write(row)
    return reply({})


def settle(world: World, row: Row, at: float) -> None:
    """Take the step that was due at the emulated second `at`."""
    state = TRANSITIONS[row.fields["state"]][1]
    if not state:
        world.store.drop(row.name)
        return
    _enter(row, state, at)
    world.store.put(row)


def serving(world: World, model: str, deployment: str) -> bool:
    """Whether inference finds an addon on a deployment by now."""
    rows = (r for r in _rows(world) if r.fields["deployment"] == deployment)
    row = next((r for r in rows if r.fields["model"] == model), None)
    if row is None or row.fields["state"] != "DEPLOYED":
        return False
    return world.now >= float(row.hidden["since"]) + NOT_YET_FOUND


def merged(world: World, deployment: str) -> str | None:
    """Return the addon that a hot-reload deployment has merged and serves by now."""
    rows = (r for r in _rows(world) if r.fields["deployment"] == deployment)
    return next((r.fields["model"] for r in rows if r.fields["state"] == "DEPLOYED"), None)


def unload_all(world: World, deployment: str) -> None:
    """Remove whatever is loaded on a deployment."""
    for row in _rows(world):
        if row.fields["deployment"] == deployment:
            world.store.drop(row.name)


def _mine(call: Call) -> Row:
    return call.world.mine(call.store.get(call.name("deployedModels")))


def _rows(world: World) -> list[Row]:
    return world.store.rows("deployedModels")


def _enter(row: Row, state: str, at: float) -> None:
    row.fields["state"] = state
    row.hidden["since"] = at
    step = TRANSITIONS.get(state)
    row.due = at + step[0] if step else None


def _parts(call: Call, body: dict[str, Any]) -> tuple[Row, Row]:
    """The model and the deployment that a request brings together."""
    for name in ("model", "deployment"):
        if not body.get(name):
            raise refuse("INVALID_ARGUMENT", f"{name} is required")
    model = models.find(call.world, body["model"])
    if model is None:
        raise refuse("NOT_FOUND", f"model {body['model']!r} not found")
    found = call.store.get(body["deployment"]) if "/deployments/" in body["deployment"] else None
    if found is None or found.fields["state"] == "DELETED":
        raise refuse("NOT_FOUND", f"deployment {body['deployment']!r} not found")
    return model, found


def _check_fit(call: Call, model: Row, deployment: Row, loaded: list[Row]) -> None:
    hot = deployment.fields.get("enableHotReloadLatestAddon") and call.flag("replaceMergedAddon")
    if not deployment.fields.get("enableAddons") and not hot:
        problem = (
            "deployment has addons disabled: set enable_addons=true on this deployment before "
            "loading LoRA adapters"
        )
        raise refuse("INVALID_ARGUMENT", problem)
    if deployment.fields["state"] not in {"READY", "UPDATING"}:
        raise refuse("FAILED_PRECONDITION", f"deployment {deployment.id} is not READY")
    if model.fields["kind"] != "HF_PEFT_ADDON" or model.fields["state"] != "READY":
        raise refuse("INVALID_ARGUMENT", f"model {model.name!r} is not a READY LoRA addon")
    if models.base_of(call.world, model.name) != deployment.fields["baseModel"]:
        problem = f"{model.name} is not an addon of {deployment.fields['baseModel']}"
        raise refuse("INVALID_ARGUMENT", problem)
    if len(loaded) >= _MOST_ADDONS:
        problem = f"deployed-lora-count: at most {_MOST_ADDONS} addons"
        raise refuse("RESOURCE_EXHAUSTED", problem)


def _only_default(world: World, row: Row) -> None:
    for other in _rows(world):
        if other.fields["model"] == row.fields["model"] and other.name != row.name:
            other.fields["default"] = False
            world.store.put(other)
