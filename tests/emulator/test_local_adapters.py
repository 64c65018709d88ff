"""Adapters on a real model: uploaded, deployed, answering; and those that can't."""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dpo_ops.emulator import LocalEngine
from dpo_ops.emulator.engine import EngineError, Prompt, Served
from dpo_ops.emulator.local import adapters
from tests.emulator import weights as small

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

BASE = "accounts/fireworks/models/qwen3-14b"
TEXT = "a preferred answer"


def scored(engine: LocalEngine, adapter: Path | None) -> list[float]:
    served = Served("accounts/emulator/models/tuned", BASE, adapter)
    answer = engine.generate(served, Prompt(text=TEXT, echo=True, max_tokens=0))
    return [token.logprob for token in answer.prompt]


def expected(weights: Path, adapter: Path | None) -> list[float]:
    """The same by transformers and PEFT alone."""
    from peft import PeftModel  # noqa: PLC0415 - of the extra
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - the same

    model = AutoModelForCausalLM.from_pretrained(weights).eval()
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    ids = AutoTokenizer.from_pretrained(weights)(TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        rows = model(ids).logits[0].log_softmax(-1)
    return [0.0, *(float(rows[n, token]) for n, token in enumerate(ids[0, 1:]))]


@pytest.fixture
def oracle(weights: Path):
    def logprobs(adapter: Path | None) -> list[float]:
        with warnings.catch_warnings():
            # PEFT still asks transformers by an old name.
            warnings.simplefilter("ignore", FutureWarning)
            return expected(weights, adapter)

    return logprobs


def test_an_adapter_changes_the_answers_as_peft_says(
    engine_of: LocalEngine, tuned: Path, oracle: Any
):
    plain, changed = scored(engine_of, None), scored(engine_of, tuned)
    assert plain == pytest.approx(oracle(None), abs=1e-4)
    assert changed == pytest.approx(oracle(tuned), abs=1e-4)
    assert max(abs(a - b) for a, b in zip(plain, changed, strict=True)) > 0.1
    # And none of it stays on the base.
    assert scored(engine_of, None) == plain


def test_weights_in_a_gguf_file_answer_the_same(
    engine_of: LocalEngine, weights: Path, tuned: Path, tmp_path: Path
):
    engine = LocalEngine(str(small.as_gguf(weights, tmp_path / "small.gguf")))
    ids = Prompt(text=list(b"tokens"), echo=True, max_tokens=8, temperature=0)
    for adapter in (None, tuned):
        served = Served(BASE, BASE, adapter)
        one, two = engine_of.generate(served, ids), engine.generate(served, ids)
        assert [t.logprob for t in two.prompt] == pytest.approx([t.logprob for t in one.prompt])
        assert [t.id for t in two.tokens] == [t.id for t in one.tokens]


def test_more_adapters_than_are_kept_take_turns(
    weights: Path, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(adapters, "_KEPT", 2)
    engine = LocalEngine(str(weights))
    folders = [None, tuned]
    folders += [small.adapt(weights, tmp_path / str(n), rank=n, seed=n) for n in (4, 8, 16)]
    alone = [scored(LocalEngine(str(weights)), folder) for folder in folders]
    assert [scored(engine, folder) for folder in folders * 2] == alone * 2
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda f: scored(engine, f), folders * 3)) == alone * 3
    assert len(engine._loaded()._adapters._loaded) <= 2


def test_an_adapter_whose_files_change_is_loaded_anew(weights: Path, tmp_path: Path):
    engine = LocalEngine(str(weights))
    folder = small.adapt(weights, tmp_path / "a", seed=1)
    before = scored(engine, folder)
    small.adapt(weights, folder, seed=2)
    assert scored(engine, folder) != before


def fails(engine: LocalEngine, folder: Path) -> str:
    with pytest.raises(EngineError) as caught:
        scored(engine, folder)
    assert (caught.value.status, caught.value.code) == (412, "FAILED_PRECONDITION")
    return str(caught.value)


def test_an_adapter_of_other_weights_is_told_apart(weights: Path, tuned: Path, tmp_path: Path):
    wide = small.make(tmp_path / "wide", hidden=64)
    other = small.adapt(wide, tmp_path / "other")
    engine = LocalEngine(str(weights))
    message = fails(engine, other)
    assert "model accounts/emulator/models/tuned can't be served on the weights" in message
    assert "it has 128 inputs at the layer model.layers.0.mlp.down_proj" in message
    assert "where they have 64" in message
    assert "train the adapter with this emulator" in message
    # As the first adapter, and again behind one that fits.
    after = scored(engine, tuned)
    assert fails(engine, other) == message
    assert scored(engine, tuned) == after == scored(LocalEngine(str(weights)), tuned)


def test_a_layer_that_the_weights_do_not_have(weights: Path, tuned: Path, tmp_path: Path):
    from safetensors.torch import load_file, save_file  # noqa: PLC0415 - of the extra

    folder = small.respelled(tuned, tmp_path / "deep")
    file = folder / "adapter_model.safetensors"
    deeper = {k.replace("layers.1.", "layers.7."): v for k, v in load_file(file).items()}
    save_file(deeper, file)
    message = fails(LocalEngine(str(weights)), folder)
    assert "changes the layer model.layers.7." in message
    assert "which they don't have" in message


@pytest.mark.parametrize("behind", [False, True])
def test_a_rank_that_the_files_do_not_have(
    weights: Path, tuned: Path, tmp_path: Path, *, behind: bool
):
    engine = LocalEngine(str(weights))
    fitting = scored(LocalEngine(str(weights)), tuned)
    if behind:
        scored(engine, tuned)
    folder = small.respelled(tuned, tmp_path / "rank", r=8)
    assert "loading it failed" in fails(engine, folder)
    # What was half loaded is off again.
    assert scored(engine, None) == scored(LocalEngine(str(weights)), None)
    assert scored(engine, tuned) == fitting


def test_files_that_are_no_adapter(weights: Path, tuned: Path, tmp_path: Path):
    engine = LocalEngine(str(weights))
    assert "only LORA" in fails(engine, small.respelled(tuned, tmp_path / "a", peft_type="IA3"))
    changing = small.respelled(tuned, tmp_path / "c", init_lora_weights="pissa")
    assert "changes the weights below it" in fails(engine, changing)
    broken = small.respelled(tuned, tmp_path / "b")
    (broken / "adapter_model.safetensors").write_bytes(b"weights")
    assert "adapter_model.safetensors can't be read" in fails(engine, broken)
    (broken / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert "adapter_config.json can't be read" in fails(engine, broken)


def test_a_model_of_a_stand_in_job_says_so(make: Any, weights: Path, tmp_path: Path):
    before = make(tmp_path)
    before.adapter()
    deployment = before.deployment("accounts/emulator/models/tuned")
    before.emulator.close()
    after = make(tmp_path, engine=LocalEngine(str(weights)))
    answer = after.chat(deployment)
    assert answer.status_code == 412
    error = answer.json()["error"]
    assert error["code"] == "FAILED_PRECONDITION"
    assert "model accounts/emulator/models/tuned" in error["message"]
    assert "stand-in engine" in error["message"]
    assert "train it again" in error["message"]


@pytest.mark.parametrize("profile", ["managed", "retired"])
def test_an_uploaded_adapter_answers(
    make: Any, engine_of: LocalEngine, tuned: Path, oracle: Any, profile: str
):
    api = make(engine=engine_of, profile=profile)
    model = api.upload("lora", tuned)
    shared = api.deployment(BASE, enableAddons=True)
    body = {"model": model, "deployment": shared}
    api.ok("POST", "/deployedModels", json=body)
    api.wait(100)
    names = [api.deployment(model, "live"), f"{model}#{shared}"]
    asked = {"prompt": TEXT, "echo": True, "max_tokens": 0, "logprobs": 0}
    for name in names:
        answer = api.ok("POST", "/v1/completions", json={"model": name, **asked})
        found = answer["choices"][0]["logprobs"]["token_logprobs"]
        assert found == pytest.approx(oracle(tuned), abs=1e-4)
    plain = api.ok("POST", "/v1/completions", json={"model": shared, **asked})
    found = plain["choices"][0]["logprobs"]["token_logprobs"]
    assert found == pytest.approx(oracle(None), abs=1e-4)


def test_files_that_are_uploaded_again_are_the_ones_served(
    local: Any, weights: Path, tuned: Path, tmp_path: Path, oracle: Any
):
    model = local.upload("lora", tuned)
    deployment = local.deployment(model)
    asked = {"model": deployment, "prompt": TEXT, "echo": True, "max_tokens": 0, "logprobs": 0}
    local.ok("POST", "/v1/completions", json=asked)
    other = small.adapt(weights, tmp_path / "other", seed=9)
    local.put("lora", other)
    answer = local.ok("POST", "/v1/completions", json=asked)
    found = answer["choices"][0]["logprobs"]["token_logprobs"]
    assert found == pytest.approx(oracle(other), abs=1e-4)
    assert json.loads((other / "adapter_config.json").read_bytes())["r"] == 4
