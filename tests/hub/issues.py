"""Issues; GitHub's list of them holds the pull requests too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.hub.paging import page
from tests.hub.wire import Refusal, Reply, Request, body_of, invalid

if TYPE_CHECKING:
    from tests.hub.hub import Hub


def opened(hub: Hub, wanted: dict[str, Any], login: str) -> dict[str, Any]:
    if not str(wanted.get("title") or "").strip():
        raise invalid("Issue", "title", "missing_field")
    number, now = hub.next_number(), hub.now()
    issue = {
        "id": hub.next_id(),
        "number": number,
        "url": f"{hub.url}/repos/{hub.repository}/issues/{number}",
        "html_url": f"https://github.com/{hub.repository}/issues/{number}",
        "user": hub.user(login),
        "state": "open",
        "state_reason": None,
        "title": wanted["title"],
        "body": wanted.get("body"),
        "labels": [_label(name) for name in wanted.get("labels") or []],
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
    }
    hub.issues.append(issue)
    return issue


def route(hub: Hub, request: Request, parts: list[str]) -> Reply | None:
    match parts:
        case ["issues"]:
            login = hub.who(request, "issues", write=request.method != "GET")
            if request.method == "POST":
                return Reply(201, opened(hub, body_of(request, "Issue", needed=False), login))
            return _list(hub, request)
        case ["issues", number] if number.isdigit():
            hub.who(request, "issues", write=request.method != "GET")
            issue = next((i for i in hub.issues if i["number"] == int(number)), None)
            if issue is None:
                raise Refusal(404, "Not Found")
            return Reply(200, _edited(hub, request, issue) if request.method == "PATCH" else issue)
    return None


def _edited(hub: Hub, request: Request, issue: dict[str, Any]) -> dict[str, Any]:
    wanted = body_of(request, "Issue", needed=False)
    state = wanted.get("state", issue["state"])
    if state not in ("open", "closed"):
        raise invalid("Issue", "state", "invalid")
    if state != issue["state"]:
        issue["closed_at"] = hub.now() if state == "closed" else None
        issue["state_reason"] = "completed" if state == "closed" else "reopened"
    for name in ("title", "body", "state", "state_reason"):
        issue[name] = wanted.get(name, issue[name])
    if "labels" in wanted:
        issue["labels"] = [_label(n) for n in wanted["labels"]]
    issue["updated_at"] = hub.now()
    return issue


def _list(hub: Hub, request: Request) -> Reply:
    query = request.query
    labels = {name.lower() for name in query.get("labels", "").split(",") if name}
    state = query.get("state", "open")
    rows = [
        i
        for i in [*hub.issues, *map(_of_pull, hub.pulls.values())]
        if labels <= {label["name"].lower() for label in i["labels"]}
        and state in ("all", i["state"])
        and query.get("creator", i["user"]["login"]) == i["user"]["login"]
    ]
    newest_first = query.get("direction", "desc") == "desc"
    rows.sort(key=lambda i: (i["created_at"], i["number"]), reverse=newest_first)
    return page(hub, request, rows)


def _of_pull(pull: dict[str, Any]) -> dict[str, Any]:
    names = ("number", "html_url", "user", "state", "title", "body", "labels", "created_at")
    return {**{n: pull[n] for n in names}, "pull_request": {"url": pull["url"]}}


def _label(name: str) -> dict[str, Any]:
    return {"id": sum(name.encode()), "name": name, "color": "ededed", "default": False}
