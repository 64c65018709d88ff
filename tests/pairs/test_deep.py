"""The deep look: near duplicates, context length, secrets, personal data; and leaks."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import DpoOpsError, SettingsError
from dpo_ops.pairs import deep
from dpo_ops.pairs.deep import Depth, look_deep
from dpo_ops.pairs.leaks import leaks
from dpo_ops.pairs.private import sightings
from tests.pairs.rows import SHOWN, USER, fine, row

if TYPE_CHECKING:
    from pathlib import Path

# Put together here, so that no scanner of this repository takes them for real ones.
KEYS = {
    "an AWS access key": "AKIA" + "IOSFODNN7QWERTYU",
    "a GitHub token": "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "a Hugging Face token": "hf" + "_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
    "a Fireworks API key": "fw" + "_" + "3ZabCdEfGhIjKlMnOpQrStUv",
    "an API key": "sk" + "-proj-" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW",
    "a Google API key": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "a Slack token": "xoxb" + "-123456789012-abcdefGHIJKL",
    "a private key": "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG",
    "an e-mail address": "ada@lovelace.org",
    "a card number": "4012 8888 8888 1881",
    "a US social security number": "078-05-1120",
    "an IBAN": "DE89 3704 0044 0532 0130 00",
}
HARMLESS = [
    "AKIA" + "X" * 16, "ada@example.com", "a@b", "4111 1111 1111 1112", "0000 0000 0000 0000",
    "123-45-678", "000-12-3456", "3.14159265358979323846", "DE89 3704 0044 0532 0130 01",
    "sk-" + "a" * 40, "2026-11-23", "ghp_short", "10.0.0.1", "call 555-0100", "sk-learn",
]  # fmt: skip


def look(folder: Path, lines: list[str], depth: Depth) -> list[tuple[str, str, str]]:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(lines))
    found = look_deep(path, depth, shown=SHOWN)
    return [(f.rule, str(f.where).partition(":")[2], f.what) for f in found]


@pytest.mark.parametrize("kind", KEYS)
def test_what_looks_private_is_found_and_never_shown(tmp_path: Path, kind: str) -> None:
    text = f'é "here": {KEYS[kind]} end'
    line = row(messages=f'[{{"role": "user", "content": {json.dumps(text)}}}]')
    [(rule, place, what)] = look(tmp_path, [fine(1), line], Depth(similar=0))
    first = json.dumps(KEYS[kind])[1:-1][:12]
    assert place == f"2:{line.index(first) + 1}"
    assert what == f"what looks like {kind}"
    assert rule in {"likely-secret", "personal-data"}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_it_is_left_alone(text: str) -> None:
    assert list(sightings(f"so {text} it is")) == []


def test_a_pair_over_the_context_is_found(tmp_path: Path) -> None:
    depth = Depth(count=lambda pair: len(pair.messages[-1].text), context=6, similar=0)
    assert look(tmp_path, [fine(1), fine(2000), "{"], depth) == [
        ("over-context", "2:1", "9 tokens, of which 6 are read")
    ]


def test_near_duplicates_are_found(tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    words = " ".join(f"word{n} and" for n in range(200))
    lines = [
        row(messages=f"[{USER}]".replace("Why?", f"{words} {end}")) for end in ("first", "second")
    ]
    other = row(messages=f"[{USER}]".replace("Why?", words[::-1]))
    assert look(tmp_path, [fine(1), lines[0], other, lines[1]], Depth()) == [
        ("near-duplicate", "4:1", "nearly the same pair as in line 2")
    ]


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        return import_module(f"{name}_that_is_not_there")

    monkeypatch.setattr(deep, "import_module", missing)
    with pytest.raises(SettingsError) as caught:
        look(tmp_path, [fine(1)], Depth())
    assert "pip install 'dpo-ops[deep]'" in str(caught.value)


def test_an_input_in_both_files_is_a_leak(tmp_path: Path) -> None:
    training, held_out = tmp_path / "train.jsonl", tmp_path / "held.jsonl"
    training.write_text("\n".join([fine(1), "", fine(2), fine(2)]))
    held_out.write_text("\n".join([fine(3), "{", fine(2).replace("Dunno", "No idea"), fine(4)]))
    [found] = leaks(training, held_out, shown="held.jsonl", named="train.jsonl")
    assert (found.rule, str(found.where)) == ("held-out-leak", "held.jsonl:3:1")
    assert found.what == "the same input as in line 3 of train.jsonl"
    assert leaks(training, tmp_path / "held.jsonl", shown="a", named="b", cap=0)[0].what == (
        "and 1 more: an input that the training data has too"
    )


def test_a_file_that_can_not_be_read_is_no_leak(tmp_path: Path) -> None:
    with pytest.raises(DpoOpsError):
        leaks(tmp_path / "a", tmp_path / "b", shown="b", named="a")
