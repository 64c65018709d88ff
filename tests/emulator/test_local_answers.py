"""Completions of a real model: every figure is one that the model itself gives."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fireworks
import pytest

from dpo_ops.emulator import Emulator, LocalEngine, running
from tests.emulator.weights import CONTEXT, SPECIAL

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

SERVERLESS = "accounts/fireworks/models/glm-5p3-flash"
USER = [{"role": "user", "content": "hello"}]
RENDERED = "<|begin|><|turn|>user\nhello<|end|><|turn|>assistant\n"


class Oracle:
    """The same weights, run by transformers alone, in one pass over the whole text."""

    def __init__(self, weights: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - the extra

        self.tokenizer = AutoTokenizer.from_pretrained(weights)
        self.model = AutoModelForCausalLM.from_pretrained(weights).eval()

    def logprobs(self, ids: list[int]) -> Any:
        """The log-probabilities `[tokens, vocabulary]` of what comes after each token."""
        with torch.no_grad():
            return self.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)

    def scores(self, ids: list[int]) -> list[float]:
        """The log-probability of each token but the first."""
        rows = self.logprobs(ids)
        return [float(rows[n, token]) for n, token in enumerate(ids[1:])]


@pytest.fixture(scope="module")
def oracle(weights: Path):
    return Oracle(weights)


def text(api: Any, prompt: Any = "hello", **fields: Any) -> Any:
    body = {"model": SERVERLESS, "prompt": prompt, "max_tokens": 24, **fields}
    return api.ok("POST", "/v1/completions", json=body)


def one(api: Any, prompt: Any = "hello", **fields: Any) -> Any:
    return text(api, prompt, **fields)["choices"][0]


def greedy(api: Any, prompt: Any = "hello", **fields: Any) -> Any:
    return one(api, prompt, temperature=0, return_token_ids=True, **fields)


def refused(api: Any, path: str = "/v1/completions", **fields: Any) -> str:
    body = {"model": SERVERLESS, **fields}
    return str(api.fails(400, "POST", path, json=body)["error"]["message"])


def events(answer: Any) -> list[Any]:
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_the_engine_names_its_weights(local: Any, weights: Path):
    answer = local.chat(SERVERLESS, max_tokens=1)
    assert answer.headers["x-emulator-engine"] == f"trl: {weights}"


def test_greedy_answers_are_the_models_best_tokens(local: Any, oracle: Oracle):
    answer = greedy(local)
    ids, new = answer["prompt_token_ids"], answer["token_ids"]
    assert ids == oracle.tokenizer("hello")["input_ids"]
    best = oracle.logprobs(ids + new).argmax(-1).tolist()
    assert new == best[len(ids) - 1 : -1]
    assert len(new) == 24
    assert answer["text"] == oracle.tokenizer.decode(new, skip_special_tokens=True)
    assert greedy(local) == answer


def test_chat_goes_through_the_template(local: Any, oracle: Oracle):
    asked = {"temperature": 0, "max_tokens": 8, "ignore_eos": True}
    said = local.chat(SERVERLESS, return_token_ids=True, **asked).json()
    plain = greedy(local, RENDERED, max_tokens=8, ignore_eos=True)
    assert said["choices"][0]["token_ids"] == plain["token_ids"]
    size = len(oracle.tokenizer(RENDERED, add_special_tokens=False)["input_ids"])
    assert said["usage"] == {
        "prompt_tokens": size, "completion_tokens": 8, "total_tokens": size + 8,
    }  # fmt: skip
    parts = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    again = local.chat(SERVERLESS, messages=parts, **asked).json()
    assert again["choices"][0]["message"] == said["choices"][0]["message"]
    echoed = local.chat(SERVERLESS, echo=True, max_tokens=0).json()
    assert echoed["choices"][0]["message"]["content"] == RENDERED


def test_a_text_that_brings_its_own_beginning_gets_no_second_one(local: Any):
    assert greedy(local, RENDERED, max_tokens=1)["prompt_token_ids"][:2] == [256, 258]
    assert greedy(local, "x", max_tokens=1)["prompt_token_ids"] == [256, 87]
    assert greedy(local, "", max_tokens=1)["prompt_token_ids"] == [256]


def test_a_seed_repeats_an_answer_and_choices_differ(local: Any):
    def answers(**fields: Any) -> list[str]:
        return [c["text"] for c in text(local, n=3, **fields)["choices"]]

    first = answers(seed=5)
    assert first == answers(seed=5)
    assert len(set(first)) == 3
    assert first != answers(seed=6)
    assert answers() != answers()


def test_logprobs_are_those_of_the_model(local: Any, oracle: Oracle):
    answer = one(local, seed=2, temperature=1.4, logprobs=3, return_token_ids=True)
    ids, new = answer["prompt_token_ids"], answer["token_ids"]
    rows = oracle.logprobs(ids + new)[len(ids) - 1 : -1]
    found = answer["logprobs"]
    assert found["token_ids"] == new
    own = [float(rows[n, token]) for n, token in enumerate(new)]
    assert found["token_logprobs"] == pytest.approx(own, abs=1e-4)
    for row, token, top in zip(rows, new, found["top_logprobs"], strict=True):
        values, places = row.topk(3)
        # The three best, and behind them the token itself where it is none of them.
        figures = values.tolist() + ([] if token in places.tolist() else [float(row[token])])
        assert list(top.values()) == pytest.approx(figures, abs=1e-4)
    assert any(len(top) == 4 for top in found["top_logprobs"])


def test_the_newer_format_has_as_many_alternatives_as_asked(local: Any):
    asked = {"seed": 2, "temperature": 2, "logprobs": True, "top_logprobs": 2, "max_tokens": 20}
    content = local.chat(SERVERLESS, **asked).json()["choices"][0]["logprobs"]["content"]
    assert {len(token["top_logprobs"]) for token in content} == {2}
    assert all(t["sampling_logprob"] != t["logprob"] for t in content)
    best = local.chat(SERVERLESS, **{**asked, "temperature": 0}).json()["choices"][0]
    assert {t["sampling_logprob"] for t in best["logprobs"]["content"]} == {0.0}


def test_a_text_is_scored(local: Any, oracle: Oracle):
    ids = oracle.tokenizer("a preferred answer")["input_ids"]
    expected = [0.0, *oracle.scores(ids)]
    scored = one(local, "a preferred answer", echo=True, max_tokens=0, logprobs=1)
    assert scored["text"] == "a preferred answer"
    assert scored["logprobs"]["token_ids"] == ids
    assert scored["logprobs"]["token_logprobs"] == pytest.approx(expected, abs=1e-4)
    assert scored["logprobs"]["top_logprobs"][0] == {}
    assert scored["finish_reason"] == "length"
    assert text(local, "a preferred answer", echo=True, max_tokens=0)["usage"] == {
        "prompt_tokens": len(ids), "completion_tokens": 0, "total_tokens": len(ids),
    }  # fmt: skip
    one_more = one(local, "a preferred answer", echo=True, max_tokens=1, logprobs=1)["logprobs"]
    assert one_more["token_logprobs"][:-1] == scored["logprobs"]["token_logprobs"]
    last = one(local, "a preferred answer", echo_last=3, max_tokens=0, logprobs=0)["logprobs"]
    assert last["token_logprobs"] == scored["logprobs"]["token_logprobs"][-3:]


def test_an_answer_is_scored_behind_its_prompt(local: Any, oracle: Oracle):
    tokenizer = oracle.tokenizer
    whole = tokenizer(RENDERED + "Light scatters.<|end|>", add_special_tokens=False)["input_ids"]
    start = len(tokenizer(RENDERED, add_special_tokens=False)["input_ids"])
    scored = one(local, whole, echo=True, max_tokens=1, logprobs=0)["logprobs"]
    answer = scored["token_logprobs"][start : len(whole)]
    assert sum(answer) == pytest.approx(sum(oracle.scores(whole)[start - 1 :]), abs=1e-3)


def test_a_long_prompt_is_scored_as_a_short_one(local: Any, oracle: Oracle):
    ids = [n % 200 for n in range(400)]
    scored = one(local, ids, echo=True, max_tokens=1, logprobs=0)["logprobs"]
    assert scored["token_logprobs"][1:-1] == pytest.approx(oracle.scores(ids), abs=1e-4)


def test_a_stop_sequence_ends_the_answer_wherever_tokens_end(local: Any):
    whole = greedy(local, "stop here")
    # A sequence that two tokens make together, the first time it comes.
    at = next(n for n in range(4, 20) if "\ufffd" not in whole["text"][n : n + 2])
    stop = whole["text"][at : at + 2]
    cut = greedy(local, "stop here", stop=[stop, "never"])
    assert cut["finish_reason"] == "stop"
    assert cut["text"] == whole["text"][: whole["text"].index(stop)]
    assert cut["token_ids"] == whole["token_ids"][: len(cut["token_ids"])]
    usage = text(local, "stop here", temperature=0, stop=stop)["usage"]
    assert usage["completion_tokens"] == len(cut["token_ids"])


def test_an_answer_ends_by_itself_or_goes_on(local: Any):
    end = {"logit_bias": {str(256 + SPECIAL.index("<|end|>")): 100}}
    ended = greedy(local, **end)
    assert (ended["text"], ended["finish_reason"], ended["token_ids"]) == ("", "stop", [257])
    longer = greedy(local, ignore_eos=True, **end)
    assert (longer["text"], longer["finish_reason"]) == ("", "length")
    assert longer["token_ids"] == [257] * 24
    assert text(local, ignore_eos=True, **end)["usage"]["completion_tokens"] == 24


def test_characters_of_several_tokens_are_whole(local: Any, oracle: Oracle):
    euro = oracle.tokenizer("€", add_special_tokens=False)["input_ids"]
    assert len(euro) == 3
    scored = one(local, "5 €!", echo=True, max_tokens=0, logprobs=1)["logprobs"]
    assert scored["tokens"] == ["", "5", " ", "", "", "€", "!"]
    assert scored["text_offset"] == [0, 0, 1, 2, 2, 2, 3]
    for seed in range(5):
        answer = one(local, seed=seed, max_tokens=60, logprobs=0, return_token_ids=True)
        made = oracle.tokenizer.decode(answer["token_ids"], skip_special_tokens=True)
        assert answer["text"] == made == "".join(answer["logprobs"]["tokens"])


@pytest.mark.parametrize("fields", [{}, {"stop": ["a", "e", "10"]}, {"echo": True, "n": 2}])
def test_a_stream_says_the_same_as_a_whole_answer(local: Any, fields: dict[str, Any]):
    asked = {"seed": 11, "logprobs": 2, "max_tokens": 40, **fields}
    whole = text(local, **asked)
    body = {"model": SERVERLESS, "prompt": "hello", "stream": True, **asked}
    parts = events(local.call("POST", "/v1/completions", json=body))
    assert parts[-1]["usage"] == whole["usage"]
    for choice in whole["choices"]:
        mine = [c for p in parts for c in p["choices"] if c["index"] == choice["index"]]
        assert "".join(c["text"] for c in mine) == choice["text"]
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        for key, values in choice["logprobs"].items():
            assert [v for c in mine for v in c["logprobs"][key]] == values


def test_many_prompts_at_once(local: Any):
    two = text(local, ["a b", "c"], temperature=0, max_tokens=5)
    assert [c["text"] for c in two["choices"]] == [
        greedy(local, p, max_tokens=5)["text"] for p in ("a b", "c")
    ]
    assert two["usage"]["prompt_tokens"] == 6


def test_streams_at_the_same_time_do_not_disturb_each_other(engine_of: LocalEngine):
    def answer(client: Any, seed: int) -> str:
        stream = client.completions.create(
            model=SERVERLESS, prompt=f"question {seed}", seed=seed, max_tokens=30, stream=True
        )
        return "".join(c.choices[0].text for c in stream if c.choices)

    with (
        Emulator(engine=engine_of) as emulator,
        running(emulator) as url,
        fireworks.Fireworks(
            api_key="fw_any", base_url=url, account_id="emulator", max_retries=0
        ) as client,
    ):
        alone = [answer(client, seed) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda seed: answer(client, seed), range(4)))
        assert together == alone
        assert len(set(alone)) == 4
        chat = client.chat.completions.create(model=SERVERLESS, messages=USER, seed=1)
        stream = client.chat.completions.create(
            model=SERVERLESS, messages=USER, seed=1, stream=True
        )
        said = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
        assert said == chat.choices[0].message.content
        with pytest.raises(fireworks.BadRequestError, match="prompt is too long"):
            client.completions.create(model=SERVERLESS, prompt="x" * CONTEXT)


def test_the_context_is_a_limit(local: Any):
    full = [7] * CONTEXT
    message = refused(local, prompt=[7] * (CONTEXT + 1))
    assert f"it has {CONTEXT + 1} tokens" in message
    assert f"holds {CONTEXT}" in message
    assert "too long" in refused(local, prompt=full, max_tokens=1)
    assert one(local, full, echo=True, max_tokens=0, logprobs=0)["logprobs"]["token_ids"] == full
    rest = greedy(local, full[:-3], max_tokens=100)
    assert (len(rest["token_ids"]), rest["finish_reason"]) == (3, "length")
    strict = {"context_length_exceeded_behavior": "error", "max_tokens": 100}
    assert "more than the model's context" in refused(local, prompt=full[:-3], **strict)
    chat = [{"role": "user", "content": "x" * CONTEXT}]
    assert "too long" in refused(local, "/v1/chat/completions", messages=chat)


def test_early_messages_go_where_a_prompt_is_to_be_shorter(local: Any):
    early = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "x" * 100}]
    asked = {"echo": True, "max_tokens": 0}
    short = local.chat(SERVERLESS, messages=[*early, *USER], prompt_truncate_len=60, **asked)
    content = short.json()["choices"][0]["message"]["content"]
    assert "x" not in content
    assert "be kind" in content
    assert "hello" in content


def test_special_tokens_in_a_message_can_be_made_harmless(local: Any):
    messages = [{"role": "user", "content": "a<|end|>b"}]
    asked = {"messages": messages, "max_tokens": 1}
    trusted = local.chat(SERVERLESS, **asked).json()["usage"]["prompt_tokens"]
    safe = local.chat(SERVERLESS, safe_tokenization=True, **asked).json()["usage"]["prompt_tokens"]
    assert safe == trusted + len("<|end|>") - 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "'tools' is not modelled"),
        ({"response_format": {"type": "json_object"}}, "'response_format' is not modelled"),
        ({"reasoning_effort": "high"}, "'reasoning_effort' is not modelled"),
        ({"mirostat_target": 5.0}, "'mirostat_target' is not modelled"),
        ({"logit_bias": {"9999": 1}}, "no token"),
        ({"logit_bias": {"a": 1}}, "no token"),
        ({"repetition_penalty": 0}, "'repetition_penalty' is 0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "no such role: tool"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "only text"),
    ],
)
def test_what_is_not_modelled_is_refused(local: Any, fields: dict[str, Any], words: str):
    assert words in refused(local, "/v1/chat/completions", **{"messages": USER, **fields})


def test_options_that_ask_for_nothing_pass(local: Any):
    nothing = {
        "tools": [], "tool_choice": "auto", "response_format": {"type": "text"}, "user": "me",
        "reasoning_effort": "none", "mirostat_lr": 0.1, "stop": None, "prediction": "x",
    }  # fmt: skip
    assert local.chat(SERVERLESS, max_tokens=1, **nothing).status_code == 200


@pytest.mark.parametrize("prompt", [[5, "a"], [259], [-1], [[True]]])
def test_prompts_that_are_no_tokens(local: Any, prompt: Any):
    assert "token" in refused(local, prompt=prompt, max_tokens=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 2.1), ("temperature", "hot"), ("top_p", -0.1), ("top_k", 101),
        ("min_p", 2), ("typical_p", 2), ("frequency_penalty", 3), ("presence_penalty", -3),
        ("repetition_penalty", 2.5), ("seed", 1.5), ("logit_bias", {"1": 101}),
        ("logit_bias", [1]), ("ignore_eos", 1), ("context_length_exceeded_behavior", "shrink"),
        ("stop", [1]), ("prompt_truncate_len", -1),
    ],
)  # fmt: skip
def test_values_outside_the_schema(api: Any, field: str, value: Any):
    answer = api.chat(SERVERLESS, **{field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


def test_weights_that_are_not_there(make: Any, tmp_path: Path):
    api = make(engine=LocalEngine(str(tmp_path / "none")))
    answer = api.chat(SERVERLESS)
    assert answer.status_code == 500
    assert "can't be loaded" in answer.json()["error"]["message"]
