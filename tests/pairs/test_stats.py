"""What a file looks like, in numbers that can be counted by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpo_ops.pairs.scripts import script_of
from dpo_ops.pairs.stats import Bucket, lengths, statistics
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from pathlib import Path


def test_mean_and_percentiles_are_those_of_the_values() -> None:
    found = lengths(dict.fromkeys(range(1, 101), 1))
    assert (found.mean, found.p50, found.p90, found.p99, found.longest) == (50.5, 50, 90, 99, 100)
    assert found.total == 5050
    expected = [(1, 1), (2, 1), (4, 2), (8, 4), (16, 8), (32, 16), (64, 32), (128, 36)]
    assert found.histogram == tuple(Bucket(*pair) for pair in expected)


def test_nothing_has_no_lengths() -> None:
    assert lengths({}).histogram == ()


def test_the_numbers_of_a_file(tmp_path: Path) -> None:
    long = as_row("why?", "because " * 50, "dunno")
    short = as_row("how?", "so", "in quite another way, which takes many words")
    again = as_row("how?", "thus", "otherwise, in some other way")
    short["input"]["messages"].insert(0, {"role": "system", "content": "Be brief."})
    again["input"] = short["input"]
    path = tmp_path / "pairs.jsonl"
    rows = [long, short, short, again]
    path.write_text("\n\n".join(map(json.dumps, rows)) + "\n{\n")
    found = statistics([path])
    assert (found.rows, found.unreadable) == (4, 1)
    assert (found.duplicates, found.repeated_inputs) == (1, 2)
    assert (found.bias.longer, found.bias.shorter, found.bias.equal) == (1, 3, 0)
    assert found.roles == {"user": 4, "system": 3}
    assert found.scripts == {"Latin": 4}
    assert (found.turns.mean, found.turns.longest) == (1.75, 2)
    assert found.tokens.preferred == found.preferred.total


def test_repeats_are_found_across_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(json.dumps(as_row("q", "a", "b")))
    assert statistics(paths).duplicates == 1


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Why?", "Latin"),
        ("Straße über naïve", "Latin"),
        ("Почему небо синее? API", "Cyrillic"),
        ("空はなぜ青いのですか", "Kana"),
        ("天空为什么是蓝色的", "Han"),
        ("하늘은 왜 파란가", "Hangul"),
        ("لماذا السماء زرقاء", "Arabic"),
        ("आकाश नीला क्यों है", "Devanagari"),
        ("123 !?", "no letters"),
        ("1 × 2 …", "no letters"),  # noqa: RUF001
        ("ᚠᚢᚦ", "other"),
        ("", "no letters"),
    ],
)
def test_the_script_of_a_text(text: str, script: str) -> None:
    assert script_of(text) == script
