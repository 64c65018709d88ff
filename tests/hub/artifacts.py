"""Artifacts of runs: listed here, downloaded as a zip from a signed URL on another host name."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.hub.paging import page
from tests.hub.pulls import FORK_ID, HOME_ID
from tests.hub.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from tests.hub.hub import Hub


@dataclass
class Artifact:
    id: int
    name: str
    archive: bytes
    head: str
    run: int
    fork: bool
    expired: bool
    created_at: str


def kept(  # noqa: PLR0913 - each says one thing about an artifact
    hub: Hub,
    name: str,
    content: bytes,
    head: str,
    *,
    run: int = 77,
    fork: bool = False,
    expired: bool = False,
    file: str = "",
    archive: bytes | None = None,
) -> Artifact:
    """Keep one; a newer one of the same name and run takes the place of the older."""
    if archive is None:
        archive = zipped({file or f"{name}.json": content})
    hub.artifacts[:] = [a for a in hub.artifacts if (a.name, a.run) != (name, run)]
    made = Artifact(hub.next_id(), name, archive, head, run, fork, expired, hub.now())
    hub.artifacts.append(made)
    return made


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def route(hub: Hub, request: Request, parts: list[str]) -> Reply | None:
    match parts:
        case ["actions", "artifacts"] if request.method == "GET":
            hub.who(request, "actions")
            wanted = request.query.get("name")
            rows = [a for a in hub.artifacts[::-1] if wanted in (None, a.name)]
            total = len(rows)
            shown = [_shown(hub, a) for a in rows]
            return page(hub, request, shown, lambda part: {"total_count": total, "artifacts": part})
        case ["actions", "artifacts", id_, "zip"] if request.method == "GET":
            _must_download(hub, request)
            artifact = _find(hub, id_)
            if artifact.expired:
                raise Refusal(410, "Artifact has expired")
            url = f"{hub.storage}/_signed/{id_}?sig=very-secret"
            return Reply(302, headers={"Location": url}, raw=b"")
        case ["_signed", id_]:
            return _download(hub, request, id_)
        case ["_test", "artifacts"] if request.method == "POST":
            return Reply(201, _uploaded(hub, request))
    return None


def _must_download(hub: Hub, request: Request) -> None:
    """Downloads want a token and its permission even where all can read."""
    hub.who(request, "actions")
    secret = request.headers.get("authorization", "").partition(" ")[2]
    if secret not in hub.tokens:
        raise Refusal(401, "Requires authentication")
    if hub.tokens[secret].permissions.get("actions") not in ("read", "write"):
        raise Refusal(403, "Resource not accessible by integration")


def _download(hub: Hub, request: Request, id_: str) -> Reply:
    # The store refuses a request that is signed and carries credentials too.
    if "authorization" in request.headers:
        raise Refusal(400, "InvalidAuthenticationInfo")
    if request.query.get("sig") != "very-secret":
        raise Refusal(403, "AuthenticationFailed")
    archive = _find(hub, id_).archive
    return Reply(200, headers={"Content-Type": "application/zip"}, raw=archive)


def _find(hub: Hub, id_: str) -> Artifact:
    found = next((a for a in hub.artifacts if str(a.id) == id_), None)
    if found is None:
        raise Refusal(404, "Not Found")
    return found


def _uploaded(hub: Hub, request: Request) -> dict[str, Any]:
    """What stands in for actions/upload-artifact: the body is the file."""
    query = request.query
    home = query.get("head_repository", hub.repository).lower() == hub.repository.lower()
    made = kept(
        hub,
        query["name"],
        request.body,
        query["head_sha"],
        run=int(query.get("run_id", "77")),
        fork=not home,
        file=query.get("file", ""),
    )
    return _shown(hub, made)


def _shown(hub: Hub, artifact: Artifact) -> dict[str, Any]:
    url = f"{hub.url}/repos/{hub.repository}/actions/artifacts/{artifact.id}"
    return {
        "id": artifact.id,
        "name": artifact.name,
        "size_in_bytes": len(artifact.archive),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": artifact.expired,
        "created_at": artifact.created_at,
        "updated_at": artifact.created_at,
        "workflow_run": {
            "id": artifact.run,
            "repository_id": HOME_ID,
            "head_repository_id": FORK_ID if artifact.fork else HOME_ID,
            "head_branch": "change",
            "head_sha": artifact.head,
        },
    }
