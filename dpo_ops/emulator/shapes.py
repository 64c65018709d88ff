"""Deployment shapes: reading the public ones, and matching them to a model."""

from typing import Any

from . import catalogue, models
from .codec import write
from .listing import list_response, show
from .store import Row
from .wire import Response, refuse, reply
from .world import Call


def list_all(call: Call) -> Response:
    """`GET /deploymentShapes`; `targetModel` keeps the shapes of one model's base."""
    rows = [r for r in catalogue.shapes().values() if r.name.startswith(f"{call.parent}/")]
    target = call.request.query.get("targetModel", "")
    if target:
        base = models.root_of(call.world, target)
        rows = [r for r in rows if r.fields["baseModel"] == base]
    return list_response(
        "DeploymentShape",
        "deploymentShapes",
        [_json("DeploymentShape", r) for r in rows],
        call.request.query,
        order="create_time",
    )


def get(call: Call) -> Response:
    """`GET /deploymentShapes/{id}`."""
    row = call.world.mine(catalogue.shapes().get(call.name("deploymentShapes")))
    return show(call, "DeploymentShape", row)


def list_versions(call: Call) -> Response:
    """`GET /deploymentShapes/{id}/versions`; the id `-` stands for all shapes."""
    rows = list(catalogue.shape_versions().values())
    if call.ids[1] != "-":
        name = call.name("deploymentShapes")
        call.world.mine(catalogue.shapes().get(name))
        rows = [r for r in rows if r.name.startswith(f"{name}/versions/")]
    return list_response(
        "DeploymentShapeVersion",
        "deploymentShapeVersions",
        [_json("DeploymentShapeVersion", r) for r in rows],
        call.request.query,
        order="create_time",
    )


def get_version(call: Call) -> Response:
    """`GET /deploymentShapes/{id}/versions/{v}`."""
    name = f"{call.name('deploymentShapes')}/versions/{call.ids[2]}"
    return show(
        call, "DeploymentShapeVersion", call.world.mine(catalogue.shape_versions().get(name))
    )


def match(call: Call) -> Response:
    """`POST /deploymentShapeVersions:match`: the validated shapes that can serve a model.

    An addon is looked up by its base; `enableAddons` keeps the shapes that take addons.
    """
    request = call.message("MatchBody").get("createDeploymentRequest", {})
    wanted = request.get("deployment", {})
    if not wanted.get("baseModel"):
        raise refuse("INVALID_ARGUMENT", "deployment.base_model is required")
    if models.find(call.world, wanted["baseModel"]) is None:
        raise refuse("NOT_FOUND", f"model {wanted['baseModel']!r} not found")
    base = models.root_of(call.world, wanted["baseModel"])
    addons = wanted.get("enableAddons", False)
    fits = [
        _json("DeploymentShapeVersion", version)
        for version in catalogue.shape_versions().values()
        if version.fields["latestValidated"]
        and version.fields["snapshot"]["baseModel"] == base
        and (version.fields["snapshot"]["enableAddons"] or not addons)
    ]
    return reply({"deploymentShapeVersions": fits, "nextPageToken": "", "totalSize": len(fits)})


def _json(message: str, row: Row) -> dict[str, Any]:
    return write(message, {**row.fields, "name": row.name})
