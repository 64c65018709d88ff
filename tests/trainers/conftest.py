# ruff: noqa: PLC0415  -- what is not installed everywhere is imported where it is used
"""A model of random weights, small enough to train in a moment, and pairs for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpo_ops.trainers.contract import Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE = (
    "{% if tools %}<|tools|>{{ tools | tojson }}{% endif %}"
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TURNS = ("<|tools|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a Llama with 2 layers, whose tokens are bytes."""
    pytest.importorskip("trl")
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("weights") / "random-llama"
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=TURNS[-1])
    fast.add_special_tokens({"additional_special_tokens": list(TURNS[:-1])})
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    vocabulary = {"vocab_size": len(fast), "eos_token_id": fast.eos_token_id}
    config = LlamaConfig(**size, **heads, **vocabulary, max_position_embeddings=256)
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def pair(number: int) -> dict[str, object]:
    """Return a pair that is easy to learn: the answer is to be a word, not a number."""
    word = "".join(chr(ord("a") + (number * step) % 26) for step in (1, 3, 5, 7))
    return {
        "input": {"messages": [{"role": "user", "content": f"Say {word}."}]},
        "preferred_output": [{"role": "assistant", "content": f"{word} {word}"}],
        "non_preferred_output": [{"role": "assistant", "content": f"{number * 7919}"}],
    }


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 24 pairs."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps(pair(number)) + "\n" for number in range(24)))
    return path


@pytest.fixture(scope="session")
def ordered(
    weights: str, pairs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Training]:
    """Return a function that gives an order in a folder of its own."""

    def order(**changes: object) -> Training:
        plain = {
            "rows": (pairs,),
            "weights": weights,
            "settings": {"learningRate": 1e-3, "batchSizeSamples": 4},
            "loss": {"method": "DPO", "dpo": {"beta": 0.1}},
            "out": tmp_path_factory.mktemp("training") / "out",
        }
        return Training(**(plain | changes))  # type: ignore[arg-type]

    return order
