"""The changes of a plan: a row each, and what changes in training and serving field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.kinds.pricing import Cost
from dpo_ops.planner import Action
from dpo_ops.reporters.markdown import Section, code, fenced, folded, titled
from dpo_ops.reporters.plan_markdown import diff_lines
from dpo_ops.reporters.plan_words import (
    SYMBOLS,
    Mark,
    amount,
    blockers,
    deletes,
    differs,
    marks,
    price,
    why,
)
from dpo_ops.reporters.pull.words import HALTED, name, removed, said, titled_name, trains
from dpo_ops.reporters.style import count, dated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.style import Style
    from dpo_ops.resource import Address

HEAD = ("", "resource", "change", "why", "cost")
TRAINING, SERVING, OTHER = 30, 31, 32


def change_rows(changes: Sequence[Change], plan: Plan, style: Style) -> list[tuple[str, ...]]:
    """Return a row for each change, as HEAD names its cells."""
    found, causes = marks(plan), blockers(plan)
    return [_row(c, found[c.address], causes.get(c.address), style) for c in changes]


def _row(change: Change, kind: Mark, cause: Address | None, style: Style) -> tuple[str, ...]:
    halted = kind in HALTED
    reason = why(change, kind, cause)
    also = "" if halted else deletes(change)
    known = all(gone in reason for gone, _ in removed(change))
    reason = reason if known else " · ".join(filter(None, (reason, also)))
    cost = change.cost if not halted else None
    money = amount(cost) if cost else ""
    symbol, address = code(SYMBOLS[kind], style), name(change.address, style)
    return (symbol, address, kind, said(reason, style), said(money, style))


def grouped(changes: Sequence[Change], plan: Plan) -> list[tuple[int, list[Change]]]:
    """Return what is worth a section, with its priority: what trains, what serves, the rest."""
    found = marks(plan)
    groups: dict[int, list[Change]] = {TRAINING: [], SERVING: [], OTHER: []}
    for change in changes:
        if found[change.address] not in HALTED and (change.fields or trains(change)):
            priority = TRAINING if trains(change) else SERVING if change.kind.answers else OTHER
            groups[priority].append(change)
    return list(groups.items())


def change_section(change: Change, priority: int, account: str, style: Style) -> Section:
    """Return what changes field by field, folded, under a title that says it in brief."""
    fields = count(len(change.fields), "field")
    told = f"{fields} changed" if differs(change) else f"sets {fields}"
    verb = "is trained" if trains(change) else _VERBS[change.action]
    money = f", {amount(change.cost)}" if isinstance(change.cost, Cost) else ""
    name_ = titled_name(change.address, style)
    title = f"{name_} {verb}: {told}{titled(money, style)}"
    lines = [f"{name(change.id, style)} · {said(dated(change.reason), style)}\n"]
    if change.cost:
        lines.append(f"Cost: {said(price(change.cost), style)}\n")
    if change.fields:
        lines.append(fenced(diff_lines(change, account, style), "diff"))
    return Section(folded(title, "\n".join(lines)), priority)


_VERBS = {
    Action.CREATE: "is created",
    Action.UPDATE: "is updated",
    Action.REPLACE: "is replaced",
    Action.DELETE: "is deleted",
    Action.NO_OP: "stays",
}
