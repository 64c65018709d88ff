"""What a project makes of findings: severities of its own, and waivers that lapse. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.pairs.rules import RULES, named

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Level = Severity | Literal["off"]
"""How bad a rule is to a project: error, warning or off."""

# Without these nothing is known of the file, or the waivers themselves would be waived.
_FIXED: Final = frozenset({"unreadable", "waiver-lapsed", "waiver-idle", "unknown-rule"})


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that a project lives with: of one rule (id or name), for a `reason`.

    It holds up to and with the day `until`, for the files whose shown path matches the
    pattern `files`. `where` says where it is written, for findings about it.
    """

    rule: str
    reason: str
    until: dt.date
    files: str = "*"
    where: Place | str = "policy"

    def covers(self, finding: Finding) -> bool:
        """Say whether it is about this finding; whether it has lapsed is not asked."""
        file = finding.where.file if isinstance(finding.where, Place) else finding.where
        return named(self.rule) == finding.rule and fnmatchcase(file, self.files)


@dataclass(frozen=True, slots=True)
class Policy:
    """Severities by rule (id or name), and waivers. An empty policy changes nothing."""

    severities: Mapping[str, Level] = field(default_factory=dict)
    waivers: Sequence[Waiver] = ()
    where: Place | str = "policy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What counts, and what was waived by which waiver."""

    findings: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]


def judge(findings: Iterable[Finding], policy: Policy, *, today: dt.date) -> Verdict:
    """Apply a policy to findings; what is wrong with the policy itself is added at the end."""
    kept: list[Finding] = []
    waived: list[tuple[Finding, Waiver]] = []
    standing = [waiver for waiver in policy.waivers if today <= waiver.until]
    for finding in _graded(findings, policy):
        waiver = next((w for w in standing if w.covers(finding)), None)
        if waiver and finding.rule not in _FIXED:
            waived.append((finding, waiver))
        else:
            kept.append(finding)
    used = [waiver for _, waiver in waived]
    own = [*_unknown(policy), *_lapsed(policy, today), *_idle(standing, used)]
    return Verdict((*kept, *own), tuple(waived))


def _graded(findings: Iterable[Finding], policy: Policy) -> Iterator[Finding]:
    levels = {named(rule): level for rule, level in policy.severities.items()}
    for finding in findings:
        level = finding.severity if finding.rule in _FIXED else levels.get(finding.rule)
        if level is None:
            yield finding
        elif level != "off":
            yield replace(finding, severity=Severity(level))


def _unknown(policy: Policy) -> Iterator[Finding]:
    for rule in policy.severities:
        if not named(rule):
            yield _about("unknown-rule", policy.where, f"a severity for {rule!r}")
    for waiver in policy.waivers:
        if not named(waiver.rule):
            yield _about("unknown-rule", waiver.where, f"a waiver for {waiver.rule!r}")


def _lapsed(policy: Policy, today: dt.date) -> Iterator[Finding]:
    for waiver in policy.waivers:
        if waiver.until < today and named(waiver.rule):
            what = f"the waiver for {waiver.rule} lapsed after {waiver.until}: {waiver.reason}"
            yield _about("waiver-lapsed", waiver.where, what)


def _idle(standing: Iterable[Waiver], used: Sequence[Waiver]) -> Iterator[Finding]:
    for waiver in standing:
        if waiver not in used and named(waiver.rule):
            what = f"the waiver for {waiver.rule} hides nothing: {waiver.reason}"
            yield _about("waiver-idle", waiver.where, what)


def _about(name: str, where: Place | str, what: str) -> Finding:
    rule = RULES[name]
    return Finding(where, what, rule.why, rule.fix, name, rule.severity)
