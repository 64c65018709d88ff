"""Tokens: counted where there is a tokenizer, else estimated within the error that is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import SettingsError
from dpo_ops.pairs.cost import costs
from dpo_ops.pairs.prices import prices
from dpo_ops.pairs.rows import pair_of
from dpo_ops.pairs.tokens import ESTIMATE, PER_MESSAGE, Vocabulary, count_file, measure
from tests.pairs.edits import as_row

REAL = Path(__file__).parents[3] / "shared" / "data" / "orca-dpo.jsonl"
# Of the 284 real pairs, counted with the tokenizers that these models ship.
COUNTED = {"Llama 3": 192_156, "Qwen": 194_777, "Mistral Tekken": 195_406, "Llama 4": 190_178}
PROMPT, ANSWER, OTHER = "one two three", "four five", "six"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Return the file of a real tokenizer whose tokens are words."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text((json.dumps(as_row(PROMPT, ANSWER, OTHER)) + "\n") * 10 + "no pair\n")
    return path


def test_a_real_tokenizer_counts(words: Path, pairs: Path) -> None:
    found = count_file(pairs, Vocabulary(words))
    assert (found.rows, found.unreadable) == (10, 1)
    each = (3 + PER_MESSAGE, 2 + PER_MESSAGE, 1 + PER_MESSAGE)
    tokens = found.tokens
    assert (tokens.prompt, tokens.preferred, tokens.other) == tuple(10 * n for n in each)
    assert not tokens.estimated
    assert tokens.billable(2) == 2 * 10 * (2 * each[0] + each[1] + each[2])


def test_with_a_tokenizer_the_estimate_is_told_beside_it(words: Path, pairs: Path) -> None:
    found = costs([pairs], prices(), tokenizer=Vocabulary(words))
    assert found.estimate == count_file(pairs).tokens
    assert costs([pairs], prices()).estimate is None


def test_a_file_that_is_no_tokenizer_is_refused(pairs: Path) -> None:
    pytest.importorskip("tokenizers")
    for path in (pairs, pairs.with_name("gone")):
        with pytest.raises(SettingsError, match="is not a tokenizer"):
            Vocabulary(path)


def test_without_the_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(SettingsError) as failure:
        Vocabulary(tmp_path / "tokenizer.json")
    assert "dpo-ops[tokens]" in failure.value.fix


def test_the_estimate_is_within_its_error_on_real_pairs() -> None:
    if not REAL.exists():
        pytest.skip("the real pairs are not beside this repository (../shared/data)")
    tokens = count_file(REAL).tokens
    messages = 284 * 4
    bare = tokens.prompt + tokens.preferred + tokens.other - messages * PER_MESSAGE
    for counted in COUNTED.values():
        assert -0.005 < bare / counted - 1 < 0.035


@given(st.text())
def test_any_text_has_an_estimate_of_its_own_size(text: str) -> None:
    tokens = ESTIMATE.count(text)
    assert bool(tokens) == bool(text)
    assert tokens <= len(text)


def test_tools_count_as_part_of_the_prompt() -> None:
    row = as_row(PROMPT, ANSWER, OTHER)
    plain = pair_of(json.dumps(row).encode())
    row["input"]["tools"] = [{"name": "search", "about": "x" * 100}]
    tooled = pair_of(json.dumps(row).encode())
    assert plain
    assert tooled
    assert measure(tooled, ESTIMATE).prompt > measure(plain, ESTIMATE).prompt + 20
