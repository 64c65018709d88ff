"""What a spec makes of the findings in its file: its own severities, and waivers that lapse."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding, Severity
from dpo_ops.loader.tree import nearest
from dpo_ops.loader.words import quoted
from dpo_ops.pairs.policy import Policy, Waiver, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.loader.envelope import Draft
    from dpo_ops.pairs.policy import Level

_CHECKS = "checks"


def judged(draft: Draft, findings: Sequence[Finding], today: dt.date) -> Iterator[Finding]:
    """Yield what counts of the findings in the file of a draft, and what its waivers hide.

    A waiver is said with each load, so that everybody who reads a plan knows of it.
    """
    said = getattr(draft.model, _CHECKS, None)
    if said is None:
        yield from findings
        return
    waivers = []
    for index, waiver in enumerate(said.waivers or ()):
        made = _waiver(draft, index, waiver)
        if isinstance(made, Finding):
            yield made
        else:
            waivers.append(made)
    levels: dict[str, Level] = {
        rule: "off" if level == "off" else Severity(level)
        for rule, level in (said.severities or {}).items()
    }
    policy = Policy(levels, waivers, where=nearest(draft.spec, [_CHECKS]))
    verdict = judge(findings, policy, today=today)
    yield from verdict.findings
    for waiver, number in Counter(waiver for _, waiver in verdict.waived).items():
        yield _hidden(waiver, number)


def _waiver(draft: Draft, index: int, said: Any) -> Waiver | Finding:
    where = nearest(draft.spec, [_CHECKS, "waivers", index])
    try:
        return Waiver(said.rule, said.reason, dt.date.fromisoformat(said.until), where=where)
    except ValueError:
        what, fix = f"there is no day {quoted(said.until)}", "write it like 2027-01-31"
        return Finding(where, what, fix=fix, rule="wrong-type")


def _hidden(waiver: Waiver, number: int) -> Finding:
    findings = "1 finding" if number == 1 else f"{number} findings"
    what = f"{findings} of {waiver.rule} waived until {waiver.until}"
    return Finding(waiver.where, what, waiver.reason, "", "waived", Severity.WARNING)
