from __future__ import annotations

from dataclasses import replace

from dpo_ops.planner.drift import Drift
from dpo_ops.reporters.drift import drift_markdown
from dpo_ops.reporters.pull import drift_issue, header_line, is_drift_issue
from dpo_ops.reporters.pull.status import LIMIT
from tests.reporters import drifts
from tests.reporters.pull.scenes import HEADER, STATUS


def test_the_issue_says_what_drifts():
    text = drift_issue("prod", drifts.EACH, STATUS)
    line, _, rest = text.partition("\n")
    assert line == '<!-- dpo_ops {"drift":"prod"} -->'
    assert rest.startswith("What `prod` holds is not as it was left.")
    assert drift_markdown(drifts.EACH) in text
    assert text.endswith(f"Last looked at in run [#123]({STATUS.url}) at 12:01 UTC.\n")


def test_the_issue_is_closed_when_nothing_drifts_any_more():
    text = drift_issue("prod", drifts.NONE, replace(STATUS, note="by hand"))
    assert "Nothing drifts in `prod` any more, so this is closed." in text
    assert "**No drift: 3 resources as they were left.**" in text
    assert text.endswith(" at 12:01 UTC · by hand.\n")


def test_an_issue_is_of_one_environment():
    text = drift_issue("prod --> x", drifts.NONE, STATUS)
    assert is_drift_issue(text, "prod --> x")
    assert not is_drift_issue(text, "prod")
    assert not is_drift_issue(header_line(HEADER), "prod")
    assert not is_drift_issue("", "")


def test_of_very_much_drift_the_first_rows_are_shown():
    one = drifts.EACH.drifted[0]
    found = Drift("acme", "default", (one,) * 2_000, drifts.ACCEPTED.pending * 2_000, 1)
    text = drift_issue("prod", found, STATUS)
    assert "more rows*" in text
    assert "- *and 1," in text
    assert len(text.encode()) <= LIMIT
