"""The seam behind which models are trained and served.

The emulator knows the API; an `Engine` knows models. `StandIn` (the default) runs none
and says so in every answer; `LocalEngine` trains and serves a model of this machine.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class TrainingOrder:
    """What to train. All names are full resource names.

    `rows` are the dataset's JSONL files, already checked against the row schema. `settings`
    and `loss` are the job's `trainingConfig` and `lossConfig` as stored (camelCase, only
    what was set). `adapter` is the adapter to continue from, for a warm start. The
    finished adapter goes into `out`, an empty folder that exists.
    """

    job: str
    base_model: str
    adapter: Path | None
    rows: Sequence[Path]
    settings: Mapping[str, Any]
    loss: Mapping[str, Any]
    out: Path


@dataclass(frozen=True)
class Progress:
    """How far a job is; `code` and `message` tell why it failed, as the job's `status` does."""

    state: Literal["running", "done", "failed"]
    message: str = ""
    code: str = "INTERNAL"


@dataclass(frozen=True)
class Served:
    """The model that a request was routed to.

    `base_model` is a full model name; `adapter` is the folder with the files of the
    addon on top of it (`adapter_config.json`, ...), None for the plain base.
    """

    model: str
    base_model: str
    adapter: Path | None


@dataclass(frozen=True)
class Prompt:
    """A generation to run. Exactly one of `messages` and `text` is set.

    `text` may be token ids. `top` is how many alternatives to give for each token.
    With `echo`, log-probabilities of the prompt's tokens are wanted too.
    `choice` counts the answers wanted for one prompt from 0, to vary the seed.
    `options` holds what else the request says that would change the answer, under the API's
    own names and only what was set: an engine that runs a model heeds it or refuses it.
    """

    messages: Sequence[Mapping[str, Any]] | None = None
    text: str | Sequence[int] | None = None
    max_tokens: int = 16
    temperature: float | None = None
    top_p: float | None = None
    stop: Sequence[str] = ()
    seed: int | None = None
    choice: int = 0
    top: int = 0
    echo: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Token:
    """One token. `logprob` is natural; `top` holds the alternatives, best first.

    Where the token itself is not among the best, it may stand behind them in `top`.
    `sampling_logprob` is that of the distribution the token was drawn from, after temperature
    and the like; None where it is the same. `finish` is set on the last token of an answer.
    An answer that has no token at all ends with one whose text is empty and whose id is -1.
    """

    text: str
    id: int
    logprob: float = 0.0
    top: Sequence[tuple[str, int, float]] = field(default=())
    finish: Finish | None = None
    sampling_logprob: float | None = None


@dataclass(frozen=True)
class Generation:
    """An answer under way: the prompt's tokens, and the new ones as they come."""

    prompt: Sequence[Token]
    tokens: Iterator[Token]


class Engine(Protocol):
    """Trains and serves. Called from several threads; nothing here may call the emulator.

    `train`, `progress`, `metrics` and `cancel` are called while the emulator holds its
    store, so they return at once and leave long work to a process or thread of their own.
    `label` goes out with every answer. A `real` engine's trainings last as long as they
    take; those of another last as long as the platform's.
    """

    label: str
    real: bool

    def train(self, order: TrainingOrder) -> None:
        """Begin a job and return. The same job may be ordered again after a restart."""

    def progress(self, order: TrainingOrder) -> Progress:
        """Say how far a job is; `done` promises that `order.out` is complete.

        A job that was ordered of an earlier process, and is not done, goes on.
        """

    def metrics(self, order: TrainingOrder) -> bytes | None:
        """Return the JSONL metrics file as far as it is written, None while there is none."""

    def cancel(self, job: str) -> None:
        """Stop a job; nothing happens where it is not running."""

    def generate(self, served: Served, prompt: Prompt) -> Generation:
        """Begin an answer. May block; raises `EngineError` when the model can't be run."""

    def close(self) -> None:
        """Stop all work in good order: what can go on later does, in another process."""


class EngineError(Exception):
    """An engine could not answer; the caller sees `status` and `code`, with the message."""

    def __init__(self, message: str, *, status: int = 500, code: str = "INTERNAL") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
