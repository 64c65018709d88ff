"""The text about a plan, or about why there is none, for a comment and for a job's summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.errors import SpecError
from dpo_ops.planner import fingerprint
from dpo_ops.reporters.markdown import Section, alert, cut_table, fitted, folded, items
from dpo_ops.reporters.plan_markdown import all_findings, by_urgency, findings_row
from dpo_ops.reporters.plan_words import costs, summary
from dpo_ops.reporters.pull.changes import HEAD, change_rows, change_sections
from dpo_ops.reporters.pull.data import data_section
from dpo_ops.reporters.pull.graph import graph
from dpo_ops.reporters.pull.subject import Invalid
from dpo_ops.reporters.pull.words import deleted, name, said, trained
from dpo_ops.reporters.style import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.errors import DpoOpsError, Finding
    from dpo_ops.planner import Plan
    from dpo_ops.reporters.pull.subject import Proposal
    from dpo_ops.reporters.style import Style

GRAPH = 40
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is shown: rows of the table, sections of a sort, bytes of one list."""

    rows: int | None = None
    sections: int | None = None
    listed: int = 200_000


ALL = Extent()
BRIEF = Extent(rows=50, sections=12, listed=12_000)


@dataclass(slots=True)
class Body:
    """A start of at most some 4,000 bytes, sections, an end; `besides` is not among the sections.

    It counts those that are left out whatever room there is.
    """

    start: str
    sections: list[Section]
    end: str = ""
    besides: int = 0

    def add(self, group: Sequence[Section], extent: Extent) -> None:
        """Take in sections of one sort, as many of them as are shown."""
        kept = group[: extent.sections]
        self.sections += kept
        self.besides += len(group) - len(kept)

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
    rows = change_rows(changing, plan, style)
    sections = [Section(text) for text in (_trains(plan, style), _deletes(plan, style)) if text]
    sections += [Section(_findings(found, extent, style))] if found else []
    if rows:
        table = cut_table(HEAD, rows, limit=extent.listed, most=extent.rows)
        sections.append(Section(table, 1))
    data = [data_section(change, about.samples, style) for change in about.data]
    made = Body(start, sections, f"Fingerprint: `{fingerprint(plan)}`\n")
    made.add(sorted(data, key=lambda section: section.priority), extent)
    for group in change_sections(changing, plan, style):
        made.add(group, extent)
    if drawn := graph(plan, style):
        made.sections.append(Section(folded("How it hangs together", drawn), GRAPH))
    return made


def _title(what: str, about: Proposal | Invalid, style: Style) -> str:
    env, commit = name(about.env, style), name(about.commit[:7], style)
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
    names = _listed(
        [
            f"{name(id_, style)} of {name(change.address, style)}"
            + (" once the new one answers" if proven else "")
            for change, id_, proven in gone
        ]
    )
    return alert("CAUTION", [f"**{count(len(gone), 'resource')} will be deleted**: {names}"])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _findings(found: Sequence[Finding], extent: Extent, style: Style) -> str:
    rows = [findings_row(finding, style) for finding in found]
    return items(rows, "finding", limit=extent.listed)


def _invalid(about: Invalid, extent: Extent, style: Style) -> Body:
    error = about.error
    start = f"{_title('plan', about, style)}\n{alert('CAUTION', [_failure(error, style)])}"
    found = error.findings if isinstance(error, SpecError) else ()
    return Body(start, [Section(_findings(found, extent, style))] if found else [])


def _failure(error: DpoOpsError, style: Style) -> str:
    parts = [said(part, style) for part in (error.where, error.why, error.fix) if part]
    return " · ".join([f"**Nothing can be planned: {said(error.what, style)}**", *parts])
