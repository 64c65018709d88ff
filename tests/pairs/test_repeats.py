"""Pairs that repeat or contradict each other are found in any order, form and number."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.pairs import repeats as module
from dpo_ops.pairs.keys import Columns, Keys
from dpo_ops.pairs.repeats import repeats
from tests.pairs.rows import BAD, GOOD, fine, inspect_bytes, row

if TYPE_CHECKING:
    from pathlib import Path


def findings(folder: Path, lines: list[str]) -> list[tuple[str, str]]:
    done = inspect_bytes(folder, "\n".join(lines).encode())
    return [(f.rule, f"{f.where}".partition(":")[2] + " " + f.what) for f in done.findings]


def test_a_pair_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    lines = [fine(1), fine(2), fine(1), fine(3), fine(1)]
    assert findings(tmp_path, lines) == [
        ("duplicate-pair", "3:1 the same pair as in line 1"),
        ("duplicate-pair", "5:1 the same pair as in line 1"),
    ]


def test_pairs_that_contradict_each_other_are_named_with_both_lines(tmp_path: Path) -> None:
    lines = [fine(1), row(), row(preferred=f"[{BAD}]", other=f"[{GOOD}]"), fine(2)]
    assert findings(tmp_path, lines) == [
        ("contradictory-pair", "3:1 the same input as in line 2, the sides swapped")
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: json.dumps(json.loads(text), separators=(",", ":")),
        lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
        lambda text: text.replace("Why", "\\u0057hy"),
        lambda text: text.replace('"Because."', '[{"type": "text", "text": "Because."}]'),
        lambda text: text.replace("}]}, ", '}], "tools": []}, '),
        lambda text: text + "  ",
    ],
)
def test_what_a_pair_means_is_compared_not_how_it_is_written(tmp_path: Path, change) -> None:  # noqa: ANN001
    lines = [fine(1), fine(2), fine(3), change(fine(2))]
    assert change(fine(2)) != fine(2)
    assert findings(tmp_path, lines) == [("duplicate-pair", "4:1 the same pair as in line 2")]


def test_the_same_answers_to_other_questions_are_no_repeat(tmp_path: Path) -> None:
    tools = fine(1).replace("}]}, ", '}], "tools": [{"a": 1}]}, ', 1)
    other = fine(1).replace("Be brief", "Be long")
    assert findings(tmp_path, [fine(1), fine(2), tools, other]) == []


@given(values=st.lists(st.integers(0, 6)), slices=st.integers(1, 8))
def test_repeats_are_those_that_a_plain_walk_finds(values: list[int], slices: int) -> None:
    keys = Keys()
    keys.make_room(len(values))
    # Large and small, negative too; the lowest bit of the value says which way round.
    pairs = [(v // 2) * 0x1234567890ABCD1 % 2**63 - (v // 2) for v in values]
    if values:
        keys.place(range(len(values)), Columns(array("q", pairs), bytes(v % 2 for v in values)))
    expected, firsts = set(), {}
    for line, (pair, value) in enumerate(zip(pairs, values, strict=True), 1):
        first = firsts.setdefault(pair, line)
        if pair and first != line:
            expected.add((line, first, value % 2 != values[first - 1] % 2))
    old = module._SLICE
    module._SLICE = max(1, len(values) // slices)
    try:
        assert set(repeats(keys)) == expected
    finally:
        module._SLICE = old


def test_many_repeats_are_capped_and_counted(tmp_path: Path) -> None:
    done = inspect_bytes(
        tmp_path, "\n".join([fine(1).replace("Because", "No")] * 5000).encode(), cap=2
    )
    assert [(f.rule, f.what) for f in done.findings] == [
        ("duplicate-pair", "the same pair as in line 1"),
        ("duplicate-pair", "the same pair as in line 1"),
        ("duplicate-pair", "and 4,997 more: a pair that stands here before"),
    ]
    assert str(done.findings[-1].where) == "prefs.jsonl:5000:1"
