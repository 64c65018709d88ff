"""Real pairs pass without a word: the ones people have, and the ones we show."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from dpo_ops.pairs import inspect

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "orca-dpo.jsonl"
STORY = ROOT / "examples" / "einstein"


def test_real_pairs_pass() -> None:
    if not REAL.exists():
        pytest.skip("the real pairs are not beside this repository (../shared/data)")
    data = REAL.read_bytes()
    assert not data.endswith(b"\n")
    done = inspect(REAL, shown=REAL.name)
    assert done.findings == ()
    # One more than the file has line ends: the last row has none.
    assert done.rows == data.count(b"\n") + 1
    assert (done.digest, done.size) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize(
    ("name", "least"), [("einstein_dpo.jsonl", 24), ("einstein_heldout.jsonl", 8)]
)
def test_the_examples_pass(name: str, least: int) -> None:
    done = inspect(STORY / name, shown=name)
    assert done.findings == ()
    assert done.rows >= least


def test_the_examples_share_no_question() -> None:
    tuned, held_out = (questions(STORY / f"einstein_{n}.jsonl") for n in ("dpo", "heldout"))
    assert not tuned & held_out


def questions(path: Path) -> set[str]:
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["input"]["messages"][-1]["content"] for row in rows}
