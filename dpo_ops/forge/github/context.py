"""What a run in GitHub Actions is about, from its variables and the file of its event."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge import environ as read
from dpo_ops.forge.contract import Pull, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER: Final = "https://github.com"
REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,99}/[\w.-]{1,100}", re.ASCII)
_ID = re.compile(r"[0-9]{1,20}")
_EVENT = re.compile(r"[a-z_]{1,60}")
_NUMBER_LIMIT: Final = 2**53
"""Above this, JSON readers disagree about integers; GitHub's ids stay far below."""


def run_of(environ: Mapping[str, str]) -> Run | None:
    """Return what this run is about, or None outside GitHub Actions.

    `branch` is the branch that a pull request or a merge group goes to, else the run's own. From
    the event only ids and commits are taken, never text.

    Errors: DpoOpsError where a variable or the event file is missing or unusable, and under
    `pull_request_target`, which lends a fork's code this repository's secrets.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    name = read.wanted(environ, "GITHUB_EVENT_NAME", _EVENT)
    if name == "pull_request_target":
        raise DpoOpsError(
            "this event is refused",
            where="pull_request_target",
            why="it runs with this repository's secrets on what anybody may have written",
            fix="let the workflow run `on: pull_request`; a fork gets an offline plan there",
        )
    repository = read.wanted(environ, "GITHUB_REPOSITORY", REPOSITORY)
    server = read.url(environ, "GITHUB_SERVER_URL", SERVER)
    run = read.wanted(environ, "GITHUB_RUN_ID", _ID)
    happened = _event(environ)
    branch = read.plain(environ, "GITHUB_BASE_REF", "GITHUB_REF_NAME")
    if name == "merge_group":
        branch = _goes_to(happened) or branch
    return Run(
        repository=repository,
        event=name,
        commit=read.sha(environ, "GITHUB_SHA"),
        branch=branch,
        id=run,
        number=read.plain(environ, "GITHUB_RUN_NUMBER") or run,
        url=f"{server}/{repository}/actions/runs/{run}",
        public=_public(_part(happened, "repository")),
        pull=_pull(happened, repository, server) if name == "pull_request" else None,
    )


def _event(environ: Mapping[str, str]) -> dict[str, Any]:
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        read.broken("is missing", "the variable is not set")
    return read.event(Path(path))


def _pull(event: dict[str, Any], repository: str, server: str) -> Pull:
    pull = _part(event, "pull_request")
    head, base = _part(pull, "head"), _part(pull, "base")
    number = pull.get("number")
    if type(number) is not int or not 0 < number < _NUMBER_LIMIT:
        read.broken("is not usable", "it has no number of a pull request")
    # The repository of a fork may be gone; then `repo` is null, and it is a fork all the same.
    names = (_part(head, "repo").get("full_name"), _part(base, "repo").get("full_name"))
    ours = [isinstance(n, str) and n.casefold() == repository.casefold() for n in names]
    return Pull(
        number=number,
        head=_commit(head, "head"),
        base=_commit(base, "base"),
        fork=not all(ours),
        url=f"{server}/{repository}/pull/{number}",
    )


def _commit(side: dict[str, Any], name: str) -> str:
    commit = side.get("sha")
    if isinstance(commit, str) and read.SHA.fullmatch(commit):
        return commit
    return read.broken("is not usable", f"pull_request.{name}.sha is no commit")


def _goes_to(event: dict[str, Any]) -> str:
    ref = _part(event, "merge_group").get("base_ref")
    return read.plain({"": ref.removeprefix("refs/heads/")}, "") if isinstance(ref, str) else ""


def _public(repository: dict[str, Any]) -> bool:
    """Whether anybody can read; where the event does not say, somebody might."""
    visibility = repository.get("visibility")
    return repository.get("private") is not True or visibility == "public"


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
