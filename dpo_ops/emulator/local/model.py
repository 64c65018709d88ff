"""Weights of this machine, ready to run: a tokenizer, a base model, adapters on it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.emulator.engine import EngineError
from dpo_ops.trainers import locate

from .adapters import Adapter, Adapters
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

# A prompt is fed in pieces of so many tokens, so that long ones let others in between.
_PIECE: Final = 256
_NO_LIMIT: Final = 1 << 30


class Model:
    """A causal language model. Safe to use from several threads, which take turns token by token.

    `vocabulary` is the number of tokens, `context` how many of them it can look at, and
    `ends` are those that end an answer.
    """

    def __init__(self, weights: str) -> None:
        self.weights = weights
        self.tokenizer, self._base = _load(weights)
        self.vocabulary = int(self._base.get_output_embeddings().weight.shape[0])
        self.context = _positions(self._base.config) or _NO_LIMIT
        said = self._base.generation_config.eos_token_id
        ends = said if isinstance(said, list) else [said]
        self.ends = {e for e in (*ends, self.tokenizer.eos_token_id) if e is not None}
        self._adapters = Adapters(self._base, weights)
        self._turns = Turns()

    def prepare(self, adapter: Adapter | None) -> None:
        """Load an adapter, if it is not loaded yet.

        Raises:
            EngineError: 412, where it does not fit.
        """
        with self._turns, self._adapters.on(adapter):
            pass

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens as an answer shows it, without special tokens."""
        return self._decode(ids, skip=True)

    def spell(self, ids: Sequence[int]) -> str:
        """Return the text of tokens as a prompt has it, with special tokens."""
        return self._decode(ids, skip=False)

    def name(self, token: int) -> str:
        """Return one token's text, or its entry in the vocabulary where it is half a character."""
        text = self.spell([token])
        return text if "\ufffd" not in text else str(self.tokenizer.convert_ids_to_tokens(token))

    def _decode(self, ids: Sequence[int], *, skip: bool) -> str:
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=skip, clean_up_tokenization_spaces=False
            )
        )

    def session(self, adapter: Adapter | None) -> Session:
        """Return a new reading of the model, with `adapter` on it."""
        return Session(self, adapter)

    def forward(
        self, adapter: Adapter | None, ids: Sequence[int], cache: Any
    ) -> tuple[torch.Tensor, Any]:
        """Run the model on more tokens: logits `[tokens, vocabulary]` as float32, and the cache."""
        import torch  # noqa: PLC0415 - loaded with the weights

        # Adapters are switched outside of inference mode: PEFT marks what is to have gradients.
        with self._turns, self._adapters.on(adapter) as model, torch.inference_mode():
            given = torch.tensor([list(ids)], device=self._base.device)
            out = model(input_ids=given, past_key_values=cache, use_cache=True)
            return out.logits[0].float().cpu(), out.past_key_values


class Session:
    """What was read so far, for one answer. For one thread at a time."""

    def __init__(self, model: Model, adapter: Adapter | None) -> None:
        self._model = model
        self._adapter = adapter
        self._cache: Any = None

    def read(self, ids: Sequence[int]) -> Iterator[torch.Tensor]:
        """Yield the logits after each token of `ids`, some tokens at a time."""
        for start in range(0, len(ids), _PIECE):
            piece = ids[start : start + _PIECE]
            logits, self._cache = self._model.forward(self._adapter, piece, self._cache)
            yield logits

    def after(self, ids: Sequence[int]) -> torch.Tensor:
        """Return the logits after the last token of `ids`."""
        *_, last = self.read(ids)
        return last[-1]


def context(weights: str) -> int | None:
    """Return how many tokens weights can look at; None where they don't say or can't be read."""
    from transformers import AutoConfig  # noqa: PLC0415 - of the extra

    place = locate(weights)
    try:
        return _positions(AutoConfig.from_pretrained(place.source, **place.arguments))
    except (OSError, ValueError):
        # Whoever loads them says what is wrong.
        return None


def _positions(config: Any) -> int | None:
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def _load(weights: str) -> tuple[Any, Any]:
    import torch  # noqa: PLC0415 - takes seconds, and is of the extra
    from transformers import (  # noqa: PLC0415 - the same
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,
    )

    place = locate(weights)
    # As they are trained: an adapter answers as it was measured.
    short = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    options: dict[str, Any] = {"dtype": torch.bfloat16 if short else torch.float32}
    if place.gguf:  # no adapter goes onto weights that stay quantized
        options["quantization_config"] = GgufConfig(dequantize=True)
    try:
        with _no_bars():
            tokenizer = AutoTokenizer.from_pretrained(place.source, **place.arguments)
            model: Any = AutoModelForCausalLM.from_pretrained(
                place.source, **options, **place.arguments
            )
    except (OSError, ValueError, KeyError) as error:
        fix = "give the emulator a folder, a .gguf file or an id that transformers can load"
        raise EngineError(f"the weights {weights} can't be loaded: {error}; {fix}") from error
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the library's progress bars off the emulator's terminal."""
    from transformers.utils import logging as untyped  # noqa: PLC0415 - of the extra

    logging: Any = untyped
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
