"""What the spec of a DPO job says, and what of it no trainer can do.

Source: `gatewayBaseTrainingConfig` and `gatewayReinforcementLearningLossConfig` in the Gateway
OpenAPI v4.259.0, whose names the fields have. `trainer`, `weights` and `lrScheduler` are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator
from pydantic import Field as Value

from dpo_ops.kinds.external import Adopted, External, full_name
from dpo_ops.kinds.facts import Kept, Problem, Spec, display_problem
from dpo_ops.kinds.values import Duration, SecretRef, look_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.resource import Content

Positive = Annotated[int, Value(ge=1)]


class JobReference(Spec):
    """The model that a DPOJob of these specs makes."""

    dpoJob: str
    """The name of the DPOJob."""


class Unvaried(Spec):
    """A schedule that has no settings: {}."""


class CosineDecay(Spec):
    """A fall along a half cosine."""

    minLrRatio: Annotated[float, Value(ge=0, lt=1)] | None = None
    """The share of the learning rate that is left at the end; 0 by default."""


class LrScheduler(Spec):
    """How the learning rate goes on after its warm-up: exactly one of these, constant if none."""

    constant: Unvaried | None = None
    """It stays."""
    linear: Unvaried | None = None
    """It falls to 0 by the last step."""
    cosine: CosineDecay | None = None
    """It falls along a half cosine."""


class TrainingConfig(Spec):
    """What is trained and how. A field left out is the platform's to default."""

    baseModel: str | None = None
    """The model to tune, in full: accounts/fireworks/models/…; or give warmStartFrom."""
    warmStartFrom: str | JobReference | None = None
    """A LoRA adapter to go on from: its full name, or {dpoJob: name}."""
    epochs: Positive | None = None
    """Passes over the data."""
    learningRate: Annotated[float, Value(gt=0)] | None = None
    """The optimizer's step size."""
    loraRank: Annotated[int, Value(ge=0, le=64)] | None = None
    """The rank of the adapter: 4 to 64, 8 by default; 0 tunes all parameters."""
    loraAlpha: Annotated[int, Value(ge=0)] | None = None
    """The scaling of the adapter; 0 is the trainer's default."""
    loraDropout: Annotated[float, Value(ge=0, lt=1)] | None = None
    """The share of adapter inputs dropped while training."""
    loraTargetModules: list[str] | None = None
    """The layers that get an adapter, such as q_proj."""
    maxContextLength: Annotated[int, Value(ge=16, multiple_of=16)] | None = None
    """The longest sequence, in tokens; a multiple of 16."""
    batchSizeSamples: Positive | None = None
    """Pairs an optimizer step."""
    learningRateWarmupSteps: Annotated[int, Value(ge=0)] | None = None
    """Steps until the learning rate is reached."""
    optimizerWeightDecay: Annotated[float, Value(ge=0)] | None = None
    """L2 regularisation."""
    lrScheduler: LrScheduler | None = None
    """How the learning rate goes on after its warm-up; for training on your own compute."""


class DpoLoss(Spec):
    """The DPO loss."""

    beta: Annotated[float, Value(gt=0, lt=0.5)] | None = None
    """How strongly the reference model holds back: above 0, below 0.5."""
    refCacheConcurrency: Positive | None = None
    """Reference forward passes at the same time."""
    refCacheBatchSize: Positive | None = None
    """Pairs a reference forward pass."""


class OrpoLoss(Spec):
    """The ORPO loss."""

    lambda_: Annotated[float, Value(gt=0)] | None = Value(None, alias="lambda")
    """The weight of the odds-ratio term."""


class LossConfig(Spec):
    """Which preference loss. The platform's sources differ on its default, so DPO is sent."""

    method: Literal["DPO", "ORPO"] = "DPO"
    """DPO or ORPO."""
    dpo: DpoLoss | None = None
    """For method DPO."""
    orpo: OrpoLoss | None = None
    """For method ORPO."""


class WandbConfig(Spec):
    """Logging to Weights & Biases."""

    enabled: bool | None = None
    """Whether to log."""
    apiKey: SecretRef | None = None
    """Where the key is: {secretRef: {env: WANDB_API_KEY}}; never the key itself."""
    project: str | None = None
    """The project's name."""
    entity: str | None = None
    """The team or user."""
    runId: str | None = None
    """The run's id."""


class Retry(Spec):
    """When a failed attempt is made again. Bad data never is."""

    max: Annotated[int, Value(ge=0, le=10)] | None = None
    """How often; 2 by default."""
    on: list[Literal["infrastructure", "cancelled"]] | None = None
    """After what; [infrastructure] by default."""


def _full(text: str) -> str:
    return full_name(text, "models")


Full = Annotated[str, AfterValidator(_full)]


class AdoptedModel(Adopted):
    """A model that is used as if this job had made it."""

    name: Full
    """Its full name: accounts/…/models/…."""


class ExternalModel(External):
    """A model that somebody else has trained."""

    id: Full
    """Its full name: accounts/…/models/…."""


class DPOJobSpec(Kept):
    """One model, tuned with preference pairs."""

    dataset: Annotated[str, Value(min_length=1)]
    """The name of a Dataset of these specs, or the full name of one that exists."""
    trainer: Literal["fireworks", "trl", "ray"] = "fireworks"
    """Who trains: the managed service, TRL on this machine, or TRL on a Ray cluster."""
    adopt: AdoptedModel | None = None
    """A model that is used instead of a training, as long as nothing that decides it changes."""
    weights: Annotated[str, Value(min_length=1)] | None = None
    """For trl and ray, where baseModel's weights are: a Hugging Face id, a folder, a .gguf file."""
    trainingConfig: TrainingConfig
    """What is trained and how."""
    lossConfig: LossConfig = LossConfig()
    """Which preference loss."""
    wandbConfig: WandbConfig | None = None
    """Logging to Weights & Biases."""
    purpose: Literal["PURPOSE_PILOT"] | None = None
    """How the platform schedules it."""
    displayName: str | None = None
    """A name for people; the mark of the stack is added to it."""
    retry: Retry | None = None
    """When a failed attempt is made again."""
    noProgressTimeout: Duration | None = None
    """The longest time in one state, such as 6h, before it is no longer waited for."""
    onSupersede: Literal["keep", "cancel", "finish"] | None = None
    """What becomes of a job of older settings that still runs: keep, by default, lets both run."""


def check(spec: DPOJobSpec) -> Iterator[Problem]:
    """Find what types alone can't say."""
    yield from display_problem(spec.displayName)
    yield from _trainer_problems(spec)
    training, loss = spec.trainingConfig, spec.lossConfig
    if spec.trainer != "fireworks" and isinstance(training.warmStartFrom, str):
        # Nobody here can ask the account which base that adapter belongs to.
        if training.baseModel is None:
            what = "has warmStartFrom with a full name, but no baseModel"
            why = "the model that is made has to name the base that it belongs to"
            yield Problem("trainingConfig", what, why, "add the baseModel of that adapter")
    elif (training.baseModel is None) == (training.warmStartFrom is None):
        count = "neither" if training.baseModel is None else "both"
        yield Problem(
            "trainingConfig",
            f"has {count} of baseModel and warmStartFrom",
            "a job starts from a base model or goes on from an adapter",
            "give exactly one",
        )
    if training.loraRank is not None and 0 < training.loraRank < 4:  # noqa: PLR2004  -- the platform's lowest rank
        yield Problem(
            "trainingConfig.loraRank",
            f"is {training.loraRank}",
            "an adapter of a rank below 4 can't be served",
            "use 4 to 64, or 0 to tune all parameters",
        )
    if training.lrScheduler and len(training.lrScheduler.model_fields_set) != 1:
        what = f"names {len(training.lrScheduler.model_fields_set)} schedules"
        fix = "write one, such as {linear: {}}"
        yield Problem("trainingConfig.lrScheduler", what, "a training has one", fix)
    for method, part in (("DPO", "dpo"), ("ORPO", "orpo")):
        if getattr(loss, part) is not None and loss.method != method:
            yield Problem(
                f"lossConfig.{part}",
                f"is set, but the method is {loss.method}",
                "it would be ignored",
                f"set method: {method}, or remove it",
            )


MOST_EXAMPLES = 3_000_000
"""Rows times epochs that the managed service trains on at most."""
TOO_MANY = f"a job takes {MOST_EXAMPLES:,} at most (DPO105)"


def takes(spec: DPOJobSpec, files: Mapping[str, Content]) -> Iterator[Problem]:
    """Find more epochs over a dataset than a job may have."""
    content, epochs = files.get("dataset"), spec.trainingConfig.epochs or 1
    # Of a file that is too large for one epoch the dataset itself tells.
    if spec.trainer != "fireworks" or content is None or content.rows > MOST_EXAMPLES:
        return
    if content.rows * epochs > MOST_EXAMPLES:
        examples = content.rows * epochs
        yield Problem(
            "trainingConfig.epochs",
            f"is {epochs}: times {content.rows:,} rows that are {examples:,} examples",
            TOO_MANY,
            f"train for {MOST_EXAMPLES // content.rows} epochs at most, or on fewer rows",
        )


def suits(spec: DPOJobSpec, links: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what is wrong beside what it refers to: to train here takes what lies here."""
    if spec.trainer == "fireworks":
        return
    if isinstance(links.get("dataset"), External):
        why = "its rows are in the account, and training on your own compute needs them here"
        yield Problem("dataset", "is external", why, "give that Dataset a source")
    start = "trainingConfig.warmStartFrom.dpoJob"
    if isinstance(links.get(start), External):
        why = "the model that is made has to name the base that it belongs to"
        fix = "write warmStartFrom: accounts/…/models/… and the baseModel of that adapter"
        yield Problem(start, "is external", why, fix)


NOT_MANAGED = {
    "weights": "the managed service has its own copy of baseModel",
    "trainingConfig.lrScheduler": "the managed service has no such setting",
}
"""What only trainers of one's own take, and why."""

NOT_HERE = {
    "wandbConfig": "it names a run that the managed service logs to",
    "purpose": "it says how the managed service schedules a job",
    "retry": "a training that failed here goes on from its checkpoint when you apply again",
    "noProgressTimeout": "there is no job to look at",
    "onSupersede": "there is no job to look at",
    "lossConfig.dpo.refCacheConcurrency": "it is about the managed service's own cache",
    "lossConfig.dpo.refCacheBatchSize": "it is about the managed service's own cache",
}
"""What only the managed service takes, and why."""


def _trainer_problems(spec: DPOJobSpec) -> Iterator[Problem]:
    said = spec.model_dump(by_alias=True, exclude_unset=True)
    managed = spec.trainer == "fireworks"
    for path, why in (NOT_MANAGED if managed else NOT_HERE).items():
        if look_up(said, path.split(".")) is not None:
            fix = "remove it, or set trainer: " + ("trl or ray" if managed else "fireworks")
            yield Problem(path, f"can't be set with trainer: {spec.trainer}", why, fix)
    if managed:
        return
    if spec.weights is None:
        what = f"is {spec.trainer}, and no weights are named"
        why = "baseModel says what they are called on Fireworks, not where they can be had"
        yield Problem("trainer", what, why, "add weights: a Hugging Face id, a folder or a .gguf")
    if spec.trainingConfig.loraRank == 0:
        why = "what goes to Fireworks afterwards is an adapter"
        fix = "use 4 to 64, or leave it out for 8"
        yield Problem("trainingConfig.loraRank", "is 0, which tunes all parameters", why, fix)
    if "/" in spec.dataset:
        why = "its rows are in the account, and training on your own compute needs them here"
        yield Problem("dataset", "is a full resource name", why, "name a Dataset of these specs")
