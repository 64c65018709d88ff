"""Loads weights, an adapter to go on from, and the pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from dpo_ops.trainers.contract import TrainingFailed
from dpo_ops.trainers.trl.failure import first_line
from dpo_ops.trainers.weights import locate

if TYPE_CHECKING:
    from pathlib import Path


def load(weights: str, adapter: Path | None) -> tuple[Any, Any]:
    """Return the model and its tokenizer; with `adapter`, a PeftModel that goes on from it.

    The weights are in bfloat16 on a GPU that has it, else in float32; the adapter is in float32.

    Raises:
        TrainingFailed: they can't be had, or can't be trained on preferences.
    """
    where = locate(weights)
    short = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    dtype = torch.bfloat16 if short else torch.float32
    options: dict[str, Any] = {"dtype": dtype, **where.arguments}
    if where.gguf:  # weights that stay quantized can't be trained on
        options["quantization_config"] = GgufConfig(dequantize=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(where.source, **where.arguments)
        model = AutoModelForCausalLM.from_pretrained(where.source, **options)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingFailed(
            f"the weights {weights} can't be loaded",
            first_line(error),
            "give a folder, a .gguf file or a Hugging Face id that can be reached from here; "
            "a gated one needs HF_TOKEN",
        ) from error
    if tokenizer.chat_template is None:
        fix = "take the instruct variant of the model"
        raise TrainingFailed(f"{weights} can't be trained", "it has no chat template", fix)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if adapter:
        try:
            model = PeftModel.from_pretrained(model, adapter, is_trainable=True)
        except (OSError, ValueError, RuntimeError) as error:
            what = f"the adapter in {adapter} can't be loaded on {weights}"
            raise TrainingFailed(what, first_line(error)) from error
    return model, tokenizer


def pairs(rows: list[dict[str, Any]], tokenizer: Any, weights: str) -> Dataset:
    """Return the rows as a dataset in memory.

    Raises:
        TrainingFailed: rows have tools, which the model's chat template would leave out.
    """
    if "tools" in rows[0] and "tools" not in str(tokenizer.chat_template):
        why = "rows have input.tools, and its chat template leaves tools out"
        raise TrainingFailed(f"{weights} can't be trained on these rows", why)
    # Messages differ in their keys; as a table, each would have those of all others, empty.
    return Dataset.from_list(rows, on_mixed_types="use_json")
