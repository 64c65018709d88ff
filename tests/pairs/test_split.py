"""An input has one side, for ever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import DpoOpsError
from dpo_ops.pairs.rows import Pair, pair_of
from dpo_ops.pairs.split import Divided, Rule, place, split
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from pathlib import Path


def pair(prompt: str, **more: Any) -> Pair:
    found = pair_of(json.dumps({**as_row(prompt, "a", "b"), **more}).encode())
    assert found
    return found


def divided(folder: Path, rows: list[Any], share: float, seed: str = "") -> tuple[list[Any], ...]:
    (folder / "in").write_text("".join(json.dumps(row) + "\n" for row in rows))
    targets = folder / "training", folder / "held-out"
    split(folder / "in", *targets, Rule(share, seed), refuse=pytest.fail, force=True)
    return tuple([json.loads(line) for line in t.read_text().splitlines()] for t in targets)


ROWS = [as_row(f"question {n}", f"a{n}", "b") for n in range(2000)]


def test_the_share_is_about_what_was_asked_and_nothing_is_lost(tmp_path: Path) -> None:
    training, held_out = divided(tmp_path, ROWS, 0.1)
    assert 150 < len(held_out) < 250
    assert sorted(training + held_out, key=str) == sorted(ROWS, key=str)


def test_a_larger_share_only_adds_and_order_does_not_matter(tmp_path: Path) -> None:
    small, large = divided(tmp_path, ROWS, 0.1)[1], divided(tmp_path, ROWS[::-1], 0.3)[1]
    assert all(row in large for row in small)
    assert divided(tmp_path, ROWS, 0.1, seed="another")[1] != small


def test_the_same_question_lands_on_the_same_side() -> None:
    asked = place(pair("Why is the sky blue?"), "")
    assert place(pair(" why is  the SKY blue?\n", preferred_output=[{"content": "x"}]), "") == asked
    system = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "Why is the sky blue?"},
    ]
    assert place(pair("", input={"messages": system}), "") == asked
    assert place(pair("Why is the sea blue?"), "") != asked


def test_the_side_of_an_input_never_changes_between_versions() -> None:
    assert f"{place(pair('Why is the sky blue?'), ''):.12f}" == "0.089687952202"


def test_a_line_that_is_no_pair_stops_it_unless_it_may_be_left_out(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text(json.dumps(ROWS[0]) + "\n{}\n" + json.dumps(ROWS[1]))
    targets = tmp_path / "a", tmp_path / "b"
    refused: list[Any] = []
    with pytest.raises(DpoOpsError, match="1 of 3"):
        split(source, *targets, Rule(0.5), refuse=refused.append)
    assert [str(f.where) for f in refused] == [f"{source}:2:1"]
    assert not any(target.exists() for target in targets)
    done = split(source, *targets, Rule(0.5), refuse=refused.append, skip=True)
    assert isinstance(done, Divided)
    assert (done.training + done.held_out, done.lost) == (2, 1)


def test_two_sides_need_two_files(tmp_path: Path) -> None:
    (tmp_path / "in").write_text(json.dumps(ROWS[0]))
    same = tmp_path / "x"
    with pytest.raises(DpoOpsError, match="one name"):
        split(tmp_path / "in", same, same, Rule(0.5), refuse=pytest.fail)
