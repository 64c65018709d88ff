"""The text about a plan, or about why there is none, for a comment and for a job's summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dpo_ops.errors import SpecError
from dpo_ops.planner import fingerprint
from dpo_ops.reporters.markdown import Section, alert, cut_table, fitted, folded, items
from dpo_ops.reporters.plan_markdown import all_findings, by_urgency, findings_row
from dpo_ops.reporters.plan_words import costs, summary
from dpo_ops.reporters.pull.changes import HEAD, change_rows, change_section, grouped
from dpo_ops.reporters.pull.data import data_section, flips
from dpo_ops.reporters.pull.graph import graph
from dpo_ops.reporters.pull.subject import Invalid
from dpo_ops.reporters.pull.words import deleted, name, said, trained
from dpo_ops.reporters.style import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpo_ops.errors import DpoOpsError, Finding
    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.pull.subject import Proposal
    from dpo_ops.reporters.style import Style

GRAPH = 40
_LISTED, _OPENED = 10, 2
_FIRST, _LATER = 4, 100
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is shown: bytes of the table, rows of it, and sections of each sort."""

    listed: int
    rows: int | None = None
    sections: int | None = None


BRIEF = Extent(12_000, rows=50, sections=12)


def whole(limit: int) -> Extent:
    """Return the extent of a page of `limit` bytes that is to show everything."""
    return Extent(limit * 3 // 5)


@dataclass(slots=True)
class Body:
    """A start of at most some 4,000 bytes, sections, an end; `besides` is not among the sections.

    It counts those that are left out whatever room there is.
    """

    start: str
    sections: list[Section]
    end: str = ""
    besides: int = 0

    def add(self, things: Sequence[_T], extent: Extent, make: Callable[[_T], Section]) -> None:
        """Take in a section for each of some things of one sort, or for as many as are shown.

        The first of every sort come before the later ones of any, so that much of one sort, such
        as many edited datasets, does not take the room of all others.
        """
        kept = things[: extent.sections]
        for number, thing in enumerate(kept):
            section = make(thing)
            later = section.priority + _LATER * (number // _FIRST)
            self.sections.append(replace(section, priority=later))
        self.besides += len(things) - len(kept)

    def fitted(self, start: str, end: str, *, why: str, limit: int) -> str:
        """Return it all between a start and an end, with the sections that there is room for."""
        return fitted(
            start + self.start,
            self.sections,
            self.end + end,
            what="sections",
            why=why,
            limit=limit,
            besides=self.besides,
        )


def body(about: Proposal | Invalid, extent: Extent, style: Style) -> Body:
    """Return what there is to say: the most urgent first."""
    if isinstance(about, Invalid):
        return _invalid(about, extent, style)
    plan = about.plan
    title = "plan, offline" if about.offline else "plan"
    start = f"{_title(title, about, style)}\n{_headline(plan, about, style)}"
    if about.offline:
        start += "\n" + alert("NOTE", [_offline(about.offline, style)])
    found = [*all_findings(plan), *about.findings]
    changing = by_urgency(plan)
    rows = change_rows(changing[: extent.rows], plan, style)
    sections = [Section(text) for text in (_trains(plan, style), _deletes(plan, style)) if text]
    sections += [Section(_findings(found, extent.listed // 2, style))] if found else []
    if rows:
        more = len(changing) - len(rows)
        sections.append(Section(cut_table(HEAD, rows, limit=extent.listed, more=more), 1))
    made = Body(start, sections, f"Fingerprint: `{fingerprint(plan)}`\n")
    data = sorted(about.data, key=flips, reverse=True)
    opened = {change.address for change in data[:_OPENED] if flips(change)}
    made.add(data, extent, lambda c: data_section(c, about, style, shown=c.address in opened))
    for priority, group in grouped(changing, plan):
        made.add(group, extent, partial(_section, priority, plan.account, style))
    if drawn := graph(plan, style):
        text = folded("How it hangs together", drawn) if drawn.startswith("`") else drawn
        made.sections.append(Section(text, GRAPH))
    return made


def _section(priority: int, account: str, style: Style, change: Change) -> Section:
    return change_section(change, priority, account, style)


def _title(what: str, about: Proposal | Invalid, style: Style) -> str:
    env, commit = name(about.env, style), name(style.clean(about.commit)[:7], style)
    return "### " + " · ".join(filter(None, (f"dpo-ops {what}", env, commit))) + "\n"


def _headline(plan: Plan, about: Proposal, style: Style) -> str:
    if plan.in_sync:
        where = "those of the base branch" if about.offline else "the specs"
        text = f"**No changes.** {count(len(plan.changes), 'resource')} as {where} say."
    else:
        text = f"**{summary(plan)}**"
    if prices := costs(plan):
        text += f" · cost: {said('; '.join(prices), style)}"
    account = "" if about.offline else f"account {name(plan.account, style)}, "
    return f"{text}\n\n{account}stack {name(plan.stack, style)}\n"


def _offline(why: str, style: Style) -> str:
    return (
        "**This is an offline plan.** The specs were compared with those of the base branch, not"
        f" with the account: {said(why, style)}. What the account holds can change what is done."
    )


def _trains(plan: Plan, style: Style) -> str:
    jobs = trained(plan)
    if not jobs:
        return ""
    price = next((cost for cost in costs(plan) if cost.startswith("training")), "")
    money = f" ({said(price, style)})" if price else ""
    names = _listed([name(job.address, style) for job in jobs])
    return alert("WARNING", [f"**{count(len(jobs), 'job')} will be trained**{money}: {names}"])


def _deletes(plan: Plan, style: Style) -> str:
    gone = list(deleted(plan))
    if not gone:
        return ""
    lines = [f"**{count(len(gone), 'resource')} will be deleted**"]
    for proven in (False, True):
        names = [
            f"{name(id_, style)} of {name(change.address, style)}"
            for change, id_, later in gone
            if later is proven
        ]
        when = "once what replaces them answers" if proven else "at once"
        lines += [f"- {when}: {_listed(names)}"] if names else []
    return alert("CAUTION", lines)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _findings(found: Sequence[Finding], limit: int, style: Style) -> str:
    rows = [findings_row(finding, style) for finding in found]
    return items(rows, "finding", limit=limit)


def _invalid(about: Invalid, extent: Extent, style: Style) -> Body:
    error = about.error
    start = f"{_title('plan', about, style)}\n{alert('CAUTION', [_failure(error, style)])}"
    found = error.findings if isinstance(error, SpecError) else ()
    return Body(start, [Section(_findings(found, extent.listed, style))] if found else [])


def _failure(error: DpoOpsError, style: Style) -> str:
    parts = [said(part, style) for part in (error.where, error.why, error.fix) if part]
    return " · ".join([f"**Nothing can be planned: {said(error.what, style)}**", *parts])
