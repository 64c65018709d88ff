"""A plan for a terminal: one line a resource, its reason below it, what changes in it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dpo_ops.planner import Change, FieldChange, Plan, fingerprint
from dpo_ops.reporters.findings import finding_lines
from dpo_ops.reporters.plan_words import (
    SYMBOLS,
    Mark,
    chains,
    costs,
    ids,
    mark,
    price,
    summary,
    told,
)
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, count, kept, pad, widest, wrap
from dpo_ops.reporters.values import both, shown
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator

_TONES = {
    Mark.CREATE: Tone.GOOD,
    Mark.UPDATE: Tone.CHANGE,
    Mark.REPLACE: Tone.CHANGE,
    Mark.DELETE: Tone.BAD,
    Mark.WAIT: Tone.CHANGE,
    Mark.BLOCKED: Tone.BAD,
    Mark.UNCHANGED: Tone.QUIET,
}
_CHAINS = 5
_NOTHING = "No changes. "
_WORD = widest(map(str, Mark), most=99)
_INDENT = " " * 6


def plan_text(plan: Plan, style: Style = PLAIN, *, verbose: bool = False) -> str:
    """Return the whole plan for reading; `verbose` shows every field, step and unchanged one."""
    return "".join(f"{line}\n" for line in _lines(plan, style, verbose=verbose))


def _lines(plan: Plan, style: Style, *, verbose: bool) -> Iterator[str]:
    marked = [(change, mark(change)) for change in plan.changes]
    seen = [c for c, m in marked if verbose or m is not Mark.UNCHANGED]
    addresses = widest((str(change.address) for change in seen), most=style.width // 2)
    for change in seen:
        yield from _change(change, plan.account, style, addresses, verbose=verbose)
        yield ""
    for chain in chains(plan)[:_CHAINS]:
        links = (kept(style.clean(f"{c.address} ({mark(c)})")) for c in chain)
        yield from wrap(" → ".join(links), style.width, first="chain: ", rest="       ")
    yield from _warnings(plan, style)
    yield from _ending(plan, style, hidden=len(marked) - len(seen))


def _ending(plan: Plan, style: Style, *, hidden: int) -> Iterator[str]:
    where = f"account {style.clean(plan.account)}, stack {style.clean(plan.stack)}"
    if plan.in_sync:
        found = count(len(plan.changes), "resource")
        first, *more = wrap(f"{where}: {found} as the specs say.", style.width, first=_NOTHING)
        yield style.paint(_NOTHING.strip(), Tone.GOOD) + first[len(_NOTHING) - 1 :]
        yield from more
    else:
        counts = ", ".join(map(kept, summary(plan).split(", ")))
        lines = wrap(f"{counts}.", style.width, first="Plan: ", rest="      ")
        yield from (style.paint(line, Tone.STRONG) for line in lines)
        yield from wrap(where + ("; -v shows what is unchanged" if hidden else ""), style.width)
    for number, line in enumerate(costs(plan)):
        first = "      " if number else "cost: "
        yield from wrap(line, style.width, first=first, rest="      ")
    if not plan.in_sync:
        # On a line of its own: so it fits, and can be copied.
        yield "fingerprint:"
        yield f"  {fingerprint(plan)}"


def _warnings(plan: Plan, style: Style) -> Iterator[str]:
    for finding in plan.warnings:
        yield from finding_lines(finding, style)


def _change(
    change: Change, account: str, style: Style, column: int, *, verbose: bool
) -> Iterator[str]:
    kind = mark(change)
    yield from _title(change, kind, style, column)
    if not change.blocked:
        yield from wrap(style.clean(change.reason), style.width, first=_INDENT, rest=_INDENT)
    if change.cost and not change.blocked:
        line = f"cost: {style.clean(price(change.cost))}"
        yield from wrap(line, style.width, first=_INDENT, rest=_INDENT + "  ")
    for finding in change.blocked:
        yield from finding_lines(finding, style, indent=_INDENT)
    shown_fields = range(len(change.fields)) if verbose else told(change)
    for n in shown_fields:
        yield from _field(change.fields[n], account, style)
    if folded := len(change.fields) - len(shown_fields):
        yield style.paint(f"{_INDENT}sets {count(folded, 'field')} (-v shows them)", Tone.QUIET)
    if verbose and change.steps:
        yield from wrap(
            style.clean(_steps(change)), style.width, first=f"{_INDENT}steps: ", rest=_INDENT + "  "
        )


def _steps(change: Change) -> str:
    """Return the verbs in their order, with each name once for all that happens to it in a row."""
    runs = groupby(change.steps, key=lambda step: step.name)
    return "; ".join(f"{', '.join(step.verb for step in run)} {name}" for name, run in runs)


def _title(change: Change, kind: Mark, style: Style, column: int) -> Iterator[str]:
    head = f"  {SYMBOLS[kind]} {pad(kind, _WORD)} "
    painted = style.paint(head, _TONES[kind])
    address, id_ = style.clean(change.address), style.clean(ids(change))
    if cells(head) + column + 2 + cells(id_) <= style.width and cells(address) <= column:
        yield f"{painted}{style.paint(pad(address, column), Tone.STRONG)}  {id_}"
    else:
        yield painted + style.paint(address, Tone.STRONG)
        yield from wrap(id_, style.width, first=_INDENT, rest=_INDENT)


def _field(field: FieldChange, account: str, style: Style) -> Iterator[str]:
    before, after = qualify(field.before, account), qualify(field.after, account)
    path, rest = f"{_INDENT}  {style.clean(field.path)}: ", _INDENT + "    "
    if before is None:
        yield from wrap(shown(after, style), style.width, first=path, rest=rest)
        return
    first, second = both(before, after, style)
    line = f"{path}{first} → {second}"
    if cells(line) <= style.width:
        yield line
    else:
        yield from wrap(first, style.width, first=path, rest=rest)
        yield from wrap(second, style.width, first=f"{rest}→ ", rest=rest)
