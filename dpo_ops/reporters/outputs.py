"""The names that others need, such as the model to request, by address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dpo_ops.kinds import kind_of
from dpo_ops.planner import Action
from dpo_ops.planner.order import dependency_order
from dpo_ops.reporters.markdown import code, table
from dpo_ops.reporters.report_text import outputs_lines
from dpo_ops.reporters.style import PLAIN, Style, dated
from dpo_ops.resource import Health, Json, Observed, State, qualify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.executor.events import Report
    from dpo_ops.planner import Accounted, Change


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is in place, with its names in full; `missing` says why the others are not."""

    account: str
    stack: str
    values: Mapping[str, Mapping[str, Json]]
    missing: Mapping[str, str]


def outputs_of(desired: State, observed: Accounted) -> Outputs:
    """Return the outputs of every resource that is as it should be; none of the others."""
    values, missing = {}, {}
    for address in dependency_order(desired):
        resource, seen = desired[address], observed.resources[address]
        if seen.health is Health.CURRENT and not seen.conflict:
            said = kind_of(resource).outputs(resource, seen)
            values[str(address)] = qualify(said, observed.account)
        else:
            missing[str(address)] = seen.conflict or seen.message or "not in the account"
    return Outputs(observed.account, desired.stack, values, missing)


def with_outputs(report: Report) -> Report:
    """Return the report with the outputs of all that is in place after it."""
    if report.outputs:
        return report
    outcomes = {end.address: str(end.outcome) for end in report.ended}
    said = {
        str(change.address): change.kind.outputs(
            change.resource, Observed(change.id, Health.CURRENT)
        )
        for change in report.plan.changes
        if change.resource and _is_in_place(change, outcomes.get(change.address, ""))
    }
    return replace(report, outputs=said)


def _is_in_place(change: Change, outcome: str) -> bool:
    if change.action is Action.DELETE:
        return False
    # Nothing to do can also mean that there was nothing to remove.
    found = outcome == "in-sync" and (change.waits or change.health is Health.CURRENT)
    return outcome == "done" or found


def outputs_text(found: Outputs, style: Style = PLAIN) -> str:
    """Return `Kind/name.key = value`, one line an output."""
    return "".join(f"{line}\n" for line in outputs_lines(found.values, found.account, style))


def missing_text(found: Outputs, style: Style = PLAIN) -> str:
    """Return what has no outputs yet, and why."""
    lines = (f"no outputs of {address} yet: {dated(why)}" for address, why in found.missing.items())
    return "".join(f"{style.clean(line)}\n" for line in lines)


def outputs_markdown(found: Outputs, style: Style = PLAIN) -> str:
    """Return the outputs as a table in Markdown."""
    rows = [
        (code(f"{address}.{key}", style), code(value, style))
        for address, said in found.values.items()
        for key, value in said.items()
        if value is not None
    ]
    where = f"account {code(found.account, style)}, stack {code(found.stack, style)}"
    return f"### dpo-ops outputs · {where}\n\n{table(('output', 'value'), rows)}"
