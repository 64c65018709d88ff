"""What a run in GitHub Actions is about, from its variables and the file of its event."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge import environ as read
from dpo_ops.forge.contract import Pull, Run
from dpo_ops.forge.reading import number as whole
from dpo_ops.forge.reading import part, text

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER: Final = "https://github.com"
REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,99}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)
_ID = re.compile(r"[0-9]{1,20}")
_EVENT = re.compile(r"[a-z_]{1,60}")


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
        public=_public(part(happened, "repository")),
        pull=_pull(happened, repository, server) if name == "pull_request" else None,
    )


def _event(environ: Mapping[str, str]) -> dict[str, Any]:
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        read.broken("is missing", "the variable is not set")
    return read.event(Path(path))


def _pull(event: dict[str, Any], repository: str, server: str) -> Pull:
    pull = part(event, "pull_request")
    number = whole(pull, "number")
    if not number:
        read.broken("is not usable", "it has no number of a pull request")
    return Pull(
        number=number,
        head=_commit(pull, "head"),
        base=_commit(pull, "base"),
        fork=from_fork(pull, repository),
        url=f"{server}/{repository}/pull/{number}",
    )


def from_fork(pull: dict[str, Any], repository: str) -> bool:
    """Say whether the branch of a pull request lies in another repository than this one.

    The repository of a fork may be gone; then `repo` is null, and it is a fork all the same.
    """
    names = (text(pull, side, "repo", "full_name").casefold() for side in ("head", "base"))
    return any(name != repository.casefold() for name in names)


def _commit(pull: dict[str, Any], name: str) -> str:
    commit = text(pull, name, "sha")
    if read.SHA.fullmatch(commit):
        return commit
    return read.broken("is not usable", f"pull_request.{name}.sha is no commit")


def _goes_to(event: dict[str, Any]) -> str:
    ref = text(event, "merge_group", "base_ref").removeprefix("refs/heads/")
    return read.plain({"": ref}, "")


def _public(repository: dict[str, Any]) -> bool:
    """Whether anybody can read; where the event does not say, somebody might."""
    visibility = repository.get("visibility")
    return repository.get("private") is not True or visibility == "public"
