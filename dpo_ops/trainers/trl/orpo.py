"""TRL's ORPO trainer, with what it leaves out: tools, the count of tokens, and empty answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trl.data_utils import apply_chat_template
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

if TYPE_CHECKING:
    from datasets import Dataset


def trainer_for(config: dict[str, Any], pairs: Dataset, **given: Any) -> ORPOTrainer:
    """Return the trainer; pairs whose prompt alone fills the context are left out."""
    texts = _texts(pairs, given["processing_class"])
    # Its batches hold more than the model takes, and it says itself that this has to be set.
    options = ORPOConfig(**config, remove_unused_columns=False)
    return _Orpo(args=options, train_dataset=texts, **given)


def _texts(pairs: Dataset, tokenizer: Any) -> Dataset:
    """Return the pairs as texts: the trainer itself would leave tools out."""

    def text(row: dict[str, Any]) -> dict[str, str]:
        tools = json.loads(row["tools"]) if row.get("tools") else None
        texts: dict[str, str] = apply_chat_template(row, tokenizer, tools)
        return texts

    return pairs.map(text, remove_columns=pairs.column_names)


class _Orpo(ORPOTrainer):  # type: ignore[misc]
    """Counts tokens as DPOTrainer does, and leaves out what would have an empty answer."""

    train_dataset: Any
    _tokens = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.train_dataset = self.train_dataset.filter(_has_answers)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Count, and compute the loss."""
        masks = inputs["chosen_attention_mask"].sum() + inputs["rejected_attention_mask"].sum()
        self._tokens += int(self.accelerator.gather(masks).sum())
        return super().compute_loss(model, inputs, *args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log the count along with the rest, under the name that DPOTrainer has for it."""
        logs["num_tokens"] = self._tokens
        super().log(logs, *args, **kwargs)


def _has_answers(row: dict[str, Any]) -> bool:
    return all(any(mark >= 0 for mark in row[key]) for key in ("chosen_labels", "rejected_labels"))
