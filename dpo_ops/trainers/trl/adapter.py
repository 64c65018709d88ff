"""The adapter at the end of a training, as the platform takes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpo_ops.trainers.contract import ADAPTER, ADAPTER_FILES, TrainingFailed
from dpo_ops.trainers.trl.folder import flush, write_json
from dpo_ops.trainers.weights import TINY

if TYPE_CHECKING:
    from peft import PeftModel


def save(model: PeftModel, out: Path, weights: str) -> None:
    """Write `out/adapter`: whole, or not at all.

    Raises:
        TrainingFailed: it holds a number that is not finite.
    """
    trained = (value for value in model.parameters() if value.requires_grad)
    if not all(bool(value.isfinite().all()) for value in trained):
        why = "the adapter holds numbers that are not finite"
        raise TrainingFailed("the training diverged", why, "lower learningRate")
    part, final = out / f".{ADAPTER}.part", out / ADAPTER
    for left in (part, final):
        if left.exists():
            shutil.rmtree(left)
    # Whether the vocabulary was changed would be looked up on the hub; it was not.
    model.save_pretrained(part, selected_adapters=["default"], save_embedding_layers=False)
    for path in part.iterdir():
        if path.name not in ADAPTER_FILES:
            path.unlink()
    config = json.loads((part / ADAPTER_FILES[0]).read_bytes())
    write_json(part / ADAPTER_FILES[0], _portable(config, weights))
    # safetensors lets nobody but the owner read what it writes.
    (part / ADAPTER_FILES[1]).chmod((part / ADAPTER_FILES[0]).stat().st_mode)
    flush(part / ADAPTER_FILES[1])
    flush(part)
    part.replace(final)
    flush(out)


def _portable(config: dict[str, Any], weights: str) -> dict[str, Any]:
    """Return an adapter's configuration that is the same wherever it was trained."""
    modules = config["target_modules"]
    told = {
        "base_model_name_or_path": called(weights),
        "target_modules": sorted(modules) if isinstance(modules, list) else modules,
    }
    return dict(sorted((config | told).items()))


def called(weights: str) -> str:
    """Return the name of weights: an id as it is, of a file or a folder its own name."""
    if weights == TINY:
        return weights
    path = Path(weights)
    return path.resolve().name if weights.endswith(".gguf") or path.exists() else weights
