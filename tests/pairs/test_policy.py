"""Severities and waivers: what a project makes of findings, and when a waiver lapses."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.pairs.policy import Policy, Waiver, judge
from dpo_ops.pairs.rules import RULES

TODAY = dt.date(2026, 11, 23)
WAIVER = Waiver("DPO502", "the upsampling is meant", TODAY)


def finding(name: str, file: str = "data/prefs.jsonl") -> Finding:
    return Finding(Place(file, 3), "it is so", rule=name, severity=RULES[name].severity)


TWICE, SYNTAX = finding("duplicate-pair"), finding("json-syntax")


def rules(found: tuple[Finding, ...]) -> list[str]:
    return [f.rule for f in found]


def test_no_policy_changes_nothing() -> None:
    verdict = judge([TWICE, SYNTAX], Policy(), today=TODAY)
    assert (verdict.findings, verdict.waived) == ((TWICE, SYNTAX), ())


@pytest.mark.parametrize("rule", ["DPO502", "dpo502", "duplicate-pair"])
def test_a_severity_is_changed_by_id_or_by_name(rule: str) -> None:
    verdict = judge([TWICE, SYNTAX], Policy({rule: Severity.ERROR}), today=TODAY)
    assert verdict.findings == (replace(TWICE, severity=Severity.ERROR), SYNTAX)


def test_a_rule_that_is_off_is_silent() -> None:
    assert judge([TWICE, SYNTAX], Policy({"DPO502": "off"}), today=TODAY).findings == (SYNTAX,)


def test_a_waiver_hides_what_it_is_for_up_to_its_day() -> None:
    verdict = judge([TWICE, SYNTAX], Policy(waivers=[WAIVER]), today=TODAY)
    assert (verdict.findings, verdict.waived) == ((SYNTAX,), ((TWICE, WAIVER),))


def test_a_waiver_that_has_lapsed_hides_nothing_and_is_a_finding() -> None:
    where = Place("dpo-ops.yaml", 7)
    late = replace(WAIVER, until=TODAY - dt.timedelta(1), where=where)
    verdict = judge([TWICE], Policy(waivers=[late]), today=TODAY)
    assert rules(verdict.findings) == ["duplicate-pair", "waiver-lapsed"]
    assert verdict.findings[1].where == where
    assert verdict.findings[1].what == (
        "the waiver for DPO502 lapsed after 2026-11-22: the upsampling is meant"
    )


def test_a_waiver_is_for_some_files() -> None:
    other = finding("duplicate-pair", "other.jsonl")
    waiver = replace(WAIVER, files="data/*")
    verdict = judge([TWICE, other], Policy(waivers=[waiver]), today=TODAY)
    assert verdict.findings == (other,)


def test_a_waiver_without_use_is_a_finding() -> None:
    verdict = judge([SYNTAX], Policy(waivers=[WAIVER]), today=TODAY)
    assert rules(verdict.findings) == ["json-syntax", "waiver-idle"]


def test_a_rule_that_does_not_exist_is_a_finding() -> None:
    policy = Policy({"DPO999": "off"}, [replace(WAIVER, rule="nonsense")])
    verdict = judge([], policy, today=TODAY)
    assert rules(verdict.findings) == ["unknown-rule", "unknown-rule"]


def test_what_nobody_can_live_with_is_neither_waived_nor_off() -> None:
    gone = finding("unreadable")
    policy = Policy({"DPO101": "off"}, [replace(WAIVER, rule="DPO101")])
    assert gone in judge([gone], policy, today=TODAY).findings
