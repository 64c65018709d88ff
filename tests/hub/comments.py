"""Comments on pull requests and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.hub.paging import page
from tests.hub.wire import Refusal, Reply, Request, body_of

if TYPE_CHECKING:
    from tests.hub.hub import Hub


def said(hub: Hub, number: int, body: str, login: str) -> dict[str, Any]:
    id_, now = hub.next_id(), hub.now()
    api = f"{hub.url}/repos/{hub.repository}/issues"
    kind = "pull" if number in hub.pulls else "issues"
    comment = {
        "id": id_,
        "url": f"{api}/comments/{id_}",
        "html_url": f"https://github.com/{hub.repository}/{kind}/{number}#issuecomment-{id_}",
        "issue_url": f"{api}/{number}",
        "user": hub.user(login),
        "created_at": now,
        "updated_at": now,
        "author_association": "NONE",
        "body": body,
        "performed_via_github_app": None,
    }
    hub.comments.append(comment)
    return comment


def route(hub: Hub, request: Request, parts: list[str]) -> Reply | None:
    match parts:
        case ["issues", "comments", id_] if id_.isdigit():
            return _one(hub, request, int(id_))
        case ["issues", number, "comments"] if number.isdigit():
            return _on(hub, request, int(number))
    return None


def _on(hub: Hub, request: Request, number: int) -> Reply:
    # On a pull request either permission will do.
    scopes = ("issues", "pull-requests") if number in hub.pulls else ("issues",)
    login = hub.who(request, *scopes, write=request.method != "GET")
    if number not in hub.pulls and all(i["number"] != number for i in hub.issues):
        raise Refusal(404, "Not Found")
    if request.method == "POST":
        return Reply(201, said(hub, number, body_of(request, "IssueComment")["body"], login))
    end = f"/issues/{number}"
    since = request.query.get("since", "")
    rows = [c for c in hub.comments if c["issue_url"].endswith(end) and c["updated_at"] >= since]
    return page(hub, request, rows)


def _one(hub: Hub, request: Request, id_: int) -> Reply:
    login = hub.who(request, "issues", "pull-requests", write=request.method != "GET")
    comment = next((c for c in hub.comments if c["id"] == id_), None)
    if comment is None:
        raise Refusal(404, "Not Found")
    if request.method == "PATCH":
        if comment["user"]["login"] != login:
            raise Refusal(403, "Resource not accessible by integration")
        comment["body"] = body_of(request, "IssueComment")["body"]
        comment["updated_at"] = hub.now()
    elif request.method == "DELETE":
        hub.comments.remove(comment)
        return Reply(204, raw=b"")
    return Reply(200, comment)
