"""How the next token is drawn from a model's logits.

In this order: `logit_bias`, the penalties, `temperature`, `top_k`, `top_p`, `min_p`,
`typical_p`. What is not set does nothing; a temperature that is not set is 1, the middle of
the platform's range, since its own default is not on record. `min_p` is a probability, as the
platform describes it, and not a share of the best token's.

Log-probabilities are the model's own, before all of these, as the platform has them;
`sampling_logprob` is that of the distribution that was drawn from.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from dpo_ops.emulator.engine import Prompt

HEEDED: Final = frozenset(
    [
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "presence_penalty",
        "repetition_penalty",
        "top_k",
        "typical_p",
    ]
)
"""The request's options that are read here."""

_GREEDY_BELOW: Final = 1e-5


@dataclass(frozen=True)
class Drawn:
    """A token that was drawn, with its log-probabilities and the `top` best with theirs."""

    id: int
    logprob: float
    sampling_logprob: float
    top: list[tuple[int, float]]


class Sampler:
    """Draws the tokens of one answer. Logits are float32, one for each token there is."""

    def __init__(self, prompt: Prompt, asked: Sequence[int]) -> None:
        import torch  # noqa: PLC0415 - an emulator that serves no model must not load it

        said = prompt.options
        self._temperature = 1.0 if prompt.temperature is None else prompt.temperature
        self._cuts = {k: said[k] for k in ("top_k", "min_p", "typical_p") if k in said}
        self._cuts["top_p"] = 1.0 if prompt.top_p is None else prompt.top_p
        self._frequency = said.get("frequency_penalty", 0)
        self._presence = said.get("presence_penalty", 0)
        self._repetition = said.get("repetition_penalty", 1)
        self._bias = {int(k): float(v) for k, v in said.get("logit_bias", {}).items()}
        self._top = prompt.top
        self._asked = sorted(set(asked)) if self._repetition != 1 else []
        self._made: Counter[int] = Counter()
        self._generator = torch.Generator()
        self._generator.manual_seed(_seed(prompt))

    def draw(self, logits: torch.Tensor) -> Drawn:
        """Return the next token."""
        import torch  # noqa: PLC0415 - loaded long ago

        own = logits.log_softmax(-1)
        shaped = self._penalized(self._biased(logits))
        if self._temperature < _GREEDY_BELOW:
            token, sampling = int(shaped.argmax()), 0.0
        else:
            scores = _cut(shaped / self._temperature, self._cuts).log_softmax(-1)
            token = int(torch.multinomial(scores.exp(), 1, generator=self._generator))
            sampling = float(scores[token])
        self._made[token] += 1
        return Drawn(token, float(own[token]), sampling, best(own, self._top, token))

    def _biased(self, logits: torch.Tensor) -> torch.Tensor:
        if not self._bias:
            return logits
        logits = logits.clone()
        for token, bias in self._bias.items():
            logits[token] += bias
        return logits

    def _penalized(self, logits: torch.Tensor) -> torch.Tensor:
        """Each penalty falls on the answer so far; that on repetition on the prompt too."""
        logits = logits.clone()
        if self._repetition != 1:
            seen = [*self._asked, *(t for t in self._made if t not in self._asked)]
            scores = logits[seen]
            factor = self._repetition
            logits[seen] = scores.where(scores > 0, scores * factor).where(
                scores <= 0, scores / factor
            )
        if self._made:
            made = list(self._made)
            counts = logits.new_tensor([self._made[t] for t in made])
            logits[made] -= counts * self._frequency + self._presence
        return logits


def best(logprobs: torch.Tensor, count: int, token: int) -> list[tuple[int, float]]:
    """Return the `count` likeliest tokens, best first, and behind them `token` if it is not one."""
    if not count:
        return []
    values, places = logprobs.topk(min(count, logprobs.shape[-1]))
    found = [(int(p), float(v)) for p, v in zip(places, values, strict=True)]
    return found if any(p == token for p, _ in found) else [*found, (token, float(logprobs[token]))]


def _cut(scores: torch.Tensor, cuts: Mapping[str, Any]) -> torch.Tensor:
    """Scores with those of tokens that must not be drawn at minus infinity; the best one stays."""
    top_k = cuts.get("top_k", 0)
    if 0 < top_k < scores.shape[-1]:
        scores = scores.masked_fill(scores < scores.topk(top_k).values[-1], -float("inf"))
    if cuts["top_p"] < 1:
        scores = _nucleus(scores, scores.softmax(-1), cuts["top_p"])
    if cuts.get("min_p", 0) > 0:
        chances = scores.softmax(-1)
        low = (chances < cuts["min_p"]) & (chances < chances.max())
        scores = scores.masked_fill(low, -float("inf"))
    if 0 < cuts.get("typical_p", 1) < 1:
        chances = scores.softmax(-1)
        surprise = -chances.log()
        expected = (chances * surprise).nansum()
        # The closer to what is expected, the sooner it is let in.
        order = -(surprise - expected).abs()
        scores = _nucleus(scores, chances, cuts["typical_p"], order)
    return scores


def _nucleus(
    scores: torch.Tensor, chances: torch.Tensor, mass: float, order: torch.Tensor | None = None
) -> torch.Tensor:
    """Keep the first tokens, by `order` or by chance, whose chances reach `mass` together."""
    places = (chances if order is None else order).argsort(descending=True, stable=True)
    sums = chances[places].cumsum(-1)
    # A token goes when those before it reach the mass already; so the first one stays.
    gone = places[1:][sums[:-1] >= mass]
    return scores.index_fill(-1, gone, -float("inf"))


def _seed(prompt: Prompt) -> int:
    """The seed of one choice of an answer; fresh where the request has none."""
    if prompt.seed is None:
        return secrets.randbits(63)
    mixed = hashlib.sha256(f"{prompt.seed}:{prompt.choice}".encode()).digest()
    return int.from_bytes(mixed[:8]) >> 1
