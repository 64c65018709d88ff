"""What is said of a Stack whose values are not as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import SpecError
from dpo_ops.loader import load

if TYPE_CHECKING:
    from pathlib import Path

DATA = """---
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {name: prefs}
spec: {source: pairs.jsonl}
"""
ACCEPT = "{address: Deployment/x, owner: ann, reason: r, until: %s}"


@pytest.mark.parametrize(
    ("spec", "what", "why", "fix"),
    [
        (
            "{maxCost: 0}",
            "maxCost is 0; it must be above 0",
            "US dollars that the training in one plan may cost, by the upper end of its estimate",
            "",
        ),
        (
            "{deletions: {maxShare: 2}}",
            "deletions.maxShare is 2; it must be 1 or less",
            "the share of what is there that one plan may delete: 0.5 is half",
            "",
        ),
        (
            "{deletions: {max: -1}}",
            "deletions.max is -1; it must be 0 or more",
            "how many resources one plan may delete",
            "",
        ),
        (
            f"{{drift: {{accept: [{ACCEPT % 'soon'}]}}}}",
            "drift.accept.0.until is 'soon'; it must be a date",
            "the last day on which it is accepted, such as 2027-01-31",
            "write a date as YYYY-MM-DD",
        ),
    ],
)
def test_a_wrong_value_is_told_in_words(
    spec: str, what: str, why: str, fix: str, tmp_path: Path
) -> None:
    (tmp_path / "pairs.jsonl").write_text("", encoding="utf-8")
    text = f"apiVersion: dpo-ops/v1\nkind: Stack\nspec: {spec}\n{DATA}"
    (tmp_path / "specs.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        load([tmp_path / "specs.yaml"], root=tmp_path)
    told = next(f for f in raised.value.findings if f.rule == "wrong-value")
    assert (told.what, told.why, told.fix) == (what, why, fix)
