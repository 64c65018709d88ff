"""What changes nothing: validation, and drift with its one issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops import reporters
from dpo_ops.cli.account import account
from dpo_ops.cli.ci.failing import told
from dpo_ops.cli.desired import load
from dpo_ops.cli.drifting import look, today
from dpo_ops.cli.endings import CHANGES, DONE
from dpo_ops.forge import ForgeError
from dpo_ops.reporters.drift import drift_findings, drift_markdown, drift_text
from dpo_ops.reporters.pull.issue import drift_issue, is_drift_issue
from dpo_ops.reporters.pull.subject import Stage

if TYPE_CHECKING:
    from dpo_ops.cli.ci.setting import Setting
    from dpo_ops.planner.drift import Drift

LABEL: Final = "dpo-ops-drift"


def validate(here: Setting) -> int:
    """Check the specs, and tell of it. Errors: SpecError, told before it is raised."""
    with told(here):
        desired = load(here.screen, here.specs)
    files, number = list(desired.files), len(desired.state)
    style = here.screen.data_style()
    here.annotate(desired.warnings)
    here.give({"failure-reason": ""})
    here.sum_up(reporters.findings_markdown(files, number, desired.warnings, style))
    here.screen.data(reporters.checked_text(files, number, (), style))
    return DONE


def drift(here: Setting, *, fail_on_changes: bool) -> int:
    """Look for drift, keep its one issue true, and return the exit code.

    Errors: DpoOpsError, told before it is raised.
    """
    with told(here):
        desired = load(here.screen, here.specs)
        with account(here.screen, here.target, desired.account, read_only=True) as client:
            found = look(here.screen, here.specs, client, desired, today())
    style = here.screen.data_style()
    here.annotate([*desired.warnings, *found.doubts, *drift_findings(found, desired.state)])
    here.give({"changes": "true" if found.found else "false", "failure-reason": ""})
    here.sum_up(drift_markdown(found, style))
    here.screen.data(drift_text(found, style))
    _report(here, found)
    return CHANGES if fail_on_changes and found.found else DONE


def _report(here: Setting, found: Drift) -> None:
    """Open, edit or close the issue; where nothing drifts and there is none, make none."""
    if here.forge is None:
        return
    try:
        issue = here.forge.issue(LABEL, lambda body: is_drift_issue(body, here.env))
        if not found.found and (issue is None or not issue.open):
            return
        stage = Stage.FAILED if found.found else Stage.APPLIED
        body = drift_issue(here.env, found, here.status(stage), here.screen.data_style())
        title = f"dpo-ops drift: {here.env}"
        masked = here.screen.masks(body)
        here.forge.report(title, masked, LABEL, issue, open_=bool(found.found))
    except ForgeError as error:
        here.warn("issues", error.what, error.why, error.fix)
