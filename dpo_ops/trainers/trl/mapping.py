"""A job's `trainingConfig` and `lossConfig` as arguments of TRL and PEFT. Pure.

Each field is mapped, only names something, or is refused by its path; none is passed over. The
defaults are the platform's, not TRL's. The schedule is constant unless `lrScheduler` says
otherwise: the platform's open recipe keeps the learning rate too.

`batchSizeSamples` counts the pairs of one optimizer step on all devices together: as many as
fit are run at once, the rest follows by gradient accumulation, and the loss is their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TARGETS: Final = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
"""The layers that the platform serves adapters on; all of them are the default."""

RANK: Final = 8
ALPHA: Final = 32
BATCH: Final = 4

NAMES: Final = (
    "trainingConfig.baseModel",
    "trainingConfig.warmStartFrom",
    "trainingConfig.outputModel",
)
"""What only names something: the weights and the adapter to start from are given beside them."""

MAPPED: Final[Mapping[str, str]] = {
    "trainingConfig.epochs": "num_train_epochs",
    "trainingConfig.learningRate": "learning_rate",
    "trainingConfig.loraRank": "r",
    "trainingConfig.loraAlpha": "lora_alpha",
    "trainingConfig.loraDropout": "lora_dropout",
    "trainingConfig.loraTargetModules": "target_modules",
    "trainingConfig.maxContextLength": "max_length",
    "trainingConfig.batchSizeSamples": "per_device_train_batch_size",
    "trainingConfig.learningRateWarmupSteps": "warmup_steps",
    "trainingConfig.optimizerWeightDecay": "weight_decay",
    "trainingConfig.lrScheduler.constant": "lr_scheduler_type",
    "trainingConfig.lrScheduler.linear": "lr_scheduler_type",
    "trainingConfig.lrScheduler.cosine": "lr_scheduler_type",
    "trainingConfig.lrScheduler.cosine.minLrRatio": "lr_scheduler_kwargs",
    "lossConfig.method": "DPOTrainer or ORPOTrainer",
    "lossConfig.dpo.beta": "beta",
    "lossConfig.orpo.lambda": "beta",
}
"""The path of each field that is mapped, and the argument that it becomes."""

_NO_CACHE = "TRL runs the reference model within each step, so there is no cache to set up"

REFUSED: Final[Mapping[str, str]] = {
    "lossConfig.dpo.refCacheConcurrency": _NO_CACHE,
    "lossConfig.dpo.refCacheBatchSize": _NO_CACHE,
}
"""The path of each field that is known and can't be had here, and why."""

_PARTS: Final = ("trainingConfig.lrScheduler", "lossConfig.dpo", "lossConfig.orpo")
_KNOWN: Final = frozenset((*NAMES, *MAPPED, *_PARTS))
_SCHEDULES: Final = ("constant", "linear", "cosine")
_LOSSES: Final = {"DPO": "dpo", "ORPO": "orpo"}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the libraries are given: `config` is for DPOConfig or ORPOConfig, `lora` for LoraConfig.

    `max_length` is left out of `config` where nothing is said: then it is the model's own.
    """

    method: str
    config: dict[str, Any]
    lora: dict[str, Any]


def refusals(settings: Mapping[str, Any], loss: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the path of each field that can't be obeyed, and why; nulls are as if left out."""
    paths = [*_paths("trainingConfig", settings), *_paths("lossConfig", loss)]
    found = [(path, REFUSED[path]) for path in paths if path in REFUSED]
    unknown = (path for path in paths if path not in _KNOWN and path not in REFUSED)
    found += [(path, "the trl trainer does not know it") for path in unknown]
    return [*found, *_bad_values(settings, loss)]


def _paths(prefix: str, said: Mapping[str, Any]) -> Iterator[str]:
    for key, value in said.items():
        path = f"{prefix}.{key}"
        if value is None:
            continue
        yield path
        if isinstance(value, dict) and path not in NAMES:
            yield from _paths(path, value)


def _bad_values(settings: Mapping[str, Any], loss: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if settings.get("loraRank") == 0:
        why = "it is 0, which tunes all parameters; this trainer makes adapters"
        yield "trainingConfig.loraRank", why
    others = sorted(set(settings.get("loraTargetModules") or ()) - set(TARGETS))
    if others:
        why = f"the platform serves no adapter on {', '.join(others)}, only on {', '.join(TARGETS)}"
        yield "trainingConfig.loraTargetModules", why
    named = [name for name in _SCHEDULES if _of(settings, "lrScheduler").get(name) is not None]
    if len(named) > 1:
        yield "trainingConfig.lrScheduler", f"it names {' and '.join(named)}; a training has one"
    method = loss.get("method") or "DPO"
    if method not in _LOSSES:
        yield "lossConfig.method", f"it is {method}; this trainer knows {' and '.join(_LOSSES)}"
        return
    for other, part in _LOSSES.items():
        if loss.get(part) and other != method:
            yield f"lossConfig.{part}", f"the method is {method}, so it would be ignored"


def arguments(
    settings: Mapping[str, Any],
    loss: Mapping[str, Any],
    *,
    devices: int = 1,
    pairs_at_once: int | None = None,
) -> Arguments:
    """Return the arguments for settings that `refusals` finds nothing in.

    `pairs_at_once` limits the pairs that one device runs at the same time, to save memory.
    """
    method = loss.get("method") or "DPO"
    at_once, times = split(settings.get("batchSizeSamples") or BATCH, devices, pairs_at_once)
    warmup = settings.get("learningRateWarmupSteps") or 0
    config = {
        "num_train_epochs": settings.get("epochs") or 1,
        "learning_rate": _or(settings.get("learningRate"), 1e-5),
        "weight_decay": _or(settings.get("optimizerWeightDecay"), 0.01),
        "warmup_steps": warmup,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": times,
        **_schedule(_of(settings, "lrScheduler"), warmup),
        **_loss(method, loss),
    }
    if settings.get("maxContextLength"):
        config["max_length"] = settings["maxContextLength"]
    lora = {
        "r": settings.get("loraRank") or RANK,
        "lora_alpha": settings.get("loraAlpha") or ALPHA,
        "lora_dropout": settings.get("loraDropout") or 0.0,
        "target_modules": sorted(settings.get("loraTargetModules") or TARGETS),
        "bias": "none",
        "task_type": "CAUSAL_LM",
    }
    return Arguments(method, config, lora)


def split(batch: int, devices: int, pairs_at_once: int | None = None) -> tuple[int, int]:
    """Return the pairs that a device runs at once, and how often, so that a step has `batch`.

    Raises:
        ValueError: the devices can't share the batch evenly.
    """
    share, rest = divmod(batch, devices)
    if rest:
        raise ValueError(f"{batch} pairs a step can't be shared evenly by {devices} devices")
    most = min(share, pairs_at_once or share)
    at_once = next(size for size in range(most, 0, -1) if share % size == 0)
    return at_once, share // at_once


def sharing(batch: int, devices: int) -> int:
    """Return how many of the devices can share a step of `batch` pairs evenly: as many as may."""
    return next(count for count in range(max(1, min(batch, devices)), 0, -1) if batch % count == 0)


def differences(settings: Mapping[str, Any], adapter: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is set otherwise than in the `adapter_config.json` of the adapter to go on from.

    Its shape is what it is: another rank, scaling or choice of layers can't be had with it.
    """
    asked = arguments(settings, {}).lora
    found = []
    for path, name in MAPPED.items():
        key = path.removeprefix("trainingConfig.")
        if name not in ("r", "lora_alpha", "target_modules") or not settings.get(key):
            continue
        there = adapter.get(name)
        there = sorted(there) if isinstance(there, list) else there
        if asked[name] != there:
            found.append((path, f"it is {asked[name]}, but the adapter to go on from has {there}"))
    return found


def _schedule(said: Mapping[str, Any], warmup: int) -> dict[str, Any]:
    if said.get("linear") is not None:
        return {"lr_scheduler_type": "linear"}
    if said.get("cosine") is not None:
        left = said["cosine"].get("minLrRatio") or 0.0
        kwargs = {"lr_scheduler_kwargs": {"min_lr_rate": left}} if left else {}
        return {"lr_scheduler_type": "cosine_with_min_lr" if left else "cosine", **kwargs}
    # `constant` would leave the warm-up out.
    return {"lr_scheduler_type": "constant_with_warmup" if warmup else "constant"}


def _loss(method: str, loss: Mapping[str, Any]) -> dict[str, Any]:
    if method == "ORPO":  # TRL calls ORPO's lambda beta
        return {"beta": _or(_of(loss, "orpo").get("lambda"), 1.0)}
    return {"beta": _or(_of(loss, "dpo").get("beta"), 0.1)}


def _of(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return said.get(key) or {}


def _or(value: Any, default: float) -> Any:
    return default if value is None else value
