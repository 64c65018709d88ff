"""What a job kept: one file of the plan's job, of this project's own pipelines only."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from dpo_ops.forge.gitlab.api import SCOPE
from dpo_ops.forge.reading import number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.forge.contract import Pull
    from dpo_ops.forge.gitlab.api import Api

JOB: Final = "dpo-ops-plan"
FAR: Final = 20
"""How many pipelines of one commit are looked at, the newest first."""


def artifact(api: Api, name: str, pull: Pull, limit: int, job: str) -> bytes | None:
    """Return the file NAME.json that the newest successful plan job kept for `pull.head`.

    A job of a matrix counts too. None where there is none, where it is gone, and for pipelines of
    merged results, which GitLab files under the commit of a merge that it tried: there the signed
    header of the note is the way.

    Errors: ForgeError where the file is larger than `limit` bytes.
    """
    if pull.fork:
        return None
    for pipeline in _pipelines(api, pull.head):
        for found in _jobs(api, pipeline, job):
            path = f"/jobs/{found}/artifacts/{quote(name, safe='')}.json"
            content = api.download(path, SCOPE, limit)
            if content is not None:
                return content
    return None


def _pipelines(api: Api, commit: str) -> Iterator[int]:
    query: dict[str, str | int] = {"sha": commit, "order_by": "id", "sort": "desc"}
    rows = islice(api.pages("/pipelines", query, SCOPE), FAR)
    return (number(r, "id") for r in rows if text(r, "sha") == commit)


def _jobs(api: Api, pipeline: int, job: str) -> Iterator[int]:
    rows = api.pages(f"/pipelines/{pipeline}/jobs", {"scope[]": "success"}, SCOPE)
    for row in rows:
        name = text(row, "name")
        is_it = name == job or name.startswith((f"{job}:", f"{job} "))
        if is_it and text(row, "status") == "success" and row.get("artifacts_file"):
            yield number(row, "id")
