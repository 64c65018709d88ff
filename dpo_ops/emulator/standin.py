"""The engine that runs no model: it answers in a fixed way, and every answer says so."""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from .engine import Finish, Generation, Progress, Prompt, Served, Token, TrainingOrder

LABEL: Final = "[dpo-ops emulator: stand-in answer, no model was run]"
NO_METRICS: Final = (
    b'{"note":"dpo-ops emulator: stand-in job, no model was trained; there are no metrics"}\n'
)
NOTE: Final = "STAND-IN.txt"
NO_ADAPTER: Final = "dpo-ops emulator: stand-in job, no model was trained; there are no weights\n"
_VOCABULARY: Final = 100_000


class StandIn:
    """Trains nothing and serves labelled text; equal questions get equal answers."""

    label = "stand-in"
    real = False

    def train(self, order: TrainingOrder) -> None:
        """Leave a file that says that nothing was trained."""
        (order.out / NOTE).write_text(NO_ADAPTER, encoding="utf-8")

    def progress(self, order: TrainingOrder) -> Progress:  # noqa: ARG002 - nothing to look at
        """Return `done`: the lifecycle's own durations are all there is to wait for."""
        return Progress("done")

    def metrics(self, order: TrainingOrder) -> bytes | None:  # noqa: ARG002 - nothing to look at
        """Return one line that says that there are no metrics."""
        return NO_METRICS

    def cancel(self, job: str) -> None:
        """Do nothing: there is no work to stop."""

    def close(self) -> None:
        """Do nothing: there is no work to stop."""

    def generate(self, served: Served, prompt: Prompt) -> Generation:
        """Answer with the label, the model's name and the number of prompt tokens.

        The log-probabilities are figures made from the tokens' own bytes. They have the
        right shape and repeat, and mean nothing.
        """
        asked = _prompt_tokens(prompt)
        answer = f"{LABEL} model={served.model} prompt_tokens={len(asked)} choice={prompt.choice}"
        cut = min((answer.find(s) for s in prompt.stop if s and s in answer), default=None)
        tokens = [_token(t, prompt.top) for t in split(answer[:cut])]
        return Generation(asked, _finished(tokens, prompt.max_tokens))


def split(text: str) -> list[str]:
    """Return `text` cut before each space and around each mark; joined, it is `text` again."""
    return re.findall(r"\s?\w+|\s?[^\w\s]|\s", text)


def _prompt_tokens(prompt: Prompt) -> list[Token]:
    if prompt.messages is not None:
        return [_token(t, prompt.top) for t in split(_render(prompt))]
    if isinstance(prompt.text, str) or prompt.text is None:
        return [_token(t, prompt.top) for t in split(prompt.text or "")]
    return [_token(f"<{number}>", prompt.top, number) for number in prompt.text]


def _render(prompt: Prompt) -> str:
    turns = ((m.get("role", ""), m.get("content") or "") for m in prompt.messages or ())
    return "\n".join(f"{role}: {_text(content)}" for role, content in turns)


def _text(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _token(text: str, top: int, number: int | None = None) -> Token:
    digest = zlib.crc32(text.encode())
    logprob = -round(0.05 + digest % 4000 / 1000, 3)
    others = [
        (f"{text}~{rank}", (digest + rank) % _VOCABULARY, logprob - rank) for rank in range(1, top)
    ]
    own = (text, digest % _VOCABULARY, logprob)
    alternatives = (own, *others) if top else ()
    return Token(text, digest % _VOCABULARY if number is None else number, logprob, alternatives)


def _finished(tokens: Sequence[Token], limit: int) -> Iterator[Token]:
    kept = tokens[:limit]
    finish: Finish = "length" if len(tokens) > limit else "stop"
    if not kept:
        yield Token("", -1, finish=finish)
    for place, token in enumerate(kept, 1):
        last: Finish | None = finish if place == len(kept) else None
        yield Token(token.text, token.id, token.logprob, token.top, last)
