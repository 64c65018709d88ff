"""The one issue that says what drifts in an environment, kept up to date and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.reporters.drift import drift_markdown
from dpo_ops.reporters.pull.header import hidden, unhidden
from dpo_ops.reporters.pull.status import LIMIT, LINE, run_link
from dpo_ops.reporters.pull.words import name, said
from dpo_ops.reporters.style import PLAIN, Style

if TYPE_CHECKING:
    from dpo_ops.planner.drift import Drift
    from dpo_ops.reporters.pull.subject import Status


def drift_issue(env: str, found: Drift, status: Status, style: Style = PLAIN) -> str:
    """Return the text of the issue, or of the same issue when nothing drifts any more."""
    where = name(env, style)
    if found.found:
        what = f"What {where} holds is not as it was left. This text is kept up to date."
    else:
        what = f"Nothing drifts in {where} any more, so this is closed. It opens again if need be."
    told = drift_markdown(found, style, limit=LIMIT - LINE)
    return f"{hidden({'drift': env})}\n{what}\n\n{told}\n{_looked(status, style)}\n"


def _looked(status: Status, style: Style) -> str:
    at = f" at {said(status.at, style)}" if status.at else ""
    note = f" · {said(status.note, style)}" if status.note else ""
    return f"Last looked at{run_link(status, style)}{at}{note}."


def is_drift_issue(body: str, env: str) -> bool:
    """Say whether a text is the one of the issue of an environment."""
    return unhidden(body) == {"drift": env}
