"""A plan as Markdown, for a pull request or a job's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.planner import Change, Plan, fingerprint
from dpo_ops.reporters.findings import sentence
from dpo_ops.reporters.markdown import (
    LIMIT,
    code,
    cut_table,
    defused,
    fenced,
    fitted,
    folded,
    items,
    titled,
)
from dpo_ops.reporters.plan_words import (
    SYMBOLS,
    Mark,
    blockers,
    chains,
    costs,
    deletes,
    ids,
    marks,
    note,
    price,
    summary,
    why,
)
from dpo_ops.reporters.style import PLAIN, Style, count
from dpo_ops.reporters.values import both, shown
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.errors import Finding
    from dpo_ops.resource import Address

_ROWS = 50
_URGENCY = (
    Mark.BLOCKED,
    Mark.SKIPPED,
    Mark.DELETE,
    Mark.REPLACE,
    Mark.CREATE,
    Mark.UPDATE,
    Mark.WAIT,
)


def plan_markdown(plan: Plan, style: Style = PLAIN, *, limit: int = LIMIT) -> str:
    """Return the plan as Markdown of at most about `limit` bytes.

    The rows that matter most come first. What would not fit is left out by whole sections.
    """
    found, changing = marks(plan), by_urgency(plan)
    rows = [findings_row(finding, style) for finding in all_findings(plan)]
    sections = [items(rows, "finding", limit=limit // 4)] if rows else []
    sections += [_table(changing, plan, style, limit // 2)] if changing else []
    sections += [_chains(plan, style)] if chains(plan) else []
    sections += [
        _details(change, plan.account, style)
        for change in changing
        if change.fields and found[change.address] is not Mark.SKIPPED
    ]
    return fitted(_start(plan, style), sections, _end(plan), what="sections", limit=limit)


def by_urgency(plan: Plan) -> list[Change]:
    """Return the changes that are more than nothing, the ones that matter most first."""
    found = marks(plan)
    changing = [c for c in plan.changes if found[c.address] is not Mark.UNCHANGED]
    return sorted(changing, key=lambda change: _URGENCY.index(found[change.address]))


def _start(plan: Plan, style: Style) -> str:
    if plan.in_sync:
        found = count(len(plan.changes), "resource")
        headline = f"**No changes.** {found} as the specs say."
    else:
        headline = f"**Plan: {summary(plan)}.**"
    if prices := costs(plan):
        headline += f" Cost: {defused('; '.join(prices), style)}."
    where = f"account {code(plan.account, style)}, stack {code(plan.stack, style)}"
    return f"### dpo-ops plan · {where}\n\n{headline}\n"


def all_findings(plan: Plan) -> list[Finding]:
    """Return why changes are blocked, then the warnings."""
    return [*(f for change in plan.blocked for f in change.blocked), *plan.warnings]


def findings_row(finding: Finding, style: Style) -> str:
    """Return one finding as an item of a list."""
    where = code(finding.where, style)
    return f"- **{finding.severity}** {where}: {defused(sentence(finding, style), style)}\n"


def _table(changes: Sequence[Change], plan: Plan, style: Style, limit: int) -> str:
    found, causes = marks(plan), blockers(plan)
    rows = [_row(c, found[c.address], causes.get(c.address), style) for c in changes[:_ROWS]]
    head = ("", "resource", "change", "id", "why")
    return cut_table(head, rows, limit=limit, more=len(changes) - len(rows))


def _row(change: Change, kind: Mark, cause: Address | None, style: Style) -> tuple[str, ...]:
    address, id_ = code(change.address, style), code(ids(change), style)
    also = "" if kind is Mark.SKIPPED else deletes(change)
    priced = change.cost is not None and kind is not Mark.SKIPPED and not change.blocked
    money = f"cost: {price(change.cost)}" if priced and change.cost else ""
    reason = " · ".join(filter(None, (why(change, kind, cause), also, money)))
    return (code(SYMBOLS[kind], style), address, kind, id_, defused(reason, style))


def _chains(plan: Plan, style: Style) -> str:
    lines = (" → ".join(code(c.address, style) for c in chain) for chain in chains(plan))
    return "".join(f"- {line}\n" for line in lines)


def _details(change: Change, account: str, style: Style) -> str:
    title = f"{titled(change.address, style)}: {count(len(change.fields), 'field')}"
    return folded(title, fenced(diff_lines(change, account, style), "diff"))


def diff_lines(change: Change, account: str, style: Style) -> Iterator[str]:
    """Yield the fields of a change, one a line, each line with its sign in the first column."""
    for field in change.fields:
        path = style.clean(field.path)
        before, after = qualify(field.before, account), qualify(field.after, account)
        if before is None:
            yield f"+ {path}: {shown(after, style)}{note(change, field)}"
            continue
        first, second = both(before, after, style)
        yield f"- {path}: {first}"
        yield f"+ {path}: {second}"


def _end(plan: Plan) -> str:
    return f"Fingerprint: `{fingerprint(plan)}`\n"
