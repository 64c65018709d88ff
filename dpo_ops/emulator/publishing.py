"""The model of a completed job: what it is, and where its files are."""

import json
from collections.abc import Mapping
from typing import Any, Final

from . import catalogue, models
from .clock import nanoseconds
from .store import Row
from .world import OK, World

_CONFIG: Final = "adapter_config.json"
_WEIGHTS: Final = ("adapter_model.bin", "adapter_model.safetensors")


def publish(world: World, job: Row, at: float) -> bool:
    """Add the model of a completed job; false if its name is taken."""
    training = job.fields["trainingConfig"]
    name = training["outputModel"]
    if world.store.get(name) is not None:
        return False
    instant = nanoseconds(at)
    fields = {
        "createTime": instant,
        "updateTime": instant,
        "status": dict(OK),
        "state": "READY",
        "fineTuningJob": job.name,
        **_weights(world, training, _config(world, job)),
    }
    world.store.put(Row(name, "models", fields, _hidden(world, job)))
    return True


def _config(world: World, job: Row) -> dict[str, Any]:
    """What the files of a job's adapter say of it; nothing where no model was trained."""
    try:
        config = json.loads((world.store.folder / folder(job) / _CONFIG).read_bytes())
    except FileNotFoundError:
        return {}
    found = {"r": config.get("r"), "targetModules": config.get("target_modules")}
    return {k: v for k, v in found.items() if v}


def folder(job: Row) -> str:
    """Return the name of the folder that a job's adapter goes into, in the store's."""
    return f"adapter-{job.id}"


def _weights(
    world: World, training: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """What the trained model is: an addon, or a model of its own for rank 0.

    `config` is what the adapter itself says; it goes before what was ordered.
    """
    origin = models.find(world, training.get("baseModel") or training["warmStartFrom"])
    before = origin.fields if origin else {}
    context = {"contextLength": training.get("maxContextLength") or before.get("contextLength", 0)}
    rank = config.get("r") or training.get("loraRank") or before.get("peftDetails", {}).get("r")
    if not rank:
        details = before.get("baseModelDetails", {})
        return {"kind": "HF_BASE_MODEL", "baseModelDetails": details, **context}
    peft = {
        "baseModel": models.base_of(world, origin.name) if origin else "",
        "r": rank,
        "targetModules": training.get("loraTargetModules") or list(catalogue.ADDON_MODULES),
        **config,
    }
    return {"kind": "HF_PEFT_ADDON", "peftDetails": peft, **context}


def _hidden(world: World, job: Row) -> dict[str, Any]:
    training = job.fields["trainingConfig"]
    root = models.root_of(world, training.get("baseModel") or training["warmStartFrom"])
    into = folder(job)
    there = (world.store.folder / into / name for name in (_CONFIG, *_WEIGHTS))
    files = {
        path.name: {"size": path.stat().st_size, "blob": f"{into}/{path.name}"}
        for path in there
        if path.is_file()
    }
    return {"files": files, "adapter": into, "root": root}
