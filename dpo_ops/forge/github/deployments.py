"""GitHub's page of deployments: one of ours for each commit and environment, and its states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.reading import number, text

if TYPE_CHECKING:
    from dpo_ops.forge.contract import Release
    from dpo_ops.forge.github.api import Api

READ: Final = "deployments: read"
WRITE: Final = "deployments: write"
TASK: Final = "dpo-ops"
LONGEST: Final = 140
"""Characters of a description."""


def release(api: Api, told: Release, log: str) -> None:
    """Add a state to the deployment of this commit and environment; begin one where there is none.

    `log` is the URL of the run. Saying the same again, as every run of a long wait does, adds
    nothing.
    """
    says = told.says if len(told.says) <= LONGEST else told.says[: LONGEST - 1] + "…"

    def known() -> Any | None:
        query = {"sha": told.commit, "task": TASK, "environment": told.environment}
        return next(api.pages("/deployments", dict(query), READ), None)

    deployment = known()
    if deployment is None:
        value = {
            "ref": told.commit,
            "task": TASK,
            "environment": told.environment,
            "description": says,
            "payload": dict(told.facts or {}),
            "auto_merge": False,
            # Else GitHub waits for all checks of the commit, of which this run is one.
            "required_contexts": [],
        }
        deployment = api.make("/deployments", value, known, WRITE)
    path = f"/deployments/{number(deployment, 'id')}/statuses"
    state = {
        "state": told.state,
        "description": says,
        "environment_url": told.url,
        "log_url": log,
        "auto_inactive": True,
    }

    def said() -> Any | None:
        # The newest comes first.
        newest = next(api.pages(path, {}, READ), None)
        is_it = text(newest, "state") == told.state and text(newest, "description") == says
        return newest if is_it else None

    if said() is None:
        api.make(path, {n: v for n, v in state.items() if v != ""}, said, WRITE)
