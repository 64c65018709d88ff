"""An answer, token by token: read the prompt, draw, show, look for the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.emulator.engine import Finish, Generation, Prompt, Token

from . import prompts
from .sampling import Drawn, Sampler, best
from .text import Pieces, Stops

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from .adapters import Adapter
    from .model import Model, Session
    from .prompts import Asked


def begin(model: Model, adapter: Adapter | None, prompt: Prompt) -> Generation:
    """Return an answer that is made as its tokens are asked for.

    The first token of an echoed prompt has nothing before it that could foretell it: its
    log-probability is 0, since the platform's schema has no null there.

    Raises:
        EngineError: 400 where the prompt can't be answered, 412 where the adapter does not fit.
    """
    prompts.check(prompt, model.vocabulary)
    asked = prompts.read(prompt, model.tokenizer, model.vocabulary)
    limit = _room(model, prompt, len(asked.ids))
    model.prepare(adapter)
    session = model.session(adapter)
    if not prompt.echo:
        heard = [Token("", number) for number in asked.ids]
        return Generation(heard, _tokens(model, session, prompt, asked, limit))
    heard, last = _scored(model, session, prompt, asked)
    return Generation(heard, _tokens(model, session, prompt, asked, limit, last))


def _room(model: Model, prompt: Prompt, size: int) -> int:
    """How many tokens the answer may have, of those that were asked for."""
    room = model.context - size
    if room < 0 or (room == 0 and prompt.max_tokens > 0):
        fit = f"the model's context holds {model.context}, answer included"
        raise prompts.refused(f"the prompt is too long: it has {size} tokens, and {fit}")
    if prompt.max_tokens <= room:
        return prompt.max_tokens
    if prompt.options.get("context_length_exceeded_behavior") == "error":
        total = f"{size} tokens of prompt and {prompt.max_tokens} of answer"
        raise prompts.refused(f"{total} are more than the model's context of {model.context}")
    return room


def _scored(
    model: Model, session: Session, prompt: Prompt, asked: Asked
) -> tuple[list[Token], torch.Tensor]:
    """The prompt's tokens with their log-probabilities, and the logits after the last."""
    pieces = Pieces(model.spell)
    tokens = [_heard(pieces, asked, 0, 0.0)]
    for logits in session.read(asked.ids):
        for row in logits.log_softmax(-1):
            place = len(tokens)
            if place == len(asked.ids):
                break
            number = asked.ids[place]
            top = _named(model, best(row, prompt.top, number))
            tokens.append(_heard(pieces, asked, place, float(row[number]), top))
    return tokens, logits[-1]


def _heard(
    pieces: Pieces,
    asked: Asked,
    place: int,
    logprob: float,
    top: tuple[tuple[str, int, float], ...] = (),
) -> Token:
    number = asked.ids[place]
    text = "" if place < asked.added else pieces.push(number)
    if place == len(asked.ids) - 1:
        text += pieces.rest()
    return Token(text, number, logprob, top)


def _tokens(
    model: Model,
    session: Session,
    prompt: Prompt,
    asked: Asked,
    limit: int,
    logits: torch.Tensor | None = None,
) -> Iterator[Token]:
    if limit == 0:
        yield Token("", -1, finish="length")
        return
    logits = session.after(asked.ids) if logits is None else logits
    sampler, pieces, stops = Sampler(prompt, asked.ids), Pieces(model.decode), Stops(prompt.stop)
    ends = set() if prompt.options.get("ignore_eos") else model.ends
    for made in range(1, limit + 1):
        drawn = sampler.draw(logits)
        finish: Finish | None = "length" if made == limit else None
        finish = "stop" if drawn.id in ends else finish
        text = pieces.push(drawn.id) + (pieces.rest() if finish else "")
        yield from stops.push(_token(model, drawn, text, finish))
        if stops.over:
            return
        logits = session.after([drawn.id])


def _token(model: Model, drawn: Drawn, text: str, finish: Finish | None) -> Token:
    top = _named(model, drawn.top)
    return Token(text, drawn.id, drawn.logprob, top, finish, drawn.sampling_logprob)


def _named(model: Model, top: list[tuple[int, float]]) -> tuple[tuple[str, int, float], ...]:
    return tuple((model.name(number), number, logprob) for number, logprob in top)
