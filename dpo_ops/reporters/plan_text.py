"""A plan for a terminal: one line a resource, its reason below it, what changes in it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dpo_ops.planner import Change, FieldChange, Plan, fingerprint
from dpo_ops.reporters.findings import finding_lines
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
    terms,
    told,
    why,
)
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, count, kept, pad, widest, wrap
from dpo_ops.reporters.values import both, shown
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.resource import Address

_TONES = {
    Mark.CREATE: Tone.GOOD,
    Mark.UPDATE: Tone.CHANGE,
    Mark.REPLACE: Tone.CHANGE,
    Mark.DELETE: Tone.BAD,
    Mark.WAIT: Tone.CHANGE,
    Mark.BLOCKED: Tone.BAD,
    Mark.SKIPPED: Tone.BAD,
    Mark.UNCHANGED: Tone.QUIET,
}
_CHAINS = 5
_WORD = widest(map(str, Mark), most=99)
_INDENT = " " * 6


def plan_text(
    plan: Plan,
    style: Style = PLAIN,
    *,
    verbose: bool = False,
    removal: bool = False,
    saved: bool = False,
) -> str:
    """Return the whole plan for reading; `verbose` shows every field, step and unchanged one.

    `removal` says that it is the plan of a removal, which is not approved by its fingerprint;
    `saved` that it is held to a saved plan, whatever the specs say by now.
    """
    said = "the saved plan says" if saved else "the specs say"
    lines = _lines(plan, style, verbose=verbose, removal=removal, said=said)
    return "".join(f"{line}\n" for line in lines)


def _lines(plan: Plan, style: Style, *, verbose: bool, removal: bool, said: str) -> Iterator[str]:
    found, causes = marks(plan), blockers(plan)
    seen = [c for c in plan.changes if verbose or found[c.address] is not Mark.UNCHANGED]
    addresses = widest((str(change.address) for change in seen), most=style.width // 2)
    for change in seen:
        kind = found[change.address]
        yield from _title(change, kind, style, addresses)
        yield from _reasons(change, kind, causes.get(change.address), style)
        if kind is not Mark.SKIPPED or verbose:
            yield from _fields(change, plan.account, style, verbose=verbose)
        if verbose and change.steps:
            steps = style.clean(_steps(change))
            yield from wrap(steps, style.width, first=f"{_INDENT}steps: ", rest=_INDENT + "  ")
        yield ""
    for chain in chains(plan)[:_CHAINS]:
        links = (kept(style.clean(f"{c.address} ({found[c.address]})")) for c in chain)
        yield from wrap(" → ".join(links), style.width, first="chain: ", rest="       ")
    yield from _warnings(plan, style)
    hidden = len(plan.changes) - len(seen)
    yield from _ending(plan, style, hidden=hidden, removal=removal, said=said)


def _ending(plan: Plan, style: Style, *, hidden: int, removal: bool, said: str) -> Iterator[str]:
    where = f"account {style.clean(plan.account)}, stack {style.clean(plan.stack)}"
    if plan.in_sync:
        nothing = "Nothing to remove. " if removal else "No changes. "
        found = "" if removal else f": {count(len(plan.changes), 'resource')} as {said}"
        first, *more = wrap(f"{where}{found}.", style.width, first=nothing)
        yield style.paint(nothing.strip(), Tone.GOOD) + first[len(nothing) - 1 :]
        yield from more
    else:
        counts = ", ".join(map(kept, summary(plan).split(", ")))
        lines = wrap(f"{counts}.", style.width, first="Plan: ", rest="      ")
        yield from (style.paint(line, Tone.STRONG) for line in lines)
        yield from wrap(where + ("; -v shows what is unchanged" if hidden else ""), style.width)
    for number, line in enumerate(costs(plan)):
        first = "      " if number else "cost: "
        yield from wrap(line, style.width, first=first, rest="      ")
    if not plan.in_sync and not removal:
        # On a line of its own: so it fits, and can be copied.
        yield "fingerprint:"
        yield f"  {fingerprint(plan)}"


def _warnings(plan: Plan, style: Style) -> Iterator[str]:
    for finding in plan.warnings:
        yield from finding_lines(finding, style)


def _reasons(change: Change, kind: Mark, cause: Address | None, style: Style) -> Iterator[str]:
    for finding in change.blocked:
        yield from finding_lines(finding, style, indent=_INDENT)
    if change.blocked:
        return
    yield from wrap(style.clean(why(change, kind, cause)), style.width, first=_INDENT, rest=_INDENT)
    if kind is Mark.SKIPPED:
        return
    yield from wrap(style.clean(deletes(change)), style.width, first=_INDENT, rest=_INDENT)
    if change.cost:
        line = f"cost: {style.clean(price(change.cost))}"
        yield from wrap(line, style.width, first=_INDENT, rest=_INDENT + "  ")


def _fields(change: Change, account: str, style: Style, *, verbose: bool) -> Iterator[str]:
    long: Sequence[int] = range(len(change.fields)) if verbose else told(change)
    brief = [] if verbose else terms(change)
    yield from _in_brief([change.fields[n] for n in brief], account, style)
    for n in long:
        field = change.fields[n]
        yield from _field(field, account, style, note(change, field))
    if folded := len(change.fields) - len(long) - len(brief):
        more = " more" if brief else ""
        said = f"{_INDENT}sets {folded}{more} {'field' if folded == 1 else 'fields'}"
        yield style.paint(f"{said} (-v shows them)", Tone.QUIET)


def _in_brief(fields: Sequence[FieldChange], account: str, style: Style) -> Iterator[str]:
    """Yield `epochs 1, loraRank 8`: the last part of each name, with its value."""
    names = (style.clean(field.path.rpartition(".")[2]) for field in fields)
    values = (shown(qualify(field.after, account), style) for field in fields)
    said = (kept(f"{name} {value}") for name, value in zip(names, values, strict=True))
    start = _INDENT + "  "
    yield from wrap(", ".join(said), style.width, first=start, rest=start)


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


def _field(field: FieldChange, account: str, style: Style, note: str) -> Iterator[str]:
    before, after = qualify(field.before, account), qualify(field.after, account)
    path, rest = f"{_INDENT}  {style.clean(field.path)}: ", _INDENT + "    "
    if before is None:
        yield from wrap(shown(after, style) + note, style.width, first=path, rest=rest)
        return
    first, second = both(before, after, style)
    line = f"{path}{first} → {second}"
    if cells(line) <= style.width:
        yield line
    else:
        yield from wrap(first, style.width, first=path, rest=rest)
        yield from wrap(second, style.width, first=f"{rest}→ ", rest=rest)
