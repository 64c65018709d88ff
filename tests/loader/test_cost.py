"""What the loader says for a plan's cost: the tokens of the pairs, and the stack's limit."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import SpecError
from dpo_ops.loader import Loaded, load
from dpo_ops.pairs.tokens import count_file
from dpo_ops.resource import Address
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 23)
SPEC = """apiVersion: dpo-ops/v1
kind: Stack
metadata: {{name: team}}
spec: {{maxCost: {limit}}}
---
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {{name: prefs}}
spec:
  source: pairs.jsonl
  checks:
    severities: {{DPO501: off}}
    waivers: [{{rule: DPO502, reason: known, until: {until}}}]
"""


def loaded(
    folder: Path, *, count_tokens: bool, limit: str = "25", until: str = "2999-12-31"
) -> Loaded:
    rows = (json.dumps(as_row(f"q{n}", "good", "bad")) + "\n" for n in range(5))
    (folder / "pairs.jsonl").write_text("".join(rows))
    (folder / "specs.yaml").write_text(SPEC.format(limit=limit, until=until))
    return load([folder / "specs.yaml"], root=folder, count_tokens=count_tokens, today=TODAY)


@pytest.mark.parametrize("count_tokens", [False, True])
def test_tokens_are_counted_where_they_are_asked_for(tmp_path: Path, *, count_tokens: bool) -> None:
    content = loaded(tmp_path, count_tokens=count_tokens).state[Address("Dataset", "prefs")].content
    assert content
    counted = count_file(tmp_path / "pairs.jsonl").tokens
    assert content.tokens == (counted if count_tokens else None)


def test_the_limit_of_the_stack_is_in_the_state(tmp_path: Path) -> None:
    assert loaded(tmp_path, count_tokens=False).state.policy.max_cost == 25


def test_checks_do_not_decide_the_id(tmp_path: Path) -> None:
    first = loaded(tmp_path, count_tokens=False).state[Address("Dataset", "prefs")]
    other = loaded(tmp_path, count_tokens=False, until="2999-01-01")
    assert other.state[Address("Dataset", "prefs")].id == first.id
    assert "checks" not in first.body


@pytest.mark.parametrize(("limit", "until"), [("0", "2999-12-31"), ("25", "soon")])
def test_a_limit_of_nothing_and_a_day_that_is_none_are_refused(
    tmp_path: Path, limit: str, until: str
) -> None:
    with pytest.raises(SpecError):
        loaded(tmp_path, count_tokens=False, limit=limit, until=until)
