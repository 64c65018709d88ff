"""Deployments and their states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.hub.paging import page
from tests.hub.wire import Refusal, Reply, Request, invalid

if TYPE_CHECKING:
    from tests.hub.hub import Hub

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
LONGEST = 140


def route(hub: Hub, request: Request, parts: list[str]) -> Reply | None:
    match parts:
        case ["deployments"]:
            login = hub.who(request, "deployments", write=request.method != "GET")
            if request.method == "POST":
                return Reply(201, _made(hub, request.json(), login))
            return _list(hub, request)
        case ["deployments", id_, "statuses"] if id_.isdigit():
            login = hub.who(request, "deployments", write=request.method != "GET")
            if int(id_) not in hub.statuses:
                raise Refusal(404, "Not Found")
            if request.method == "POST":
                return Reply(201, _said(hub, int(id_), request.json(), login))
            return page(hub, request, hub.statuses[int(id_)][::-1])
    return None


def _list(hub: Hub, request: Request) -> Reply:
    asked = {n: v for n, v in request.query.items() if n in ("sha", "ref", "task", "environment")}
    rows = [d for d in hub.deployments[::-1] if all(d[n] == v for n, v in asked.items())]
    return page(hub, request, rows)


def _made(hub: Hub, wanted: dict[str, Any], login: str) -> dict[str, Any]:
    if not wanted.get("ref"):
        raise invalid("Deployment", "ref", "missing_field")
    # Without this, GitHub wants every check of the commit to have passed: this one still runs.
    if wanted.get("required_contexts") != []:
        raise Refusal(409, "Conflict: Commit status checks failed for the ref")
    id_ = hub.next_id()
    made = {
        "id": id_,
        "url": f"{hub.url}/repos/{hub.repository}/deployments/{id_}",
        "sha": wanted["ref"],
        "ref": wanted["ref"],
        "task": wanted.get("task", "deploy"),
        "environment": wanted.get("environment", "production"),
        "payload": wanted.get("payload", {}),
        "description": wanted.get("description"),
        "creator": hub.user(login),
        "created_at": hub.now(),
    }
    hub.deployments.append(made)
    hub.statuses[id_] = []
    return made


def _said(hub: Hub, id_: int, wanted: dict[str, Any], login: str) -> dict[str, Any]:
    if wanted.get("state") not in STATES:
        raise invalid("DeploymentStatus", "state", "invalid")
    if len(wanted.get("description") or "") > LONGEST:
        text = "description is too long (maximum is 140 characters)"
        raise invalid("DeploymentStatus", "description", "custom", text)
    if wanted["state"] == "success" and wanted.get("auto_inactive", True):
        _retire(hub, id_)
    status = {
        "id": hub.next_id(),
        "state": wanted["state"],
        "creator": hub.user(login),
        "description": wanted.get("description", ""),
        "environment_url": wanted.get("environment_url", ""),
        "log_url": wanted.get("log_url", ""),
        "created_at": hub.now(),
    }
    hub.statuses[id_].append(status)
    return status


def _retire(hub: Hub, id_: int) -> None:
    """The older deployments of the environment are over once a newer one has succeeded."""
    place = next(d["environment"] for d in hub.deployments if d["id"] == id_)
    for other in hub.deployments:
        states = hub.statuses[other["id"]]
        if other["id"] != id_ and other["environment"] == place and states:
            states.append({**states[-1], "id": hub.next_id(), "state": "inactive"})
