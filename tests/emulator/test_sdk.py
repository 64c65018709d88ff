"""The official SDK, pointed at a served emulator that knows nothing of it."""

from typing import Any

import fireworks
import httpx
import pytest

from dpo_ops.emulator import Emulator, running

BASE = "accounts/fireworks/models/qwen3-14b"
TRAINING = {"base_model": BASE, "lora_rank": 8, "epochs": 1, "learning_rate": 1e-5}
LOSS = {"method": "DPO", "dpo": {"beta": 0.1}}
DONE = 315


@pytest.fixture
def emulator():
    with Emulator() as made:
        yield made


@pytest.fixture
def client(emulator: Emulator):
    with running(emulator) as url:
        made = fireworks.Fireworks(
            api_key="fw_any", base_url=url, account_id="emulator", max_retries=0
        )
        with made:
            yield made


@pytest.fixture
def dataset(client: Any, emulator: Emulator, valid_rows: bytes):
    client.datasets.create(
        dataset_id="prefs", dataset={"user_uploaded": {}, "example_count": "3", "format": "CHAT"}
    )
    client.datasets.upload("prefs", file=("train.jsonl", valid_rows))
    emulator.advance(1)
    return "accounts/emulator/datasets/prefs"


@pytest.fixture
def adapter(client: Any, emulator: Emulator, dataset: str):
    client.dpo_jobs.create(
        dpo_job_id="job",
        dataset=dataset,
        training_config={**TRAINING, "output_model": "accounts/emulator/models/tuned"},
        loss_config=LOSS,
    )
    emulator.advance(DONE)
    return "accounts/emulator/models/tuned"


def deploy(client: Any, emulator: Emulator, name: str, **fields: Any):
    client.deployments.create(
        deployment_id=name,
        deployment_shape="accounts/fireworks/deploymentShapes/qwen3-14b-minimal",
        **fields,
    )
    emulator.advance(210)
    assert client.deployments.get(name).state == "READY"
    return f"accounts/emulator/deployments/{name}"


def test_a_dataset_is_uploaded(client: Any, dataset: str):
    found = client.datasets.get("prefs")
    assert (found.name, found.state, found.example_count) == (dataset, "READY", "3")
    assert found.create_time.year >= 2026


def test_a_dataset_is_uploaded_by_signed_urls(client: Any, emulator: Emulator, valid_rows: bytes):
    # The SDK's own function for this insists on https, which no loopback server offers.
    size = len(valid_rows)
    client.datasets.create(dataset_id="big", dataset={"user_uploaded": {}, "example_count": "6"})
    sizes = {"a.jsonl": str(size), "b.jsonl": str(size)}
    urls = client.datasets.get_upload_endpoint("big", filename_to_size=sizes)
    headers = {
        "Content-Type": "application/octet-stream",
        "x-goog-content-length-range": f"{size},{size}",
    }
    for url in urls.filename_to_signed_urls.values():
        assert httpx.put(url, content=valid_rows, headers=headers).status_code == 200
    client.datasets.validate_upload("big", body={})
    emulator.advance(1)
    assert client.datasets.get("big").state == "READY"
    assert len(client.datasets.get_download_endpoint("big").filename_to_signed_urls) == 2


def test_a_job_is_polled_to_its_end(client: Any, emulator: Emulator, dataset: str):
    made = client.dpo_jobs.create(
        dpo_job_id="job", dataset=dataset, training_config=TRAINING, loss_config=LOSS
    )
    states = [made.state]
    while states[-1] not in {"JOB_STATE_COMPLETED", "JOB_STATE_FAILED"}:
        emulator.advance(60)
        states.append(client.dpo_jobs.get("job").state)
    assert states[-1] == "JOB_STATE_COMPLETED"
    model = client.models.get("job")
    assert (model.state, model.kind, model.peft_details.r) == ("READY", "HF_PEFT_ADDON", 8)
    assert client.dpo_jobs.get_metrics_file_endpoint("job").signed_url
    client.dpo_jobs.delete("job")
    emulator.advance(20)
    with pytest.raises(fireworks.NotFoundError):
        client.dpo_jobs.get("job")


def test_a_live_merge_answers(client: Any, emulator: Emulator, adapter: str):
    deployment = deploy(client, emulator, "live", base_model=adapter)
    messages = [{"role": "user", "content": "hi"}]
    chat = client.chat.completions.create(model=deployment, messages=messages)
    assert chat.choices[0].message.content.startswith("[dpo-ops emulator: stand-in")
    assert chat.usage.total_tokens == chat.usage.prompt_tokens + chat.usage.completion_tokens
    stream = client.chat.completions.create(model=deployment, messages=messages, stream=True)
    text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert text == chat.choices[0].message.content


def test_preferences_are_scored(client: Any, emulator: Emulator, adapter: str):
    deployment = deploy(client, emulator, "live", base_model=adapter)
    scored = client.completions.create(
        model=deployment, prompt="good answer", echo=True, max_tokens=1, logprobs=1
    )
    assert scored.choices[0].logprobs.tokens[:2] == ["good", " answer"]
    stream = client.completions.create(model=deployment, prompt="hi", stream=True, max_tokens=4)
    assert len([c for c in stream if c.choices]) == 4


def test_an_adapter_is_loaded_and_unloaded(client: Any, emulator: Emulator, adapter: str):
    deployment = deploy(client, emulator, "multi", base_model=BASE, enable_addons=True)
    loaded = client.lora.load(model=adapter, deployment=deployment)
    assert loaded.state == "DEPLOYING"
    emulator.advance(80)
    address = f"{adapter}#{deployment}"
    messages = [{"role": "user", "content": "hi"}]
    assert client.chat.completions.create(model=address, messages=messages).choices
    assert [found.model for found in client.lora.list()] == [adapter]
    client.lora.unload(loaded.name.rpartition("/")[2])
    emulator.advance(10)
    assert list(client.lora.list()) == []


def test_shapes_are_matched(client: Any, adapter: str):
    found = client.deployment_shape_versions.match_for_model(adapter, enable_addons=True)
    assert [v.snapshot.precision for v in found.deployment_shape_versions] == ["BF16"]
    nothing = client.deployment_shape_versions.match_for_model(
        "accounts/fireworks/models/qwen3-8b", enable_addons=True
    )
    assert nothing.deployment_shape_versions == []


def test_a_deployment_is_scaled_changed_and_deleted(client: Any, emulator: Emulator, adapter: str):
    deploy(client, emulator, "live", base_model=adapter, max_replica_count=2)
    client.deployments.scale("live", replica_count=2)
    changed = client.deployments.update("live", base_model=adapter, display_name="new")
    assert (changed.display_name, changed.desired_replica_count) == ("new", 2)
    client.deployments.delete("live")
    assert list(client.deployments.list()) == []
    assert [d.state for d in client.deployments.list(show_deleted=True)] == ["DELETED"]
    assert client.deployments.undelete("live", body={}).state == "CREATING"
    client.deployments.delete("live", hard=True, ignore_checks=True)
    with pytest.raises(fireworks.NotFoundError):
        client.deployments.get("live")


def test_pages_turn_by_themselves(client: Any):
    for number in range(7):
        client.datasets.create(dataset_id=f"d{number}", dataset={"example_count": "1"})
    assert len(list(client.datasets.list(page_size=3))) == 7
    assert [a.name for a in client.accounts.list()] == ["accounts/emulator"]


def test_errors_are_of_their_kinds(client: Any, dataset: str):
    with pytest.raises(fireworks.ConflictError):
        client.datasets.create(dataset_id="prefs", dataset={"example_count": "1"})
    with pytest.raises(fireworks.NotFoundError):
        client.datasets.get("none")
    with pytest.raises(fireworks.BadRequestError, match="example_count is required"):
        client.datasets.create(dataset_id="new", dataset={"user_uploaded": {}})
    with pytest.raises(fireworks.BadRequestError, match="not supported for fine-tuning"):
        client.dpo_jobs.create(
            dataset=dataset,
            training_config={
                "base_model": "accounts/fireworks/models/qwen2p5-7b-instruct",
                "lora_rank": 8,
            },
        )
    messages = [{"role": "user", "content": "hi"}]
    with pytest.raises(fireworks.NotFoundError, match="not deployed"):
        client.chat.completions.create(model="accounts/emulator/models/x", messages=messages)
