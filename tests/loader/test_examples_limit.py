"""Rows times epochs: only a job knows its epochs, only its dataset the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import SpecError
from dpo_ops.kinds import dpo_job_spec
from dpo_ops.loader import load
from dpo_ops.pairs.rules import MAX_ROWS, RULES

if TYPE_CHECKING:
    from tests.loader.conftest import Write

SPECS = """\
apiVersion: dpo-ops/v1
kind: DPOJob
metadata: {name: tune}
spec:
  dataset: prefs
  trainer: TRAINER
  trainingConfig:
    baseModel: accounts/fireworks/models/llama-v3p1-8b-instruct
    epochs: EPOCHS
---
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {name: prefs}
spec: {source: pairs.jsonl}
"""


def specs(epochs: int, trainer: str = "fireworks") -> str:
    # Who trains here names weights of its own.
    named = trainer if trainer == "fireworks" else f"{trainer}\n  weights: some/model"
    return SPECS.replace("EPOCHS", str(epochs)).replace("TRAINER", named)


def test_the_limit_is_that_of_the_rows() -> None:
    assert dpo_job_spec.MOST_EXAMPLES == MAX_ROWS
    assert RULES["too-many-examples"].id in dpo_job_spec.TOO_MANY


# The file has 4 rows.
@pytest.mark.parametrize(("epochs", "trainer"), [(750_000, "fireworks"), (750_001, "trl")])
def test_as_many_as_a_job_takes_are_fine(write: Write, epochs: int, trainer: str) -> None:
    assert len(load([write(specs=specs(epochs, trainer))]).state) == 2


def test_more_epochs_than_a_job_takes_are_found_where_they_are_written(write: Write) -> None:
    with pytest.raises(SpecError) as caught:
        load([write(specs=specs(750_001))])
    [finding] = caught.value.findings
    assert str(finding.where) == "specs.yaml:9:13"
    assert "4 rows" in finding.what
    assert "3,000,004 examples" in finding.what
    assert "750000 epochs" in finding.fix
