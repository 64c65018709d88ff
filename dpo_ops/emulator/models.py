"""Models: the public catalogue and uploaded adapters; what jobs publish is among them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import catalogue, storage
from .listing import list_rows, show
from .store import Row
from .wire import Response, refuse, reply
from .world import PUBLIC, Call, World, check_id, check_new, check_text, shown

_DESCRIPTION_LIMIT: Final = 1000
_RANKS: Final = range(4, 65)
_MODULES: Final = frozenset(catalogue.ADDON_MODULES) | {
    "w1", "w2", "w3", "block_sparse_moe.gate"
}  # fmt: skip
_WEIGHTS: Final = frozenset({"adapter_model.safetensors", "adapter_model.bin"})


def create(call: Call) -> Response:
    """`POST /models`: the record of a model whose files follow."""
    body = call.message("CreateModelBody")
    name = f"{call.parent}/models/{check_id(body.get('modelId', ''), 'model_id')}"
    fields = body.get("model", {})
    check_text(fields, description=_DESCRIPTION_LIMIT)
    kind = fields.get("kind", "KIND_UNSPECIFIED")
    kind = "HF_PEFT_ADDON" if kind == "KIND_UNSPECIFIED" else kind
    if kind == "HF_PEFT_ADDON":
        _check_peft(call.world, fields.get("peftDetails"))
    check_new(call.world, name)
    moment = call.world.moment()
    row = Row(name, "models", {**fields, **moment, "kind": kind, "state": "UPLOADING"})
    row.hidden["files"] = {}
    call.store.write(row)
    return shown("Model", row, precise=True)


def list_all(call: Call) -> Response:
    """`GET /models`, of the caller's account or of the public one. No `deployedModelRefs` here."""
    rows = list(catalogue.models().values())
    if call.ids[0] != PUBLIC:
        rows = call.store.rows("models", f"{call.parent}/")
    return list_rows("Model", "models", rows, call.request.query)


def get(call: Call) -> Response:
    """`GET /models/{id}`, with the deployments that serve the model."""
    row = call.world.mine(find(call.world, call.name("models")))
    return show(call, "Model", Row(row.name, row.collection, {**row.fields, **_refs(call, row)}))


def patch(call: Call) -> Response:
    """`PATCH /models/{id}`: what the body has replaces what there is."""
    row = _mine(call)
    fields = call.message("Model")
    check_text(fields, description=_DESCRIPTION_LIMIT)
    row.fields = {**row.fields, **fields, "updateTime": call.world.instant}
    call.store.write(row)
    return shown("Model", row)


def delete(call: Call) -> Response:
    """`DELETE /models/{id}`.

    What becomes of a model that is deployed is undocumented; it is refused here, so that
    callers take the safe order: unload, delete deployments, delete the model.
    """
    row = _mine(call)
    users = [d for d in call.store.rows("deployments") if d.fields.get("baseModel") == row.name]
    serving = any(d.fields["state"] != "DELETED" for d in users)
    if serving or _refs(call, row)["deployedModelRefs"]:
        raise refuse("FAILED_PRECONDITION", f"model {row.id} is deployed")
    storage.forget(call.world, row.hidden.get("files", {}))
    call.store.erase(row)
    return reply({})


def upload_endpoint(call: Call) -> Response:
    """`POST /models/{id}:getUploadEndpoint`."""
    row = _mine(call)
    body = call.message("GetModelUploadEndpointBody")
    sizes = storage.check_sizes(body.get("filenameToSize", {}))
    row.hidden["files"] = {f: {"size": s, "blob": None} for f, s in sizes.items()}
    call.store.write(row)
    urls = storage.sign_uploads(call, row.name, sizes)
    return reply({"filenameToSignedUrls": urls, "filenameToUnsignedUris": {}})


def validate_upload(call: Call) -> Response:
    """`GET /models/{id}:validateUpload`: checks the files that landed and makes the model READY."""
    row = _mine(call)
    files = row.hidden.get("files", {})
    missing = sorted(f for f, file in files.items() if not file["blob"])
    if missing or not files:
        problem = f"files are not uploaded: {', '.join(missing) or 'none was registered'}"
        raise refuse("FAILED_PRECONDITION", problem)
    if row.fields["kind"] == "HF_PEFT_ADDON" and not call.flag("skipHfConfigValidation"):
        _check_adapter(call.world, files)
    row.fields |= {"state": "READY", "updateTime": call.world.instant}
    call.store.write(row)
    return reply({"warnings": []})


def download_endpoint(call: Call) -> Response:
    """`GET /models/{id}:getDownloadEndpoint`."""
    row = _mine(call)
    urls = storage.sign_downloads(call, row.hidden.get("files", {}), f"model/{row.id}")
    return reply({"filenameToSignedUrls": urls})


def prepare(call: Call) -> Response:
    """`POST /models/{id}:prepare`: nothing to prepare here."""
    call.message("PrepareModelBody")
    call.world.mine(find(call.world, call.name("models")))
    return reply({})


def find(world: World, name: str) -> Row | None:
    """Return a model by full name, from the public catalogue or from the store."""
    return catalogue.models().get(name) or (world.store.get(name) if "/models/" in name else None)


def base_of(world: World, name: str) -> str:
    """Return the base model under an addon; a base model is its own."""
    row = find(world, name)
    details = (row.fields.get("peftDetails") if row else None) or {}
    return str(details.get("baseModel") or name)


def root_of(world: World, name: str) -> str:
    """Return the base model that a model descends from, by addon or by full training."""
    row = find(world, name)
    return str(row.hidden.get("root") if row and "root" in row.hidden else base_of(world, name))


def folder(world: World, row: Row) -> Path | None:
    """Return the folder with an addon's files; None for a base model.

    A model that a job made keeps them where the engine left them; those of an uploaded
    one are linked together under their own names.
    """
    if row.fields["kind"] != "HF_PEFT_ADDON":
        return None
    if "adapter" in row.hidden:
        return world.store.folder / str(row.hidden["adapter"])
    target = world.store.folder / f"model-{row.id}"
    target.mkdir(exist_ok=True)
    for filename, file in row.hidden.get("files", {}).items():
        link, blob = target / filename, world.store.folder / (file["blob"] or "")
        if blob.is_file() and not (link.exists() and link.samefile(blob)):
            link.unlink(missing_ok=True)
            link.hardlink_to(blob)
    return target


def _mine(call: Call) -> Row:
    return call.world.mine(call.store.get(call.name("models")))


def _refs(call: Call, row: Row) -> dict[str, list[dict[str, Any]]]:
    loaded = [d for d in call.store.rows("deployedModels") if d.fields["model"] == row.name]
    kept = ("deployment", "state", "default", "public")
    refs = [{"name": d.name, **{k: d.fields.get(k) for k in kept}} for d in loaded]
    return {"deployedModelRefs": refs}


def _check_peft(world: World, details: Mapping[str, Any] | None) -> None:
    details = details or {}
    missing = [f for f in ("baseModel", "r", "targetModules") if not details.get(f)]
    if missing:
        raise refuse("INVALID_ARGUMENT", f"peft_details.{missing[0]} is required")
    if details["r"] not in _RANKS:
        raise refuse("INVALID_ARGUMENT", "peft_details.r must be between 4 and 64")
    if find(world, details["baseModel"]) is None:
        raise refuse("NOT_FOUND", f"model {details['baseModel']!r} not found")


def _check_adapter(world: World, files: Mapping[str, Mapping[str, Any]]) -> None:
    if "adapter_config.json" not in files or not _WEIGHTS & set(files):
        need = "adapter_config.json and adapter_model.safetensors (or .bin) are required"
        raise refuse("INVALID_ARGUMENT", need)
    path = world.store.folder / files["adapter_config.json"]["blob"]
    try:
        config = json.loads(path.read_bytes())
        rank, modules = config["r"], set(config["target_modules"])
    except (ValueError, KeyError, TypeError) as error:
        raise refuse("INVALID_ARGUMENT", f"invalid adapter_config.json: {error!r}") from error
    if rank not in _RANKS or not modules <= _MODULES:
        problem = "adapter_config.json: r must be 4-64 and target_modules linear layers"
        raise refuse("INVALID_ARGUMENT", problem)
