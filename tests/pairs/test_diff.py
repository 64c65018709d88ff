"""Every edit is counted once, and as what it is."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.diff import SHOWN, Comparison, Fate, compare
from dpo_ops.pairs.order import moved
from tests.pairs.edits import as_row, write_edited

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, rows: list[Any], **style: Any) -> Path:
    path.write_text("".join(json.dumps(row, **style) + "\n" for row in rows))
    return path


def differing(folder: Path, before: list[Any], after: list[Any]) -> dict[Fate, int]:
    found = compare(write(folder / "a", before), write(folder / "b", after))
    assert_adds_up(found)
    return {fate: number for fate, number in found.counts.items() if number and fate in SHOWN}


def assert_adds_up(found: Comparison) -> None:
    counts = found.counts
    both = counts[Fate.SAME] + counts[Fate.FLIPPED] + found.edited
    assert found.rows_before == both + counts[Fate.REMOVED]
    assert found.rows_after == both + counts[Fate.ADDED]
    assert counts[Fate.MOVED] + counts[Fate.REWRITTEN] <= 2 * counts[Fate.SAME]


@pytest.mark.parametrize("spaced", [False, True], ids=["same bytes", "every line rewritten"])
def test_known_edits_are_counted_exactly(tmp_path: Path, spaced: bool) -> None:
    before, after = tmp_path / "a", tmp_path / "b"
    known = write_edited(before, after, 5000, spaced=spaced)
    found = compare(before, after)
    assert_adds_up(found)
    expected = known | {Fate.REWRITTEN: known[Fate.SAME] if spaced else 0}
    assert found.counts == expected


ROW = as_row("q", "good", "bad")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([ROW], [ROW], {}),
        ([], [ROW], {Fate.ADDED: 1}),
        ([ROW, ROW], [ROW], {Fate.REMOVED: 1}),
        ([ROW], [as_row("q", "bad", "good")], {Fate.FLIPPED: 1}),
        ([ROW], [as_row("q", "better", "bad")], {Fate.EDITED_PREFERRED: 1}),
        ([ROW], [as_row("q", "good", "worse")], {Fate.EDITED_OTHER: 1}),
        ([ROW], [as_row("q", "better", "worse")], {Fate.EDITED_BOTH: 1}),
        ([ROW], [as_row("Q", "good", "bad")], {Fate.ADDED: 1, Fate.REMOVED: 1}),
        # The same input twice: each is matched to what it came from.
        (
            [ROW, as_row("q", "x", "y")],
            [as_row("q", "x", "z"), as_row("q", "bad", "good")],
            {Fate.EDITED_OTHER: 1, Fate.FLIPPED: 1},
        ),
        # Of two equal rows one was flipped.
        ([ROW, ROW], [ROW, as_row("q", "bad", "good")], {Fate.FLIPPED: 1}),
        # A pair without a difference is the same either way round.
        ([as_row("q", "s", "s")], [as_row("q", "s", "s")], {}),
        ([ROW, as_row("p", "x", "y")], [as_row("p", "x", "y"), ROW], {Fate.MOVED: 1}),
        (["no pair"], ["no pair"], {}),
        (["no pair"], ["another"], {Fate.ADDED: 1, Fate.REMOVED: 1}),
    ],
)
def test_one_edit_is_one_change(
    tmp_path: Path, before: list[Any], after: list[Any], expected: dict[Fate, int]
) -> None:
    assert differing(tmp_path, before, after) == expected


def test_spaces_key_order_and_text_in_parts_are_no_change(tmp_path: Path) -> None:
    other = json.loads(json.dumps(ROW, sort_keys=True))
    other["input"]["tools"] = []
    other["preferred_output"][0]["content"] = [{"type": "text", "text": "good"}]
    found = compare(write(tmp_path / "a", [ROW]), write(tmp_path / "b", [other], indent=None))
    assert found.equal
    assert found.counts[Fate.REWRITTEN] == found.counts[Fate.SAME] == 1


def test_tokens_change_by_what_changed(tmp_path: Path) -> None:
    longer = as_row("q", "good " * 100, "bad")
    found = compare(write(tmp_path / "a", [ROW]), write(tmp_path / "b", [longer]))
    change = found.tokens_after.billable() - found.tokens_before.billable()
    assert change == found.tokens_after.preferred - found.tokens_before.preferred > 100


def test_samples_show_both_versions_with_their_lines(tmp_path: Path) -> None:
    before = write(tmp_path / "a", [as_row(f"q{n}", "x", "y") for n in range(9)])
    after = write(tmp_path / "b", [as_row(f"q{n}", "y", "x") for n in range(9)])
    samples = compare(before, after, samples=2).samples
    assert [(s.before.line, s.after.line) for s in samples if s.before and s.after] == [
        (1, 1),
        (2, 2),
    ]
    first = samples[0]
    assert first.fate is Fate.FLIPPED
    assert first.before
    assert first.before.pair
    assert first.before.pair.preferred == "x"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DpoOpsError, match="gone"):
        compare(tmp_path / "gone", tmp_path / "gone")


rows = st.lists(st.tuples(*[st.sampled_from("abc")] * 3), max_size=8)


@given(before=rows, after=rows)
def test_the_numbers_always_add_up_and_mirror(
    tmp_path_factory: pytest.TempPathFactory, before: list[Any], after: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    a = write(folder / "a", [as_row(*r) for r in before])
    b = write(folder / "b", [as_row(*r) for r in after])
    there, back = compare(a, b), compare(b, a)
    assert_adds_up(there)
    assert there.counts[Fate.SAME] == back.counts[Fate.SAME]
    assert there.counts[Fate.ADDED] == back.counts[Fate.REMOVED]
    assert compare(a, a).equal


@given(st.permutations(range(7)))
def test_the_fewest_rows_are_said_to_have_moved(order: list[int]) -> None:
    found = moved(order)
    kept = [value for index, value in enumerate(order) if index not in found]
    assert kept == sorted(kept)
    longest = max(
        size
        for size in range(8)
        for pick in combinations(order, size)
        if list(pick) == sorted(pick)
    )
    assert len(found) == len(order) - longest
