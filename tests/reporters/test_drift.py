"""Drift is shown so that one sees what it is, who lives with it, and what to do."""

from __future__ import annotations

import re

import pytest

from dpo_ops.errors import Place, Severity
from dpo_ops.planner.drift import Drift, Sort
from dpo_ops.reporters import PLAIN, Style, workflow_commands
from dpo_ops.reporters.drift import drift_document, drift_findings, drift_markdown, drift_text
from dpo_ops.reporters.style import cells
from tests.reporters import cases, drifts

ACCEPTED = cases.golden("""\
  ~ changed    Deployment/serve  serve-0000000001
      differs
        maxReplicaCount: the account has 4, the spec says 1
      accepted by ann until 2026-12-31: a load test

Not applied yet, which is no drift:
  DPOJob/tune: not in the account

No drift: 1 accepted, 1 not applied yet, 1 resource as they were left.
account acme, stack default
""")


def test_what_is_accepted_is_shown_with_who_and_why_and_asks_for_nothing() -> None:
    assert drift_text(drifts.ACCEPTED) == ACCEPTED
    assert drift_findings(drifts.ACCEPTED, cases.ALL) == []
    assert drift_document(drifts.ACCEPTED)["found"] is False


def test_every_sort_says_what_to_do_and_that_what_was_accepted_has_lapsed() -> None:
    text = drift_text(drifts.EACH)
    assert text.count("which has lapsed") == len(Sort)
    document = drift_document(drifts.EACH)
    assert document["found"]
    assert [entry["sort"] for entry in document["drifted"]] == [str(sort) for sort in Sort]
    flat = " ".join(text.split())
    assert all(entry["fix"] and entry["fix"] in flat for entry in document["drifted"])


def test_names_are_in_full() -> None:
    for said in (drift_text(drifts.EACH), drift_markdown(drifts.EACH), drift_document(drifts.EACH)):
        assert "accounts/-/" not in str(said)
        assert "accounts/acme/models/theirs" in str(said)


def test_annotations_stand_at_the_line_of_the_spec_or_name_the_address() -> None:
    found = drift_findings(drifts.EACH, cases.ALL)
    assert {finding.where for finding in found} == {Place("spec.yaml", 1, 1)}
    assert {finding.severity for finding in found} == {Severity.WARNING}
    gone = drift_findings(drifts.EACH, type(cases.ALL)({}))
    assert {finding.where for finding in gone} == {"Deployment/serve"}
    assert workflow_commands(gone).startswith("::warning title=drift::Deployment/serve: ")


@pytest.mark.parametrize("found", drifts.ALL)
@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_too_wide_and_none_acts_on_a_terminal(found: Drift, width: int) -> None:
    text = drift_text(found, Style(width=width))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    for line in text.splitlines():
        assert cells(line) <= width or " " not in line.strip(), line


def test_markdown_keeps_hostile_text_as_text() -> None:
    text = drift_markdown(drifts.HOSTILE_DRIFT, PLAIN)
    prose = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<img" not in prose
    assert "@octocat" not in prose
    assert "](" not in prose.replace("\\](", "")
    assert "http://" not in prose
    row = next(line for line in text.splitlines() if line.startswith("| `~`"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
