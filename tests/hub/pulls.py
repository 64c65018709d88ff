"""Pull requests, and which of them a commit came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.hub.paging import page
from tests.hub.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from tests.hub.hub import Hub

HOME_ID, FORK_ID = 101, 202


def opened(
    hub: Hub, number: int, head: str, base: str, *, fork: bool, login: str
) -> dict[str, Any]:
    now = hub.now()
    pull = {
        "id": hub.next_id(),
        "number": number,
        "url": f"{hub.url}/repos/{hub.repository}/pulls/{number}",
        "html_url": f"https://github.com/{hub.repository}/pull/{number}",
        "state": "open",
        "title": f"Change {number}",
        "body": None,
        "user": hub.user(login),
        "labels": [],
        "draft": False,
        "merged_at": None,
        # While it is open, the commit of a merge that GitHub tries.
        "merge_commit_sha": _tried(head),
        "head": _side(hub, f"change-{number}", head, fork=fork),
        "base": _side(hub, "main", base, fork=False),
        "created_at": now,
        "updated_at": now,
    }
    hub.pulls[number] = pull
    hub.commits[number] = [head]
    return pull


def pushed(hub: Hub, number: int, head: str) -> None:
    pull = hub.pulls[number]
    pull["head"]["sha"], pull["merge_commit_sha"] = head, _tried(head)
    pull["updated_at"] = hub.now()
    hub.commits[number].append(head)


def merged(hub: Hub, number: int, commits: list[str]) -> None:
    pull = hub.pulls[number]
    pull["state"], pull["merged_at"] = "closed", hub.now()
    pull["merge_commit_sha"] = commits[-1]
    hub.commits[number] += commits


def route(hub: Hub, request: Request, parts: list[str]) -> Reply | None:
    match parts:
        case ["pulls", number] if number.isdigit() and request.method == "GET":
            hub.who(request, "pull-requests")
            pull = hub.pulls.get(int(number))
            if pull is None:
                raise Refusal(404, "Not Found")
            # Only the answer about one pull request says `merged`.
            return Reply(200, {**pull, "merged": pull["merged_at"] is not None})
        case ["commits", commit, "pulls"] if request.method == "GET":
            hub.who(request, "pull-requests")
            rows = [p for n, p in hub.pulls.items() if commit in hub.commits[n]]
            return page(hub, request, rows)
    return None


def _side(hub: Hub, ref: str, commit: str, *, fork: bool) -> dict[str, Any]:
    owner, name = hub.repository.split("/")
    if fork:
        owner = f"{owner}-fork"
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": commit,
        "user": hub.user(owner),
        "repo": {
            "id": FORK_ID if fork else HOME_ID,
            "name": name,
            "full_name": f"{owner}/{name}",
            "private": hub.private,
            "fork": fork,
            "visibility": "private" if hub.private else "public",
        },
    }


def _tried(head: str) -> str:
    return head[::-1]
