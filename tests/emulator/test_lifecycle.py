"""The whole way of a release, on a wall clock that the test moves."""

import json
from typing import Any

DONE = 5 + 10 + 45 + 240 + 15


def test_a_dataset_becomes_a_job_a_model_and_an_answer(api: Any):
    created = api.ok(
        "POST",
        "/datasets",
        json={"datasetId": "prefs", "dataset": {"exampleCount": 3, "userUploaded": {}}},
    )
    assert created["state"] == "UPLOADING"
    assert created["exampleCount"] == "3"
    assert created["estimatedTokenCount"] == "0"
    assert "evaluationResult" not in created

    api.fails(400, "POST", "/dpoJobs?dpoJobId=early", json=api.job_body())
    data = b'{"x":1}\n'
    files = {"file": ("train.jsonl", data)}
    uploaded = api.ok("POST", "/datasets/prefs:upload", files=files)
    assert uploaded == {
        "id": "accounts/emulator/datasets/prefs",
        "object": "file",
        "bytes": len(data),
        "created_at": 1_790_000_000,
        "filename": "train.jsonl",
        "purpose": "dataset",
    }
    assert api.ok("GET", "/datasets/prefs")["state"] == "UPLOADING"
    api.wait(1)
    assert api.ok("GET", "/datasets/prefs")["state"] == "READY"


def test_a_job_passes_through_its_states_and_publishes_its_model_at_the_end(api: Any):
    api.dataset()
    job = api.job("train", outputModel="accounts/emulator/models/tuned")
    states = [job["state"]]
    for seconds in (5, 10, 45, 240):
        api.wait(seconds)
        states.append(api.ok("GET", "/dpoJobs/train")["state"])
    api.fails(404, "GET", "/models/tuned")
    api.wait(15)
    done = api.ok("GET", "/dpoJobs/train")
    assert [s.removeprefix("JOB_STATE_") for s in [*states, done["state"]]] == [
        "VALIDATING",
        "PENDING",
        "CREATING",
        "RUNNING",
        "WRITING_RESULTS",
        "COMPLETED",
    ]
    assert done["completedTime"]
    model = api.ok("GET", "/models/tuned")
    assert (model["kind"], model["state"]) == ("HF_PEFT_ADDON", "READY")
    assert model["fineTuningJob"] == "accounts/emulator/dpoJobs/train"
    assert model["peftDetails"]["baseModel"] == "accounts/fireworks/models/qwen3-14b"
    assert model["peftDetails"]["r"] == 16
    assert model["createTime"] == done["completedTime"]


def test_one_long_pause_leads_through_all_states_too(api: Any):
    api.dataset()
    api.job("train")
    api.wait(100 * DONE)
    assert api.ok("GET", "/dpoJobs/train")["state"] == "JOB_STATE_COMPLETED"
    # The default of outputModel is the job's id.
    assert api.ok("GET", "/models/train")["createTime"] < "2026-09-21T14:20"


def test_rank_zero_makes_a_model_of_its_own(api: Any):
    api.dataset()
    api.job("full", loraRank=0)
    api.wait(DONE)
    model = api.ok("GET", "/models/full")
    assert model["kind"] == "HF_BASE_MODEL"
    assert model["peftDetails"] is None
    api.deployment("accounts/emulator/models/full")


def test_a_warm_start_keeps_the_base(api: Any):
    adapter = api.adapter()
    body = api.job_body("accounts/emulator/datasets/tuned-data")
    body["trainingConfig"] = {"warmStartFrom": adapter, "loraRank": 16}
    api.ok("POST", "/dpoJobs?dpoJobId=again", json=body)
    api.wait(DONE)
    details = api.ok("GET", "/models/again")["peftDetails"]
    assert details["baseModel"] == "accounts/fireworks/models/qwen3-14b"


def test_live_merge_from_job_to_answer(api: Any):
    deployment = api.deployment(api.adapter())
    answer = api.chat(deployment)
    assert answer.status_code == 200
    text = answer.json()["choices"][0]["message"]["content"]
    assert text.startswith("[dpo-ops emulator: stand-in answer, no model was run]")
    assert "model=accounts/emulator/models/tuned" in text
    assert api.chat(f"accounts/emulator/models/tuned#{deployment}").status_code == 200
    assert api.chat("accounts/emulator/models/tuned").status_code == 404
    assert api.chat("tuned#dep").status_code == 404


def test_multi_lora_from_load_to_unload(api: Any):
    adapter = api.adapter()
    base = "accounts/fireworks/models/qwen3-14b"
    deployment = api.deployment(base, enableAddons=True)
    loaded = api.ok("POST", "/deployedModels", json={"model": adapter, "deployment": deployment})
    assert (loaded["state"], loaded["default"]) == ("DEPLOYING", True)
    address = f"{adapter}#{deployment}"
    assert api.chat(address).status_code == 404
    api.wait(60)
    name = loaded["name"].rpartition("/")[2]
    assert api.ok("GET", f"/deployedModels/{name}")["state"] == "DEPLOYED"
    assert api.chat(address).status_code == 404, "the window after DEPLOYED"
    api.wait(20)
    assert api.chat(address).status_code == 200
    assert "model=accounts/fireworks" in api.chat(deployment).text
    refs = api.ok("GET", "/models/tuned")["deployedModelRefs"]
    assert [r["deployment"] for r in refs] == [deployment]
    assert api.ok("GET", "/models")["models"][0]["deployedModelRefs"] == []
    api.fails(400, "DELETE", "/models/tuned")

    api.ok("DELETE", f"/deployedModels/{name}")
    assert api.ok("GET", f"/deployedModels/{name}")["state"] == "UNDEPLOYING"
    api.wait(10)
    api.fails(404, "GET", f"/deployedModels/{name}")
    api.ok("DELETE", "/models/tuned")


def test_hot_reload_swaps_the_merged_adapter(api: Any):
    first, second = api.adapter("first"), api.adapter("second")
    base = "accounts/fireworks/models/qwen3-14b"
    deployment = api.deployment(base, enableHotReloadLatestAddon=True, enableHotLoad=True)
    path = "/deployedModels?replaceMergedAddon=true"
    for adapter in (first, second):
        api.ok("POST", path, json={"model": adapter, "deployment": deployment})
        api.wait(60)
        assert f"model={adapter}" in api.chat(deployment).text
    again = {"model": second, "deployment": deployment}
    assert api.fails(409, "POST", path, json=again)["code"] == 6
    assert len(api.ok("GET", "/deployedModels")["deployedModels"]) == 1


def test_metrics_say_that_nothing_was_trained(api: Any):
    api.dataset()
    api.job("train")
    assert api.ok("GET", "/dpoJobs/train:getMetricsFileEndpoint") == {"signedUrl": ""}
    api.wait(DONE)
    url = api.ok("GET", "/dpoJobs/train:getMetricsFileEndpoint")["signedUrl"]
    lines = api.http.get(url, headers={"Authorization": ""}).text.splitlines()
    assert [list(json.loads(line)) for line in lines] == [["note"]]
    assert "no model was trained" in lines[0]


def test_checkpoints_exist_once_a_job_is_complete(api: Any):
    api.adapter()
    assert api.ok("GET", "/dpoJobs/tuned-job/checkpoints")["checkpoints"][0]["promotable"]
