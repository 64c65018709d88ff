"""The variables and the event file of a run, as GitHub's runner has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.hub.pulls import HOME_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.hub import Hub


def environ(  # noqa: PLR0913 - each says one thing about a run
    hub: Hub,
    folder: Path,
    event: str,
    *,
    commit: str,
    pull: int | None,
    token: str | None,
    run: int,
) -> dict[str, str]:
    commit = commit or "c" * 40
    file = folder / "event.json"
    file.write_text(json.dumps(payload(hub, event, commit, pull)), encoding="utf-8")
    variables = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": hub.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": hub.repository,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_SHA": commit,
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_RUN_ID": str(run),
        "GITHUB_RUN_NUMBER": str(run % 1000),
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_TOKEN": hub.token if token is None else token,
    }
    if pull is not None:
        variables["GITHUB_REF_NAME"] = f"{pull}/merge"
        variables["GITHUB_HEAD_REF"] = hub.pulls[pull]["head"]["ref"]
        variables["GITHUB_BASE_REF"] = hub.pulls[pull]["base"]["ref"]
    return variables


def payload(hub: Hub, event: str, commit: str, pull: int | None) -> dict[str, Any]:
    """The event's JSON, with the parts that anybody here reads."""
    told: dict[str, Any] = {
        "repository": {
            "id": HOME_ID,
            "full_name": hub.repository,
            "private": hub.private,
            "visibility": "private" if hub.private else "public",
        },
        "sender": hub.user("ada"),
    }
    if pull is not None:
        told |= {"action": "synchronize", "number": pull, "pull_request": hub.pulls[pull]}
    elif event == "push":
        told |= {"ref": "refs/heads/main", "after": commit}
    elif event == "merge_group":
        group = {"head_sha": commit, "base_sha": "b" * 40, "base_ref": "refs/heads/main"}
        told |= {"action": "checks_requested", "merge_group": group}
    elif event == "schedule":
        told |= {"schedule": "*/20 * * * *"}
    return told
