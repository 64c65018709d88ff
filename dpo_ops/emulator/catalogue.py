"""The public account's models and deployment shapes: which base trains, which serves.

The flags follow what is known of the platform: a base that trains need not serve with
addons, and `tunable` is no answer to either question.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from .clock import nanoseconds
from .store import Row
from .world import OK, PUBLIC

PARENT: Final = f"accounts/{PUBLIC}"
ADDON_MODULES: Final = (
    "q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "gate_proj"
)  # fmt: skip
# The catalogue is older than any emulated account: 2026-01-01.
SINCE: Final = nanoseconds(1_767_225_600.0)
LiveMerge = Literal["yes", "no", "without-drafter"]


@dataclass(frozen=True)
class Model:
    """One public base model; `parameters` is a count, `context` is in tokens."""

    id: str
    kind: str
    parameters: int
    context: int = 131_072
    lora: bool = True
    full: bool = True
    tunable: bool = True
    serverless: bool = False


@dataclass(frozen=True)
class Shape:
    """One deployment shape of a base model; `versions` are oldest first, validated or not."""

    model: str
    preset: str
    precision: str
    addons: bool
    live_merge: LiveMerge
    accelerators: int = 1
    versions: tuple[bool, ...] = (True,)
    drafter: bool = False

    @property
    def id(self) -> str:
        """The shape's id, `<model>-<preset>`."""
        return f"{self.model}-{self.preset}"


MODELS: Final = (
    Model("llama-v3p1-8b-instruct", "llama", 8_030_261_248),
    Model("qwen3-14b", "qwen3", 14_768_307_200, 40_960),
    Model("qwen3-4b-instruct-2507", "qwen3", 4_022_468_096, 262_144),
    Model("qwen3-32b", "qwen3", 32_762_123_264),
    Model("qwen3-8b", "qwen3", 8_190_735_360, 40_960),
    Model("qwen2p5-7b-instruct", "qwen2", 7_615_616_512, 32_768, False, False, False),
    # `tunable` is the flag of the older platform, and misleads.
    Model("llama-v3p2-3b", "llama", 3_212_749_824, 131_072, False, False, True),
    Model("glm-5p3-flash", "glm", 31_221_488_576, 131_072, False, False, False, True),
)

SHAPES: Final = (
    Shape("llama-v3p1-8b-instruct", "minimal", "BF16", True, "yes", 1, (True, True)),
    Shape("llama-v3p1-8b-instruct", "fast", "FP8", False, "no"),
    Shape("qwen3-14b", "minimal", "BF16", True, "yes", 1, (True, False)),
    Shape("qwen3-14b", "fast", "FP8", False, "no", 2),
    Shape("qwen3-4b-instruct-2507", "minimal", "BF16", True, "yes"),
    Shape("qwen3-4b-instruct-2507", "fast", "FP8", False, "no"),
    Shape("qwen3-32b", "minimal", "BF16", True, "yes", 2),
    Shape("qwen3-32b", "fast", "FP8", False, "no", 2),
    Shape("qwen3-8b", "fast", "FP8", False, "without-drafter", drafter=True),
    Shape("qwen2p5-7b-instruct", "minimal", "BF16", False, "yes"),
)


@cache
def models() -> dict[str, Row]:
    """Return the public models by resource name."""
    made = (Row(f"{PARENT}/models/{m.id}", "models", _model(m)) for m in MODELS)
    return {row.name: row for row in made}


@cache
def shapes() -> dict[str, Row]:
    """Return the public shapes by resource name; `hidden` tells what the API does not."""
    made = (Row(f"{PARENT}/deploymentShapes/{s.id}", "deploymentShapes", _shape(s)) for s in SHAPES)
    facts = {f"{PARENT}/deploymentShapes/{s.id}": s for s in SHAPES}
    return {
        r.name: Row(r.name, r.collection, r.fields, {"liveMerge": facts[r.name].live_merge})
        for r in made
    }


@cache
def shape_versions() -> dict[str, Row]:
    """Return every version of every public shape by resource name."""
    return {row.name: row for shape in SHAPES for row in _versions(shape)}


def latest(shape_name: str) -> str:
    """Return the name of a shape's latest validated version."""
    versions = shape_versions().values()
    mine = (v for v in versions if v.name.startswith(f"{shape_name}/versions/"))
    return next(v.name for v in mine if v.fields["latestValidated"])


def _versions(shape: Shape) -> Iterator[Row]:
    name = f"{PARENT}/deploymentShapes/{shape.id}"
    newest = max(n for n, good in enumerate(shape.versions) if good)
    for number, good in enumerate(shape.versions):
        version = hashlib.sha256(f"{shape.id}:{number}".encode()).hexdigest()[:8]
        fields = {
            "createTime": SINCE + number * 86_400_000_000_000,
            "snapshot": {**_shape(shape), "name": name},
            "validated": good,
            "public": True,
            "latestValidated": number == newest,
        }
        yield Row(f"{name}/versions/{version}", "deploymentShapeVersions", fields)


def _model(model: Model) -> dict[str, Any]:
    return {
        "displayName": model.id,
        "createTime": SINCE,
        "updateTime": SINCE,
        "state": "READY",
        "status": dict(OK),
        "kind": "HF_BASE_MODEL",
        "public": True,
        "contextLength": model.context,
        "trainingContextLength": model.context,
        "baseModelDetails": {
            "worldSize": 1,
            "checkpointFormat": "HUGGINGFACE",
            "parameterCount": model.parameters,
            "tunable": model.tunable,
            "modelType": model.kind,
            "supportsFireattention": True,
            "defaultPrecision": "BF16",
        },
        "tunable": model.tunable,
        "supportsLora": model.lora,
        "supportsTools": True,
        "supportsServerless": model.serverless,
        "supervisedLoraTunable": model.lora,
        "supervisedFullParameterTunable": model.full,
        "rlLoraTunable": model.lora,
    }


def _shape(shape: Shape) -> dict[str, Any]:
    model = next(m for m in MODELS if m.id == shape.model)
    draft = {"draftModel": f"{PARENT}/models/{shape.model}-draft", "draftTokenCount": 3}
    return {
        "displayName": shape.id,
        "createTime": SINCE,
        "updateTime": SINCE,
        "baseModel": f"{PARENT}/models/{shape.model}",
        "modelType": model.kind,
        "parameterCount": model.parameters,
        "acceleratorCount": shape.accelerators,
        "acceleratorType": "NVIDIA_H100_80GB",
        "precision": shape.precision,
        "enableAddons": shape.addons,
        "maxContextLength": model.context,
        "presetType": shape.preset.upper(),
        **(draft if shape.drafter else {}),
    }
