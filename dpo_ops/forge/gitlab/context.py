"""What a job in GitLab CI is about, from its variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dpo_ops.forge import environ as read
from dpo_ops.forge.contract import Pull, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = re.compile(r"\w[\w.-]{0,254}(?:/[\w.-]{1,255}){1,20}", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,15}")
_SOURCE = re.compile(r"[a-z_]{1,60}")

_EVENTS: Final[Mapping[str, str]] = {
    "merge_request_event": "pull_request",
    "web": "workflow_dispatch",
    "api": "workflow_dispatch",
    "trigger": "workflow_dispatch",
}
"""GitLab's words that GitHub has others for; push and schedule are the same."""


def run_of(environ: Mapping[str, str]) -> Run | None:
    """Return what this job is about, or None outside GitLab CI.

    A pipeline of a merge train is a `merge_group`. `branch` is the branch that a merge request
    goes to, else the job's own.

    Errors: DpoOpsError where a variable is missing or unusable.
    """
    if not environ.get("GITLAB_CI"):
        return None
    source = read.wanted(environ, "CI_PIPELINE_SOURCE", _SOURCE)
    event = _EVENTS.get(source, source)
    if environ.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
        event = "merge_group"
    pipeline = read.wanted(environ, "CI_PIPELINE_ID", _ID)
    project = read.url(environ, "CI_PROJECT_URL", "")
    return Run(
        repository=read.wanted(environ, "CI_PROJECT_PATH", _PATH),
        event=event,
        commit=read.sha(environ, "CI_COMMIT_SHA"),
        branch=read.plain(
            environ,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
            "CI_COMMIT_BRANCH",
            "CI_COMMIT_REF_NAME",
        ),
        id=pipeline,
        number=read.plain(environ, "CI_PIPELINE_IID") or pipeline,
        url=read.url(environ, "CI_JOB_URL", f"{project}/-/pipelines/{pipeline}"),
        # Internal projects are read by everybody who can log in: not by everybody.
        public=environ.get("CI_PROJECT_VISIBILITY", "public") not in ("private", "internal"),
        pull=_pull(environ, project) if event == "pull_request" else None,
    )


def _pull(environ: Mapping[str, str], project: str) -> Pull:
    number = int(read.wanted(environ, "CI_MERGE_REQUEST_IID", _ID))
    # Only pipelines of merged results have the first; in the others the job runs on the branch.
    head = "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"
    base = environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    mine = environ.get("CI_PROJECT_ID", "")
    return Pull(
        number=number,
        head=read.sha(environ, head if environ.get(head) else "CI_COMMIT_SHA"),
        base=read.sha(environ, "CI_MERGE_REQUEST_DIFF_BASE_SHA") if base else "",
        fork=not mine or environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != mine,
        url=f"{project}/-/merge_requests/{number}" if project else "",
    )
