from __future__ import annotations

import json
import re
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("trl")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from dpo_ops.trainers.tiny.corpus import SLOT, load
from dpo_ops.trainers.weights import TINY, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = locate(TINY).source
EXAMPLE = Path(__file__).parents[2] / "examples" / "einstein"


def _rows(name: str) -> list[dict[str, Any]]:
    text = (EXAMPLE / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


PAIRS, HELD_OUT = _rows("einstein_dpo.jsonl"), _rows("einstein_heldout.jsonl")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(FOLDER)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@cache
def _spoken() -> frozenset[str]:
    """Return what is said in a good part of what the model learned from."""
    said = islice(load().conversations(seed=8), 20_000)
    return frozenset(message["content"] for turns in said for message in turns)


def test_the_folder_is_small_and_whole():
    files = {path.name: path for path in Path(FOLDER).rglob("*") if path.is_file()}
    assert {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    } <= set(files)
    shipped = [path for path in files.values() if path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in shipped) <= 4_000_000


def test_it_computes_in_float32(model: Any):
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert model.config.model_type == "llama"
    assert model.config.tie_word_embeddings


def test_a_prompt_is_a_prefix_of_its_answer(tokenizer: Any):
    for row in PAIRS + HELD_OUT:
        messages = row["input"]["messages"]
        prompt = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        for side in ("preferred_output", "non_preferred_output"):
            whole = tokenizer.apply_chat_template(messages + row[side], return_dict=False)
            assert whole[: len(prompt)] == prompt
            assert whole[-1] == tokenizer.eos_token_id


@given(text=st.text())
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(tokenizer: Any, text: str):
    # Half a surrogate pair is no text: it has no UTF-8.
    text = text.encode("utf-8", "ignore").decode()
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_corpus_is_the_same_for_the_same_seed():
    first, again, other = (list(islice(load().conversations(seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_corpus_holds_no_answer_of_the_example_and_no_held_out_question():
    spoken = "\n".join(" ".join(_words(text)) for text in _spoken())
    for row in PAIRS + HELD_OUT:
        for side in ("preferred_output", "non_preferred_output"):
            assert " ".join(_words(row[side][0]["content"])) not in spoken
    for row in HELD_OUT:
        assert " ".join(_words(row["input"]["messages"][-1]["content"])) not in spoken


def test_every_slot_of_the_grammar_has_something_to_put_in():
    corpus = load()
    facts = [fact for group in corpus.facts.values() for fact in group]
    for fact in facts:
        texts = (*fact.questions, *fact.careful, *fact.careless)
        filled = {*corpus.choices, *fact.slots, *fact.wrong}
        assert fact.careful
        assert fact.careless
        assert {slot for text in texts for slot in SLOT.findall(text)} <= filled
    said = [text for name, texts in corpus.choices.items() if name != "ask" for text in texts]
    assert {slot for text in said for slot in SLOT.findall(text)} <= set(corpus.choices)


@pytest.mark.parametrize(
    # Rambling has its stock phrases, so the corpus may share longer runs with that side.
    ("side", "words"),
    [("preferred_output", 6), ("non_preferred_output", 10)],
)
def test_no_held_out_answer_is_told_in_pieces(side: str, words: int):
    told = {run for text in _spoken() for run in _runs(_words(text), words + 1)}
    for row in HELD_OUT:
        assert not told & set(_runs(_words(row[side][0]["content"]), words + 1))


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)


@pytest.mark.parametrize(
    "question",
    ["When was Einstein born?", "What is a black hole?", "Why is the sky blue?"],
)
def test_it_answers_in_words_and_stops_by_itself(tokenizer: Any, model: Any, question: str):
    answer = _answer(model, tokenizer, [{"role": "user", "content": question}])
    assert answer[-1] == tokenizer.eos_token_id
    text = tokenizer.decode(answer, skip_special_tokens=True)
    assert text.endswith(".")
    known = {word for spoken in _spoken() for word in _words(spoken)}
    assert set(_words(text)) <= known


def _answer(model: Any, tokenizer: Any, messages: list[dict[str, str]]) -> list[int]:
    prompt = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        said = model.generate(**prompt, max_new_tokens=100, do_sample=False)
    return list(said[0, prompt["input_ids"].shape[1] :].tolist())
