"""A Dataset says how bad a finding is to it, and for how long it lives with one."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import Finding, SpecError
from dpo_ops.loader import load
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from pathlib import Path

LAST = "2026-12-31"
SPEC = """apiVersion: dpo-ops/v1
kind: Dataset
metadata: {{name: {name}}}
spec:
  source: pairs.jsonl
  checks: {checks}
"""


def found(
    folder: Path, *checks: str, today: str = "2026-11-23", same: bool = True
) -> list[Finding]:
    """Return the findings in a file whose last pair has two equal answers, or a wrong role."""
    rows = [as_row(f"q{n}", "good", "bad") for n in range(4)]
    bad = as_row("q", "same", "same")
    if not same:
        bad["preferred_output"][0]["role"] = "boss"
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, bad]))
    specs = [SPEC.format(name=f"prefs-{n}", checks=said) for n, said in enumerate(checks)]
    (folder / "specs.yaml").write_text("---\n".join(specs))
    try:
        day = date.fromisoformat(today)
        return list(load([folder / "specs.yaml"], root=folder, today=day).warnings)
    except SpecError as error:
        return list(error.findings)


def words(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, str(finding.severity)) for finding in findings]


def test_without_checks_a_finding_is_what_the_rules_say(tmp_path: Path) -> None:
    assert words(found(tmp_path, "null")) == [("same-answers", "warning")]


@pytest.mark.parametrize("rule", ["same-answers", "DPO501"])
def test_a_severity_is_the_projects_to_set(tmp_path: Path, rule: str) -> None:
    assert found(tmp_path, f"{{severities: {{{rule}: off}}}}") == []
    assert words(found(tmp_path, f"{{severities: {{{rule}: error}}}}")) == [
        ("same-answers", "error")
    ]


def test_a_waiver_is_told_with_its_reason_for_as_long_as_it_holds(tmp_path: Path) -> None:
    waiver = f"{{waivers: [{{rule: DPO501, reason: ticket 12, until: {LAST}}}]}}"
    [told] = found(tmp_path, waiver, today=LAST)
    assert (told.rule, str(told.severity)) == ("waived", "warning")
    assert (told.what, told.why) == ("1 finding of DPO501 waived until 2026-12-31", "ticket 12")
    assert str(told.where).startswith("specs.yaml:6:") or "specs.yaml:6:" in str(told.where)
    after = words(found(tmp_path, waiver, today="2027-01-01"))
    assert sorted(after) == [("same-answers", "warning"), ("waiver-lapsed", "error")]


def test_an_error_can_be_waived_too(tmp_path: Path) -> None:
    waiver = f"{{waivers: [{{rule: answer-role, reason: known, until: {LAST}}}]}}"
    assert "answer-role" in [rule for rule, _ in words(found(tmp_path, "null", same=False))]
    kept = [rule for rule, _ in words(found(tmp_path, waiver, same=False))]
    assert "waived" in kept
    assert "answer-role" not in kept


def test_one_spec_does_not_decide_for_another(tmp_path: Path) -> None:
    off = "{severities: {DPO501: off}}"
    assert words(found(tmp_path, off, "null")) == [("same-answers", "warning")]
    assert words(found(tmp_path, off, off)) == []


@pytest.mark.parametrize(
    ("checks", "rule"),
    [
        ("{severities: {DPO000: off}}", "unknown-rule"),
        ("{waivers: [{rule: DPO501, reason: x, until: 2026-02-31}]}", "wrong-type"),
        ("{waivers: [{rule: DPO502, reason: x, until: 2026-12-31}]}", "waiver-idle"),
    ],
)
def test_what_is_wrong_with_the_checks_is_found(tmp_path: Path, checks: str, rule: str) -> None:
    assert rule in [name for name, _ in words(found(tmp_path, checks))]


def test_without_a_day_no_waiver_holds(tmp_path: Path) -> None:
    waiver = "{waivers: [{rule: DPO501, reason: x, until: 9999-12-30}]}"
    found(tmp_path, waiver)
    with pytest.raises(SpecError):
        load([tmp_path / "specs.yaml"], root=tmp_path)
