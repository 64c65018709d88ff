"""How tokens are drawn, held against the definitions."""

import math
from collections import Counter
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from dpo_ops.emulator.engine import Prompt  # noqa: E402
from dpo_ops.emulator.local.sampling import Drawn, Sampler  # noqa: E402

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0])


def sampler(asked: tuple[int, ...] = (), **fields: Any) -> Sampler:
    return Sampler(Prompt(text=list(asked), **{"seed": 1, **fields}), asked)


def drawn(times: int = 2000, **fields: Any) -> dict[int, float]:
    """The share of draws that each token gets."""
    made = sampler(**fields)
    counts = Counter(made.draw(LOGITS).id for _ in range(times))
    return {token: counts[token] / times for token in sorted(counts)}


def options(**fields: Any) -> dict[str, Any]:
    return {"options": fields}


def chances(logits: Any) -> list[float]:
    return logits.softmax(-1).tolist()


def test_the_shares_are_those_of_the_softmax():
    assert drawn() == pytest.approx(dict(enumerate(chances(LOGITS))), abs=0.04)
    cold = drawn(temperature=0.5)
    assert cold == pytest.approx(dict(enumerate(chances(LOGITS / 0.5))), abs=0.04)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"top_p": 0.0}, [0]),
        ({"top_p": 0.5}, [0]),
        ({"top_p": 0.7}, [0, 1]),
        (options(top_k=3), [0, 1, 2]),
        (options(top_k=0), [0, 1, 2, 3, 4]),
        (options(min_p=0.12), [0, 1, 2]),
        (options(min_p=1.0), [0]),
        (options(typical_p=0.2), [1]),
        (options(typical_p=0.3), [0, 1]),
        (options(typical_p=1.0), [0, 1, 2, 3, 4]),
        ({"top_p": 0.9, **options(top_k=2)}, [0, 1]),
        (options(logit_bias={"4": 100}), [4]),
        ({"temperature": 0.0, **options(logit_bias={"0": -100})}, [1]),
    ],
)
def test_what_is_cut_is_never_drawn(fields: dict[str, Any], left: list[int]):
    assert list(drawn(1000, **fields)) == left


def test_greedy_takes_the_best_and_is_certain():
    first = sampler(temperature=0).draw(LOGITS)
    assert (first.id, first.sampling_logprob) == (0, 0.0)
    assert first.logprob == pytest.approx(math.log(chances(LOGITS)[0]))


def test_logprobs_are_the_models_own():
    made = sampler(temperature=0.5, top=2, **options(logit_bias={"4": 100}))
    token = made.draw(LOGITS)
    own = LOGITS.log_softmax(-1).tolist()
    assert (token.id, token.logprob) == (4, pytest.approx(own[4]))
    assert token.sampling_logprob == pytest.approx(0)
    assert token.top == [
        (0, pytest.approx(own[0])), (1, pytest.approx(own[1])), (4, pytest.approx(own[4])),
    ]  # fmt: skip


def test_penalties_fall_on_what_was_made():
    made = sampler(temperature=0, **options(frequency_penalty=0.6, presence_penalty=0.6))
    # 2.0 less 1.2 is 0.8, and 1.0 is more; 1.0 less 1.2 is less than 0.8, less 0.6 is 0.2.
    assert [made.draw(LOGITS).id for _ in range(4)] == [0, 1, 0, 2]


def test_repetition_counts_the_prompt_too():
    made = sampler((0, 4), temperature=0, **options(repetition_penalty=2.0))
    asked = LOGITS.clone()
    first = made.draw(LOGITS)
    # 2.0 / 2 is no more than 1.0, and the first of equals is taken; then 1 is halved too.
    assert first.id == 0
    assert made._penalized(asked).tolist() == [1.0, 1.0, 0.5, 0.0, -2.0]
    made.draw(LOGITS - torch.tensor([9.0, 0, 0, 0, 0]))
    assert made._penalized(asked).tolist() == [1.0, 0.5, 0.5, 0.0, -2.0]
    assert asked.tolist() == LOGITS.tolist()


def test_a_seed_repeats_and_a_choice_varies():
    def ids(**fields: Any) -> list[int]:
        made = sampler(**fields)
        return [made.draw(LOGITS).id for _ in range(50)]

    assert ids(seed=3) == ids(seed=3)
    assert ids(seed=3) != ids(seed=4)
    assert ids(seed=3, choice=1) != ids(seed=3)
    assert ids(seed=None) != ids(seed=None)


def test_a_draw_says_how_likely_it_was():
    token = sampler(temperature=0.5).draw(LOGITS)
    assert isinstance(token, Drawn)
    expected = (LOGITS / 0.5).log_softmax(-1)[token.id]
    assert token.sampling_logprob == pytest.approx(float(expected))
