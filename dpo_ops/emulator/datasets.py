"""Datasets: create, upload (in one call or by signed URLs), read, split, delete.

The object's own lifecycle is UPLOADING, then READY; rows are not looked at here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import storage
from .listing import list_rows, show
from .store import Row
from .wire import Response, refuse, reply
from .world import Call, World, check_id, check_new, check_text, shown

_READY_AFTER: Final = 1.0
_LEAST_CHUNK: Final = 200
_BYTES_A_TOKEN: Final = 4
# An origin that brings its own rows; all others are uploaded, and need exampleCount.
_ORIGINS: Final = ("externalUrl", "evaluationResult", "transformed", "splitted", "evalProtocol")


def create(call: Call) -> Response:
    """`POST /datasets`."""
    body = call.message("CreateDatasetBody")
    if "dataset" not in body:
        raise refuse("INVALID_ARGUMENT", "dataset is required")
    name = f"{call.parent}/datasets/{check_id(body.get('datasetId', ''), 'dataset_id')}"
    fields = body["dataset"]
    check_text(fields)
    external = any(fields.get(o) is not None for o in _ORIGINS)
    if not external and fields.get("exampleCount", 0) <= 0:
        problem = "error validating dataset: example_count is required for uploaded datasets"
        raise refuse("INVALID_ARGUMENT", problem)
    check_new(call.world, name)
    row = Row(name, "datasets", _fields(call.world, fields), {"files": {}})
    row.due = call.world.now + _READY_AFTER if external else None
    call.store.write(row)
    return shown("Dataset", row, precise=True)


def list_all(call: Call) -> Response:
    """`GET /datasets`."""
    rows = call.store.rows("datasets", f"{call.parent}/")
    return list_rows("Dataset", "datasets", rows, call.request.query)


def get(call: Call) -> Response:
    """`GET /datasets/{id}`."""
    return show(call, "Dataset", _mine(call))


def patch(call: Call) -> Response:
    """`PATCH /datasets/{id}`: what the body has replaces what there is."""
    row = _mine(call)
    fields = call.message("Dataset")
    check_text(fields)
    row.fields = {**row.fields, **fields, "updateTime": call.world.instant}
    call.store.write(row)
    return shown("Dataset", row)


def delete(call: Call) -> Response:
    """`DELETE /datasets/{id}`. Whether a running job forbids it is undocumented; here none does."""
    row = _mine(call)
    storage.forget(call.world, row.hidden["files"])
    call.store.erase(row)
    return reply({})


def upload(call: Call) -> Response:
    """`POST /datasets/{id}:upload`. A second upload replaces the first (undocumented)."""
    row = _mine(call)
    if call.upload is None:
        raise refuse("INVALID_ARGUMENT", "the multipart field 'file' is required")
    filename = storage.check_filename(call.upload.filename or "data.jsonl")
    if call.upload.size == 0:
        raise refuse("INVALID_ARGUMENT", f"file {filename!r} is empty")
    storage.forget(call.world, row.hidden["files"])
    blob = storage.keep(call.world, call.upload)
    row.hidden["files"] = {filename: {"size": call.upload.size, "blob": blob}}
    _receive(call.world, row)
    return reply(
        {
            "id": row.name,
            "object": "file",
            "bytes": call.upload.size,
            "created_at": int(call.world.now),
            "filename": filename,
            "purpose": "dataset",
        }
    )


def upload_endpoint(call: Call) -> Response:
    """`POST /datasets/{id}:getUploadEndpoint`: each call replaces the registered files."""
    row = _mine(call)
    body = call.message("GetDatasetUploadEndpointBody")
    sizes = storage.check_sizes(body.get("filenameToSize", {}))
    row.hidden["files"] = {f: {"size": s, "blob": None} for f, s in sizes.items()}
    call.store.write(row)
    return reply({"filenameToSignedUrls": storage.sign_uploads(call, row.name, sizes)})


def validate_upload(call: Call) -> Response:
    """`POST /datasets/{id}:validateUpload`: all registered files must have arrived."""
    call.message("ValidateDatasetUploadBody")
    row = _mine(call)
    files = row.hidden["files"]
    missing = sorted(f for f, file in files.items() if not file["blob"])
    if missing or not files:
        problem = f"files are not uploaded: {', '.join(missing) or 'none was registered'}"
        raise refuse("FAILED_PRECONDITION", problem)
    if row.fields["state"] != "READY":
        _receive(call.world, row)
    return reply({})


def download_endpoint(call: Call) -> Response:
    """`GET /datasets/{id}:getDownloadEndpoint`; a body is refused."""
    if call.request.content():
        raise refuse("INVALID_ARGUMENT", "a GET request takes no body")
    row = _mine(call)
    urls = storage.sign_downloads(call, row.hidden["files"], f"dataset/{row.id}")
    return reply({"filenameToSignedUrls": urls})


def split(call: Call) -> Response:
    """`POST /datasets/{id}:splitDataset`: chunks of `chunkSize` rows, named `<id>-chunk-<n>`.

    The names of the chunks are this emulator's choice.
    """
    row = _mine(call)
    size = call.message("SplitDatasetBody").get("chunkSize", 0)
    if size < _LEAST_CHUNK:
        raise refuse("INVALID_ARGUMENT", f"chunk_size must be at least {_LEAST_CHUNK}")
    if row.fields["state"] != "READY":
        raise refuse("FAILED_PRECONDITION", f"dataset {row.id} is not READY")
    files = paths(call.world, row).values()
    lines = [line for path in files for line in path.read_bytes().splitlines(keepends=True)]
    chunks = [lines[n : n + size] for n in range(0, len(lines), size)]
    names = [_chunk(call.world, row, n, chunk) for n, chunk in enumerate(chunks)]
    answer = {
        "chunkDatasetNames": names,
        "chunksCreated": len(names),
        "totalExamples": str(len(lines)),
    }
    return reply(answer)


def paths(world: World, row: Row) -> dict[str, Path]:
    """Return where a dataset's files lie, by file name."""
    files: Mapping[str, Mapping[str, Any]] = row.hidden["files"]
    return {f: world.store.folder / file["blob"] for f, file in files.items() if file["blob"]}


def settle(world: World, row: Row, at: float) -> None:  # noqa: ARG001 - every kind's shape
    """Make an uploaded dataset READY and count its tokens, four bytes to one."""
    size = sum(f["size"] for f in row.hidden["files"].values())
    row.fields |= {"state": "READY", "estimatedTokenCount": size // _BYTES_A_TOKEN}
    row.due = None
    world.store.put(row)


def _mine(call: Call) -> Row:
    return call.world.mine(call.store.get(call.name("datasets")))


def _fields(world: World, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **fields,
        **world.moment(),
        "createdBy": world.author,
        "state": "UPLOADING",
        "encryptionState": "ENCRYPTION_STATE_PLAINTEXT",
    }


def _receive(world: World, row: Row) -> None:
    row.fields |= {"state": "UPLOADING", "updateTime": world.instant}
    row.due = world.now + _READY_AFTER
    world.store.write(row)


def _chunk(world: World, row: Row, number: int, lines: list[bytes]) -> str:
    name = f"{row.name}-chunk-{number}"
    check_new(world, name)
    blob = world.store.fresh("blob")
    data = b"".join(lines)
    (world.store.folder / blob).write_bytes(data)
    fields = {"exampleCount": len(lines), "splitted": {"sourceDatasetId": row.id}}
    files = {"chunk.jsonl": {"size": len(data), "blob": blob}}
    chunk = Row(name, "datasets", _fields(world, fields), {"files": files})
    chunk.due = world.now + _READY_AFTER
    world.store.write(chunk)
    return name
