from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from dpo_ops.kinds.dpo_job_spec import LossConfig, TrainingConfig
from dpo_ops.trainers.trl import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    """Yield the path of each field that a spec can set, by the names that YAML has for them."""
    for name, field in model.model_fields.items():
        path = f"{prefix}.{field.alias or name}"
        inner = [part for part in _parts(field.annotation) if _is_model(part)]
        below = [leaf for part in inner for leaf in leaves(path, part)]
        # A reference to another resource is one value, and {} says something by being there.
        if path in mapping.NAMES or not below:
            yield path
        else:
            yield from [path] if path in mapping.MAPPED else []
            yield from below


def _parts(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", (annotation,))


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


FIELDS = (*leaves("trainingConfig", TrainingConfig), *leaves("lossConfig", LossConfig))


def test_each_field_of_a_spec_is_mapped_or_names_something_or_is_refused():
    # outputModel is added when a job is sent; no spec can set it.
    known = {*mapping.MAPPED, *mapping.NAMES, *mapping.REFUSED} - {"trainingConfig.outputModel"}
    assert set(FIELDS) == known


def test_no_field_is_both_mapped_and_refused():
    assert not set(mapping.MAPPED) & {*mapping.REFUSED, *mapping.NAMES}


OTHER: dict[str, Any] = {
    "trainingConfig.epochs": 3,
    "trainingConfig.learningRate": 5e-4,
    "trainingConfig.loraRank": 16,
    "trainingConfig.loraAlpha": 7,
    "trainingConfig.loraDropout": 0.25,
    "trainingConfig.loraTargetModules": ["q_proj"],
    "trainingConfig.maxContextLength": 64,
    "trainingConfig.batchSizeSamples": 6,
    "trainingConfig.learningRateWarmupSteps": 5,
    "trainingConfig.optimizerWeightDecay": 0.5,
    "trainingConfig.lrScheduler.linear": {},
    "trainingConfig.lrScheduler.cosine": {},
    "trainingConfig.lrScheduler.cosine.minLrRatio": 0.1,
    "lossConfig.dpo.beta": 0.3,
    "lossConfig.orpo.lambda": 0.5,
}


def put(path: str, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    part, *keys = path.split(".")
    for key in reversed(keys):
        value = {key: value}
    method = {"method": "ORPO" if "orpo" in keys else "DPO"}
    return (value, method) if part == "trainingConfig" else ({}, method | value)


@pytest.mark.parametrize("path", OTHER)
def test_a_mapped_field_changes_the_argument_that_it_is_said_to_become(path: str):
    settings, loss = put(path, OTHER[path])
    assert mapping.refusals(settings, loss) == []
    default = mapping.arguments({}, {"method": loss["method"]})
    changed = mapping.arguments(settings, loss)
    argument = mapping.MAPPED[path]
    one, other = default.config | default.lora, changed.config | changed.lora
    assert one.get(argument) != other[argument]


def test_the_defaults_are_the_platforms():
    said = mapping.arguments({}, {})
    assert said.method == "DPO"
    assert said.config == {
        "num_train_epochs": 1,
        "learning_rate": 1e-5,
        "weight_decay": 0.01,
        "warmup_steps": 0,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "lr_scheduler_type": "constant",
        "beta": 0.1,
    }
    assert (said.lora["r"], said.lora["lora_alpha"], said.lora["lora_dropout"]) == (8, 32, 0.0)
    assert said.lora["target_modules"] == sorted(mapping.TARGETS)
    assert mapping.arguments({}, {"method": "ORPO"}).config["beta"] == 1.0
    assert mapping.arguments({"loraAlpha": 0}, {}).lora["lora_alpha"] == 32


@pytest.mark.parametrize(
    ("settings", "kind", "kwargs"),
    [
        ({}, "constant", None),
        ({"learningRateWarmupSteps": 3}, "constant_with_warmup", None),
        ({"lrScheduler": {"constant": {}}}, "constant", None),
        ({"lrScheduler": {"linear": {}}, "learningRateWarmupSteps": 3}, "linear", None),
        ({"lrScheduler": {"cosine": {}}}, "cosine", None),
        (
            {"lrScheduler": {"cosine": {"minLrRatio": 0.1}}},
            "cosine_with_min_lr",
            {"min_lr_rate": 0.1},
        ),
    ],
)
def test_schedules(settings: dict[str, Any], kind: str, kwargs: dict[str, Any] | None):
    config = mapping.arguments(settings, {}).config
    assert (config["lr_scheduler_type"], config.get("lr_scheduler_kwargs")) == (kind, kwargs)


@pytest.mark.parametrize(
    ("settings", "loss", "path"),
    [
        ({"loraRank": 0}, {}, "trainingConfig.loraRank"),
        ({"loraTargetModules": ["q_proj", "lm_head"]}, {}, "trainingConfig.loraTargetModules"),
        ({"batchSize": 3}, {}, "trainingConfig.batchSize"),
        ({"lrScheduler": {"linear": {}, "cosine": {}}}, {}, "trainingConfig.lrScheduler"),
        (
            {"lrScheduler": {"cosine": {"decayRatio": 1}}},
            {},
            "trainingConfig.lrScheduler.cosine.decayRatio",
        ),
        ({}, {"method": "GRPO"}, "lossConfig.method"),
        ({}, {"klBeta": 0.1}, "lossConfig.klBeta"),
        ({}, {"method": "ORPO", "dpo": {"beta": 0.1}}, "lossConfig.dpo"),
        ({}, {"method": "DPO", "orpo": {"lambda": 0.1}}, "lossConfig.orpo"),
        ({}, {"dpo": {"refCacheBatchSize": 2}}, "lossConfig.dpo.refCacheBatchSize"),
        ({}, {"dpo": {"refCacheConcurrency": 2}}, "lossConfig.dpo.refCacheConcurrency"),
    ],
)
def test_what_can_not_be_obeyed_is_refused_by_its_path(
    settings: dict[str, Any], loss: dict[str, Any], path: str
):
    [(refused, why)] = mapping.refusals(settings, loss)
    assert refused == path
    assert why


def test_null_is_as_if_left_out():
    assert mapping.refusals({"epochs": None, "batchSize": None}, {"dpo": None}) == []
    assert mapping.arguments({"epochs": None}, {"dpo": None}) == mapping.arguments({}, {})


def test_what_only_names_something_is_passed_over():
    settings = {"baseModel": "a", "outputModel": "b", "warmStartFrom": {"dpoJob": "c"}}
    assert mapping.refusals(settings, {}) == []
    assert mapping.arguments(settings, {}) == mapping.arguments({}, {})


@pytest.mark.parametrize(
    ("batch", "devices", "limit", "expected"),
    [(4, 1, None, (4, 1)), (4, 2, None, (2, 1)), (8, 2, 3, (2, 2)), (6, 1, 4, (3, 2))],
)
def test_a_step_has_exactly_its_pairs(
    batch: int, devices: int, limit: int | None, expected: tuple[int, int]
):
    at_once, times = mapping.split(batch, devices, limit)
    assert (at_once, times) == expected
    assert at_once * times * devices == batch


def test_devices_that_do_not_divide_the_pairs():
    with pytest.raises(ValueError, match="4 pairs a step can't be shared evenly by 3 devices"):
        mapping.split(4, 3)
    assert [mapping.sharing(4, count) for count in (0, 1, 2, 3, 8)] == [1, 1, 2, 2, 4]


def test_an_adapter_to_go_on_from_keeps_its_shape():
    adapter = {"r": 16, "lora_alpha": 32, "target_modules": ["v_proj", "q_proj"]}
    assert mapping.differences({}, adapter) == []
    same = {"loraRank": 16, "loraAlpha": 32, "loraTargetModules": ["q_proj", "v_proj"]}
    assert mapping.differences(same, adapter) == []
    [(path, why)] = mapping.differences({"loraRank": 8}, adapter)
    assert (path, why) == (
        "trainingConfig.loraRank",
        "it is 8, but the adapter to go on from has 16",
    )


def test_the_libraries_know_the_arguments(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("trl")
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from peft import LoraConfig  # noqa: PLC0415
    from trl import DPOConfig  # noqa: PLC0415
    from trl.experimental.orpo import ORPOConfig  # noqa: PLC0415

    settings = {"maxContextLength": 64, "lrScheduler": {"cosine": {"minLrRatio": 0.1}}}
    said = mapping.arguments(settings, {})
    for config in (DPOConfig, ORPOConfig):
        assert set(said.config) <= {field.name for field in dataclasses.fields(config)}
    assert set(said.lora) <= {field.name for field in dataclasses.fields(LoraConfig)}
