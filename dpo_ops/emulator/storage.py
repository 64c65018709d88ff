"""Signed URLs: short-lived grants to put or get one file, answered by the emulator itself.

They play the storage bucket: no API key is asked for, and what was signed must be sent
exactly as it was signed. Refusals are the bucket's XML, not the gateway's JSON.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from .wire import RefusalError, Response, refuse
from .world import Call, Upload, World

PREFIX: Final = "/_storage/"
UPLOAD_LIFE: Final = 3600.0
DOWNLOAD_LIFE: Final = 599.0
_CHUNK: Final = 1 << 16


def sign(call: Call, grant: Mapping[str, Any], filename: str, life: float) -> str:
    """Return a URL that grants `grant` for `life` emulated seconds."""
    world = call.world
    token = world.store.fresh("url")[:40]
    world.store.add_token(token, {**grant, "expires": world.now + life})
    return f"{call.request.root}{PREFIX}{token}/{quote(filename)}"


def sign_uploads(call: Call, name: str, sizes: Mapping[str, int]) -> dict[str, str]:
    """Return a URL for each file that a resource is about to receive."""
    return {
        filename: sign(
            call, {"put": name, "filename": filename, "size": size}, filename, UPLOAD_LIFE
        )
        for filename, size in sizes.items()
    }


def sign_downloads(
    call: Call, files: Mapping[str, Mapping[str, Any]], prefix: str
) -> dict[str, str]:
    """Return a URL for each stored file, keyed `<prefix>/<filename>`."""
    return {
        f"{prefix}/{filename}": sign(call, {"get": file["blob"]}, filename, DOWNLOAD_LIFE)
        for filename, file in files.items()
        if file.get("blob")
    }


def check_sizes(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return file sizes in bytes, or refuse with 400 no files, bad names or empty files."""
    if not sizes:
        raise refuse("INVALID_ARGUMENT", "filename_to_size is required")
    for filename, size in sizes.items():
        check_filename(filename)
        if size <= 0:
            raise refuse("INVALID_ARGUMENT", f"file {filename!r} is empty")
    return dict(sizes)


def check_filename(filename: str) -> str:
    """Return a plain file name, or refuse with 400 one that is a path."""
    if not filename or filename in {".", ".."} or {"/", "\\", "\0"} & set(filename):
        raise refuse("INVALID_ARGUMENT", f"invalid filename {filename!r}")
    return filename


def put(call: Call) -> Response:
    """Answer a PUT to a signed URL; the body lies in `call.upload` already."""
    grant = _grant(call.world, call.ids[0], "put")
    headers, size = call.request.headers, grant["size"]
    if headers.get("content-type") != "application/octet-stream":
        raise _denied(403, "SignatureDoesNotMatch", "Content-Type is part of the signature")
    if headers.get("x-goog-content-length-range") != f"{size},{size}":
        signed = "x-goog-content-length-range is part of the signature"
        raise _denied(403, "SignatureDoesNotMatch", signed)
    upload = call.upload or Upload(Path(), 0)
    if upload.size != size:
        code = "EntityTooLarge" if upload.size > size else "EntityTooSmall"
        raise _denied(400, code, f"want {size} bytes, got {upload.size}")
    _receive(call.world, grant, upload)
    return Response(200, {"content-type": "text/html; charset=UTF-8"})


def get(call: Call) -> Response:
    """Answer a GET of a signed URL with the file, or with a job's metrics as they stand."""
    grant = _grant(call.world, call.ids[0], "get")
    headers = {"content-type": "application/octet-stream"}
    if "text" in grant:
        return Response(200, headers, str(grant["text"]).encode())
    path = call.store.folder / grant["get"]
    if not path.is_file():
        raise _denied(404, "NoSuchKey", "The specified key does not exist.")
    return Response(200, {**headers, "content-length": str(path.stat().st_size)}, _read(path))


def keep(world: World, upload: Upload) -> str:
    """Move a received file to its place and return its key in the store's folder."""
    key = world.store.fresh("blob")
    upload.path.replace(world.store.folder / key)
    return key


def forget(world: World, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Delete stored files."""
    for file in files.values():
        if file.get("blob"):
            (world.store.folder / file["blob"]).unlink(missing_ok=True)


def _receive(world: World, grant: Mapping[str, Any], upload: Upload) -> None:
    """Note a file on the resource it was registered for, if it still is."""
    row = world.store.get(grant["put"])
    file = row.hidden.get("files", {}).get(grant["filename"]) if row else None
    if row is None or file is None or file["size"] != upload.size:
        return
    file["blob"] = keep(world, upload)
    world.store.write(row)


def _grant(world: World, token: str, right: str) -> dict[str, Any]:
    grant = world.store.token(token)
    if grant is None or (right not in grant and not (right == "get" and "text" in grant)):
        raise _denied(403, "SignatureDoesNotMatch", "The URL was not signed for this.")
    if grant["expires"] < world.now:
        raise _denied(400, "ExpiredToken", "The provided token has expired.")
    return grant


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _denied(status: int, code: str, message: str) -> RefusalError:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<?xml version='1.0' encoding='UTF-8'?>{error}".encode()
    return RefusalError(Response(status, {"content-type": "application/xml"}, body))
