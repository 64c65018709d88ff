"""What a deployment may look like: the checks and the server's own defaults."""

from collections.abc import Mapping
from typing import Any, Final

from . import catalogue, models
from .clock import duration
from .store import Row
from .wire import RefusalError, refuse
from .world import World, check_text

_QUANTIZED: Final = ("FP8", "FP4", "NF4")
_HARDWARE: Final = ("acceleratorType", "acceleratorCount", "precision")
_POLICY: Final[Mapping[str, str]] = {
    "scaleUpWindow": "30s",
    "scaleDownWindow": "600s",
    "scaleToZeroWindow": "3600s",
}
_HOUR: Final = 3600.0
_SHORTEST_TO_ZERO: Final = 300.0
_MOST_TAGS: Final = 64
_TAG_LENGTH: Final = 128
_MOST_SCHEDULES: Final = 5


def complete(world: World, given: Mapping[str, Any], *, drafter: bool) -> dict[str, Any]:
    """Return a caller's deployment with defaults filled in, or refuse what can't be.

    Without `drafter` the shape's speculative decoding is left out.

    Raises:
        RefusalError: 400, 403 or 404, in the gateway's own words where they are known.
    """
    check_text(given)
    check_tags(given.get("annotations", {}))
    model = _model(world, given.get("baseModel", ""))
    shape = _shape(world, given, model)
    fields = {**given, **_hardware(given, shape, drafter=drafter)}
    _check_addons(fields, shape)
    _check_live_merge(fields, model, shape, drafter=drafter)
    return {**fields, **replicas(fields), "autoscalingPolicy": policy(fields)}


def replicas(fields: Mapping[str, Any]) -> dict[str, int]:
    """Return both replica bounds; the upper one is max(lower, 1) where it is not given."""
    least = fields.get("minReplicaCount", 0)
    most = fields.get("maxReplicaCount", max(least, 1))
    if not 0 <= least <= most:
        problem = f"min_replica_count {least} and max_replica_count {most} do not fit together"
        raise refuse("INVALID_ARGUMENT", problem)
    return {"minReplicaCount": least, "maxReplicaCount": most}


def policy(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the autoscaling policy with its defaults; windows have limits."""
    given = fields.get("autoscalingPolicy") or {}
    full = {**_POLICY, "loadTargets": {"default": 0.8}, **{k: v for k, v in given.items() if v}}
    for name in ("scaleUpWindow", "scaleDownWindow"):
        if duration(full[name], name) > _HOUR:
            raise refuse("INVALID_ARGUMENT", f"{name} must be at most 3600s")
    if duration(full["scaleToZeroWindow"], "scaleToZeroWindow") < _SHORTEST_TO_ZERO:
        raise refuse("INVALID_ARGUMENT", "scaleToZeroWindow must be at least 300s")
    if len(full.get("scalingSchedules", {})) > _MOST_SCHEDULES:
        raise refuse("INVALID_ARGUMENT", f"at most {_MOST_SCHEDULES} scaling schedules")
    return full


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse annotations outside `custom/` (403), too many of them or too long (400)."""
    for key in tags:
        if not key.startswith("custom/"):
            problem = f"annotation key {key!r} is not allowed: only keys under custom/ are"
            raise refuse("PERMISSION_DENIED", problem)
    long = any(max(len(k), len(v)) > _TAG_LENGTH for k, v in tags.items())
    if long or len(tags) > _MOST_TAGS:
        problem = f"at most {_MOST_TAGS} tags, keys and values of at most {_TAG_LENGTH} characters"
        raise refuse("INVALID_ARGUMENT", problem)


def _model(world: World, name: str) -> Row:
    if not name:
        raise refuse("INVALID_ARGUMENT", "base_model is required")
    model = models.find(world, name)
    if model is None:
        raise refuse("NOT_FOUND", f"model {name!r} not found")
    if model.fields["state"] != "READY":
        raise refuse("FAILED_PRECONDITION", f"model {name!r} is not READY")
    return model


def _shape(world: World, given: Mapping[str, Any], model: Row) -> Row | None:
    """The shape that was asked for, by its plain name, a version's name or `default`."""
    asked = given.get("deploymentShape", "")
    if not asked:
        if given.get("acceleratorType", "ACCELERATOR_TYPE_UNSPECIFIED").endswith("UNSPECIFIED"):
            problem = "accelerator_type must be specified for non-embeddings engines"
            raise refuse("INVALID_ARGUMENT", problem)
        return None
    base = models.root_of(world, model.name)
    name, _, version = asked.partition("/versions/")
    known = catalogue.shapes()
    if asked == "default":
        name = next((n for n, s in known.items() if s.fields["baseModel"] == base), "")
    if name not in known or (version and asked not in catalogue.shape_versions()):
        problem = "the deployment shape version does not exist or you do not have access to it"
        raise refuse("PERMISSION_DENIED", problem)
    if known[name].fields["baseModel"] != base:
        problem = f"deployment shape {asked!r} is not for base model {base!r}"
        raise refuse("INVALID_ARGUMENT", problem)
    return known[name]


def _hardware(given: Mapping[str, Any], shape: Row | None, *, drafter: bool) -> dict[str, Any]:
    if shape is None:
        unset = given.get("precision", "PRECISION_UNSPECIFIED").endswith("UNSPECIFIED")
        precision = "BF16" if unset else given["precision"]
        return {"precision": precision, "acceleratorCount": given.get("acceleratorCount") or 1}
    filled = {k: shape.fields[k] for k in _HARDWARE}
    draft = ("draftModel", "draftTokenCount") if drafter else ()
    asked = given["deploymentShape"]
    version = asked if "/versions/" in asked else catalogue.latest(shape.name)
    drafted = {k: shape.fields[k] for k in draft if k in shape.fields}
    return {**filled, **drafted, "deploymentShape": version}


def _check_addons(fields: Mapping[str, Any], shape: Row | None) -> None:
    if not fields.get("enableAddons"):
        return
    if fields["precision"].startswith(_QUANTIZED):
        problem = "addons cannot be enabled with quantized precisions (FP8/FP4)"
        raise refuse("INVALID_ARGUMENT", problem)
    if shape is not None and not shape.fields["enableAddons"]:
        problem = "invalid deployment: addons are not supported for this model"
        raise refuse("INVALID_ARGUMENT", problem)


def _check_live_merge(
    fields: Mapping[str, Any], model: Row, shape: Row | None, *, drafter: bool
) -> None:
    if model.fields["kind"] != "HF_PEFT_ADDON":
        return
    able = {"yes": True, "no": False, "without-drafter": not drafter}
    if shape is None:
        fits = not fields["precision"].startswith(_QUANTIZED)
    else:
        fits = able[shape.hidden["liveMerge"]]
    if not fits:
        raise _no_live_merge()


def _no_live_merge() -> RefusalError:
    return refuse(
        "INVALID_ARGUMENT",
        "live merge is not supported for this deployment configuration; choose a deployment "
        "shape that supports live merge, or use multi-lora (enable_addons=true)",
    )
