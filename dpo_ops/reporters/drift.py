"""What has drifted, for people and for programs: what it is, who accepts it, what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding, Severity
from dpo_ops.planner.drift import Sort
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.markdown import LIMIT, code, cut_table, defused, fitted, items
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, count, dated, kept, pad, widest, wrap
from dpo_ops.reporters.values import both
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.planner.change import FieldChange
    from dpo_ops.planner.drift import Drift, Drifted
    from dpo_ops.resource import State

_SYMBOLS = {
    Sort.CHANGED: "~",
    Sort.MISSING: "-",
    Sort.EXPIRED: "-",
    Sort.FAILED: "!",
    Sort.IDLE: "z",
    Sort.UNMANAGED: "?",
}
_FIXES = {
    Sort.CHANGED: "apply puts it back; to keep it, write it into the spec",
    Sort.MISSING: "apply makes it again; if it is not wanted any more, remove its spec",
    Sort.EXPIRED: "apply brings it back; if it is not wanted any more, remove its spec",
    Sort.FAILED: "plan says whether apply tries again, and what to change if not",
    Sort.IDLE: "let it scale to zero, or remove its spec and apply with --prune",
    Sort.UNMANAGED: "bring its spec back, or remove it: apply with --prune",
}
_REFERRED = "ask whoever keeps it; its spec only refers to it, so apply can't mend it"
_IN_THE_WAY = "rename the spec, or remove what is in its way"
_WORD = widest(map(str, Sort), most=99)
_INDENT = " " * 6


def drift_text(found: Drift, style: Style = PLAIN) -> str:
    """Return what has drifted, then what is not applied yet, then one line that sums it up."""
    return "".join(f"{line}\n" for line in _lines(found, style))


def _lines(found: Drift, style: Style) -> Iterator[str]:
    column = widest((str(one.address) for one in found.drifted), most=style.width // 2)
    for one in found.drifted:
        yield from _title(one, style, column)
        what, *then = (style.clean(text) for text in _said(one, found.account))
        yield from wrap(what, style.width, first=_INDENT, rest=_INDENT)
        for field in one.fields:
            yield from _field(field, found.account, style)
        for text in then:
            yield from wrap(text, style.width, first=_INDENT, rest=_INDENT)
        yield ""
    if found.pending:
        yield "Not applied yet, which is no drift:"
        for address, reason in found.pending:
            text = f"{address}: {dated(qualify(reason, found.account))}"
            yield from wrap(style.clean(text), style.width, first="  ", rest=_INDENT)
        yield ""
    where = f"account {style.clean(found.account)}, stack {style.clean(found.stack)}"
    tone = Tone.STRONG if found.found else Tone.GOOD
    lines = wrap(", ".join(map(kept, _counts(found).split(", "))), style.width, rest=" " * 7)
    yield from (style.paint(line, tone) for line in lines)
    yield from wrap(where, style.width)


def _title(one: Drifted, style: Style, column: int) -> Iterator[str]:
    head = f"  {_SYMBOLS[one.sort]} {pad(one.sort, _WORD)}  "
    tone = Tone.CHANGE if one.counts else Tone.QUIET
    address, id_ = style.clean(one.address), style.clean(one.id)
    if cells(head) + column + 2 + cells(id_) <= style.width and cells(address) <= column:
        yield f"{style.paint(head, tone)}{style.paint(pad(address, column), Tone.STRONG)}  {id_}"
    else:
        yield style.paint(head, tone) + style.paint(address, Tone.STRONG)
        yield from wrap(id_, style.width, first=_INDENT, rest=_INDENT)


def _said(one: Drifted, account: str) -> Iterator[str]:
    """Yield what is so, who lives with it, and what to do where nobody does."""
    yield dated(qualify(one.message, account))
    if accepted := _accepted(one):
        yield accepted
    if one.counts:
        yield _fix(one)


def _accepted(one: Drifted) -> str:
    entry = one.accepted
    if entry is None:
        return ""
    if one.counts:
        return f"accepted by {entry.owner} until {entry.until}, which has lapsed: {entry.reason}"
    return f"accepted by {entry.owner} until {entry.until}: {entry.reason}"


def _fix(one: Drifted) -> str:
    if not one.ours:
        return _REFERRED
    stuck = one.sort is Sort.CHANGED and not one.fields
    return _IN_THE_WAY if stuck else _FIXES[one.sort]


def _field(field: FieldChange, account: str, style: Style) -> Iterator[str]:
    now, left = both(qualify(field.before, account), qualify(field.after, account), style)
    text = f"{style.clean(field.path)}: the account has {now}, the spec says {left}"
    yield from wrap(text, style.width, first=f"{_INDENT}  ", rest=f"{_INDENT}    ")


def _counts(found: Drift) -> str:
    """Return `Drift: 1 changed, 1 missing.` and so on, on one line."""
    counting = Counter(one.sort for one in found.drifted if one.counts)
    accepted = sum(bool(one.accepted) and not one.counts for one in found.drifted)
    others = sum(not (one.accepted or one.counts) for one in found.drifted)
    parts = [f"{counting[sort]} {sort}" for sort in Sort if counting[sort]]
    parts += [f"{accepted} accepted"] if accepted else []
    parts += [f"{others} perhaps not of these specs"] if others else []
    parts += [f"{len(found.pending)} not applied yet"] if found.pending else []
    parts.append(f"{count(found.in_place, 'resource')} as they were left")
    return f"{'Drift' if found.found else 'No drift'}: {', '.join(parts)}."


def drift_markdown(found: Drift, style: Style = PLAIN, *, limit: int = LIMIT) -> str:
    """Return the same as Markdown: a table of what has drifted, a list of what is pending."""
    where = f"account {code(found.account, style)}, stack {code(found.stack, style)}"
    start = f"### dpo-ops drift · {where}\n\n**{defused(_counts(found), style)}**\n"
    rows = [_row(one, found.account, style) for one in found.drifted]
    head = ("", "resource", "drift", "id", "what")
    sections = [cut_table(head, rows, limit=limit // 2)] if rows else []
    if found.pending:
        lines = [
            f"- {code(address, style)}: {defused(dated(qualify(why, found.account)), style)}\n"
            for address, why in found.pending
        ]
        listed = items(lines, "resource", limit=limit // 4)
        sections.append(f"Not applied yet, which is no drift:\n\n{listed}")
    return fitted(start, sections, "", what="sections", limit=limit)


def _row(one: Drifted, account: str, style: Style) -> tuple[str, ...]:
    fields = [_in_brief(field, account, style) for field in one.fields]
    said = [defused(text, style) for text in _said(one, account)]
    what = " · ".join([*said[:1], *fields, *said[1:]])
    symbol, address = code(_SYMBOLS[one.sort], style), code(one.address, style)
    return (symbol, address, str(one.sort), code(one.id, style), what)


def _in_brief(field: FieldChange, account: str, style: Style) -> str:
    now, left = both(qualify(field.before, account), qualify(field.after, account), style)
    return f"{code(field.path, style)}: {code(now, style)}, the spec says {code(left, style)}"


def drift_document(found: Drift) -> dict[str, Any]:
    """Return what has drifted as JSON, with the names in full."""
    return {
        "version": VERSION,
        "account": found.account,
        "stack": found.stack,
        "found": found.found,
        "drifted": [_entry(one, found.account) for one in found.drifted],
        "pending": [
            {"address": str(address), "reason": qualify(why, found.account)}
            for address, why in found.pending
        ],
        "inPlace": found.in_place,
    }


def _entry(one: Drifted, account: str) -> dict[str, Any]:
    entry = one.accepted
    return {
        "address": str(one.address),
        "sort": str(one.sort),
        "id": one.id,
        "message": qualify(one.message, account),
        "fix": _fix(one) if one.counts else "",
        "counts": one.counts,
        "fields": [
            {
                "path": field.path,
                "spec": qualify(field.after, account),
                "account": qualify(field.before, account),
            }
            for field in one.fields
        ],
        "accepted": entry
        and {
            "owner": entry.owner,
            "until": entry.until,
            "reason": entry.reason,
            "lapsed": one.counts,
        },
    }


def drift_findings(found: Drift, desired: State) -> list[Finding]:
    """Return what nobody accepts as findings, each at the line of its spec where it has one."""
    return [
        Finding(
            (one.address in desired and desired[one.address].place) or str(one.address),
            f"{one.address} is {one.sort}: {dated(qualify(one.message, found.account))}",
            _accepted(one),
            _fix(one),
            "drift",
            Severity.WARNING,
        )
        for one in found.drifted
        if one.counts
    ]
