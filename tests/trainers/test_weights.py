"""Where weights are, from how they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.trainers.weights import TINY, TINY_FOLDER, Weights, locate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (TINY, Weights(str(TINY_FOLDER))),
        ("Qwen/Qwen3-8B", Weights("Qwen/Qwen3-8B")),
        ("Qwen/Qwen3-8B@main", Weights("Qwen/Qwen3-8B", revision="main")),
        ("gpt2@11c5a3d", Weights("gpt2", revision="11c5a3d")),
        ("models/smol.gguf", Weights("models", gguf="smol.gguf")),
        ("./a@b/model", Weights("./a@b/model")),
    ],
)
def test_weights_are_found_by_their_name(named: str, found: Weights) -> None:
    assert locate(named) == found


def test_a_folder_that_is_there_is_that_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model@v2"
    folder.mkdir()
    assert locate(str(folder)) == Weights(str(folder))


def test_only_what_was_said_is_asked_for() -> None:
    assert locate("a/b").arguments == {}
    assert locate("a/b@v1").arguments == {"revision": "v1"}
    assert locate("c/d.gguf").arguments == {"gguf_file": "d.gguf"}
