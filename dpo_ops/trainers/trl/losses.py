"""The trainers of TRL, DPO and ORPO, made from what `mapping` says.

The reference of DPO is where the training starts from: the weights, or with an adapter to go
on from the weights with that adapter, of which TRL keeps a copy called `ref`. So `beta` holds
back the change of this training, not that of the one before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftModel
from torch.nn import Dropout
from trl import DPOConfig, DPOTrainer

from dpo_ops.trainers.contract import TrainingFailed

if TYPE_CHECKING:
    from datasets import Dataset

    from dpo_ops.trainers.trl.mapping import Arguments

_ENDLESS = 2**31 - 1


def trainer_of(
    said: Arguments, model: Any, tokenizer: Any, pairs: Dataset, more: dict[str, Any]
) -> Any:
    """Return the trainer.

    Raises:
        TrainingFailed: no pair fits into the context.
    """
    config = {**_context(model), **said.config, **more}
    start = {} if isinstance(model, PeftModel) else {"peft_config": LoraConfig(**said.lora)}
    given = {"model": model, "processing_class": tokenizer, **start}
    if said.method == "ORPO":
        # It is among TRL's experiments, which may move; DPO is to work then all the same.
        from dpo_ops.trainers.trl.orpo import trainer_for  # noqa: PLC0415

        trainer = trainer_for(config, pairs, **given)
    else:
        trainer = DPOTrainer(args=DPOConfig(**config), train_dataset=pairs, **given)
    left = len(trainer.train_dataset)
    if left < len(pairs):
        # The log is where a person looks who wonders about the number of steps.
        print(f"{len(pairs) - left} of {len(pairs)} pairs left out: their prompt fills the context")  # noqa: T201
    if not left:
        why = f"each prompt fills the context of {config['max_length']} tokens"
        raise TrainingFailed("there is nothing to train on", why, "raise maxContextLength")
    for adapter in trainer.model.peft_config.values():
        # With a name, PEFT asks the hub at each checkpoint whether the vocabulary was changed.
        adapter.base_model_name_or_path = ""
    _drop(trainer.model, said.lora["lora_dropout"])
    return trainer


def _context(model: Any) -> dict[str, Any]:
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return {"max_length": positions or _ENDLESS}


def _drop(model: Any, share: float) -> None:
    """Set the adapter's dropout, which TRL takes for the model's own and turns off."""
    for module in model.modules():
        drops = getattr(module, "lora_dropout", {})
        if share and "default" in drops:
            drops["default"] = Dropout(share)
