"""DPO jobs: what is refused, what fails later, and how a job ends otherwise."""

import json
from typing import Any

import pytest

from dpo_ops.emulator.preferences import check_row

JOB = "/dpoJobs?dpoJobId=job"


@pytest.fixture
def ready(api: Any):
    api.dataset()
    return api


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"batchSize": 1}, "batchSize"),
        ({"gradientAccumulationSteps": 2}, "gradientAccumulationSteps"),
        ({"jinjaTemplate": "x"}, "jinjaTemplate"),
        ({"loraRank": 65}, "lora_rank"),
        ({"loraRank": -1}, "lora_rank"),
        ({"epochs": 1.5}, "epochs"),
        ({"epochs": -1}, "epochs"),
        ({"learningRate": "fast"}, "learningRate"),
        ({"warmStartFrom": "accounts/emulator/models/x"}, "exactly one"),
        ({"baseModel": ""}, "exactly one"),
        ({"nonsense": 1}, 'unknown field "nonsense"'),
        ({"outputModel": "accounts/other/models/x"}, "output_model"),
        ({"outputModel": "Bad"}, "output_model"),
    ],
)
def test_training_settings_that_are_refused(ready: Any, training: dict[str, Any], words: str):
    refused = ready.fails(400, "POST", JOB, json=ready.job_body(**training))
    assert words in refused["message"]
    ready.fails(404, "GET", "/dpoJobs/job")


@pytest.mark.parametrize("base", ["qwen2p5-7b-instruct", "llama-v3p2-3b"])
def test_a_base_that_does_not_train_is_refused_whatever_tunable_says(ready: Any, base: str):
    name = f"accounts/fireworks/models/{base}"
    refused = ready.fails(400, "POST", JOB, json=ready.job_body(baseModel=name))
    assert refused["message"] == "model is not supported for fine-tuning"


def test_zeros_of_rejected_fields_pass(ready: Any):
    ready.job(batchSize=0, gradientAccumulationSteps=0, jinjaTemplate="")


def test_the_dataset_must_be_there(api: Any):
    api.fails(404, "POST", JOB, json=api.job_body())
    api.fails(400, "POST", JOB, json=api.job_body(dataset=""))
    api.fails(404, "POST", JOB, json=api.job_body(dataset="prefs"))


def test_the_same_id_is_refused_even_after_deletion(ready: Any):
    ready.job()
    ready.fails(409, "POST", JOB, json=ready.job_body())
    ready.ok("DELETE", "/dpoJobs/job")
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_DELETING"
    ready.wait(5)
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_DELETING_CLEANING_UP"
    ready.wait(10)
    ready.fails(404, "GET", "/dpoJobs/job")
    ready.fails(409, "POST", JOB, json=ready.job_body())


def test_the_model_survives_its_job(api: Any):
    api.adapter()
    api.ok("DELETE", "/dpoJobs/tuned-job")
    api.wait(10)
    api.fails(404, "GET", "/dpoJobs/tuned-job")
    api.ok("GET", "/models/tuned")


def test_a_taken_output_model_is_refused(api: Any):
    api.adapter()
    body = api.job_body("accounts/emulator/datasets/tuned-data", outputModel="tuned")
    api.fails(409, "POST", "/dpoJobs?dpoJobId=other", json=body)


def test_of_two_jobs_for_one_model_the_later_fails(ready: Any):
    ready.job("one", outputModel="same")
    ready.wait(1)
    ready.job("two", outputModel="same")
    ready.wait(400)
    assert ready.ok("GET", "/dpoJobs/one")["state"] == "JOB_STATE_COMPLETED"
    two = ready.ok("GET", "/dpoJobs/two")
    assert (two["state"], two["status"]["code"]) == ("JOB_STATE_FAILED", "ALREADY_EXISTS")


def test_an_id_is_made_up_where_none_is_given(ready: Any):
    made = ready.ok("POST", "/dpoJobs", json=ready.job_body())
    ready.ok("GET", "/dpoJobs/" + made["name"].rpartition("/")[2])


def test_secrets_do_not_come_back(ready: Any):
    body = {
        **ready.job_body(),
        "wandbConfig": {"enabled": True, "apiKey": "s3cret", "project": "p"},
    }
    made = ready.call("POST", JOB, json=body)
    assert made.json()["wandbConfig"]["project"] == "p"
    assert "s3cret" not in made.text
    assert b"s3cret" not in ready.emulator._store._db.serialize()


def test_floats_come_back_in_single_precision(ready: Any):
    made = ready.job(learningRate=0.1234567891)
    assert made["trainingConfig"]["learningRate"] == 0.12345679
    assert made["lossConfig"]["dpo"]["beta"] == 0.1
    assert made["trainingConfig"]["epochs"] == 1


def test_a_job_cannot_be_changed(ready: Any):
    ready.job()
    assert ready.call("PATCH", "/dpoJobs/job", json={}).status_code == 405


def test_cancel_and_resume(ready: Any):
    ready.job()
    ready.fails(400, "POST", "/dpoJobs/job:resume", json={})
    ready.wait(20)
    assert ready.ok("POST", "/dpoJobs/job:cancel", json={}) == {}
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_CANCELLING"
    ready.wait(5)
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_CANCELLED"
    ready.fails(400, "POST", "/dpoJobs/job:cancel", json={})
    assert ready.ok("POST", "/dpoJobs/job:resume", json={})["state"] == "JOB_STATE_PENDING"
    ready.wait(310)
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_COMPLETED"


def test_the_quota_counts_running_jobs(ready: Any):
    for number in range(4):
        ready.job(f"job-{number}")
    refused = ready.fails(429, "POST", "/dpoJobs?dpoJobId=fifth", json=ready.job_body())
    assert refused["message"] == "training-h200-count for account emulator, in use: 16, quota: 16"
    assert ready.ok("GET", "/quotas/training-h200-count")["usage"] == 16
    ready.wait(400)
    assert ready.ok("GET", "/quotas/training-h200-count")["usage"] == 0
    ready.job("fifth")


def test_a_quota_can_only_be_lowered(ready: Any):
    path = "/quotas/training-h200-count"
    assert ready.ok("PATCH", path, json={"value": "3"})["value"] == "3"
    ready.fails(400, "PATCH", path, json={"value": "16"})
    ready.fails(429, "POST", JOB, json=ready.job_body())
    ready.fails(404, "GET", "/quotas/nonsense")
    assert ready.ok("GET", "/quotas")["totalSize"] == 9


def test_a_card_must_be_on_file(ready: Any):
    ready.ok("POST", "/_emulator/settings", json={"paymentMethod": False})
    refused = ready.fails(400, "POST", JOB, json=ready.job_body())
    assert refused["message"] == "payment method is required"


@pytest.mark.parametrize(
    ("override", "state", "code"),
    [
        ({"state": "JOB_STATE_RUNNING"}, "JOB_STATE_RUNNING", "OK"),
        ({"state": "JOB_STATE_PAUSED"}, "JOB_STATE_PAUSED", "OK"),
        ({"state": "JOB_STATE_ARCHIVED"}, "JOB_STATE_ARCHIVED", "OK"),
        ({"state": "JOB_STATE_TELEPORTING"}, "JOB_STATE_TELEPORTING", "OK"),
        (
            {"state": "JOB_STATE_FAILED", "status": {"code": "INTERNAL", "message": ""}},
            "JOB_STATE_FAILED",
            "INTERNAL",
        ),
        (
            {"state": "JOB_STATE_PAUSED", "at": "JOB_STATE_VALIDATING"},
            "JOB_STATE_PAUSED",
            "OK",
        ),
    ],
)
def test_a_job_can_be_sent_off_its_way(ready: Any, override: dict[str, Any], state: str, code: str):
    ready.ok("POST", "/_emulator/settings", json={"jobOverrides": [{"job": "j*", **override}]})
    ready.job()
    ready.wait(10_000)
    job = ready.ok("GET", "/dpoJobs/job")
    assert (job["state"], job["status"]["code"]) == (state, code)
    ready.fails(404, "GET", "/models/job")


def test_a_stuck_job_goes_on_once_it_is_let_go(ready: Any):
    stuck = [{"job": "job", "state": "JOB_STATE_RUNNING"}]
    ready.ok("POST", "/_emulator/settings", json={"jobOverrides": stuck})
    ready.job()
    ready.wait(10_000)
    ready.ok("GET", "/dpoJobs/job")
    ready.ok("POST", "/_emulator/settings", json={"jobOverrides": []})
    ready.wait(16)
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_COMPLETED"


def test_a_paused_job_can_be_resumed(ready: Any):
    ready.ok("POST", "/_emulator/settings", json={"jobOverrides": [{"state": "JOB_STATE_PAUSED"}]})
    ready.job()
    ready.wait(100)
    ready.ok("POST", "/dpoJobs/job:resume", json={})
    ready.wait(310)
    assert ready.ok("GET", "/dpoJobs/job")["state"] == "JOB_STATE_COMPLETED"


def test_one_bad_row_fails_the_job_and_names_it(api: Any, valid_rows: bytes):
    bad = b'{"input":{"messages":[{"role":"bananas","content":"x"}]}}\n'
    api.dataset("prefs", valid_rows + bad)
    api.job()
    api.wait(5)
    job = api.ok("GET", "/dpoJobs/job")
    assert (job["state"], job["status"]["code"]) == ("JOB_STATE_FAILED", "INVALID_ARGUMENT")
    assert job["status"]["message"] == (
        "Dataset has a syntax error: dpo dataset validation failed on train.jsonl:4: invalid role "
        "bananas in message 0, must be 'system', 'user', 'assistant' or 'tool'"
    )
    assert job["completedTime"]


def test_too_few_rows_fail_the_job(api: Any, valid_rows: bytes):
    api.dataset("prefs", valid_rows.splitlines(keepends=True)[0] * 2)
    api.job()
    api.wait(400)
    job = api.ok("GET", "/dpoJobs/job")
    assert job["state"] == "JOB_STATE_FAILED"
    assert "2 examples" in job["status"]["message"]


def user(content: Any = "x"):
    return {"role": "user", "content": content}


def assistant(content: Any = "x"):
    return [{"role": "assistant", "content": content}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": None}, "input.messages"),
        ({"input": []}, "input.messages"),
        ({"input": {"messages": []}}, "input.messages"),
        ({"input": {"messages": ["hi"]}}, "must be an object"),
        ({"input": {"messages": [user("")]}}, "non-empty"),
        ({"input": {"messages": [user([])]}}, "empty content"),
        ({"input": {"messages": [user(), user()]}}, "exactly one user turn, got 2"),
        ({"input": {"messages": [{"role": "system", "content": "x"}]}}, "one user turn, got 0"),
        ({"input": {"messages": [user(), {"role": "system", "content": "x"}]}}, "come first"),
        ({"input": {"messages": [user()], "tools": {}}}, "tools"),
        ({"preferred_output": "x"}, "preferred_output must be a list"),
        ({"preferred_output": assistant() * 2}, "exactly one assistant message"),
        ({"non_preferred_output": []}, "non_preferred_output must be a list"),
        ({"non_preferred_output": [user()]}, "role 'assistant'"),
        ({"non_preferred_output": assistant("")}, "non-empty"),
    ],
)
def test_rows_that_break_a_rule(valid_row: dict[str, Any], change: dict[str, Any], words: str):
    assert words in check_row(json.dumps({**valid_row, **change}).encode())


def test_rows_that_keep_the_rules(valid_row: dict[str, Any]):
    assert check_row(json.dumps(valid_row).encode()) == ""
    system = {"role": "system", "content": "be kind"}
    parts = user([{"type": "text", "text": "x"}])
    more = {"messages": [system, parts], "tools": []}
    assert check_row(json.dumps({**valid_row, "input": more, "extra": 1}).encode()) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"[]", "object, got list"),
        (b"{", "invalid JSON"),
        (b"\xff{}", "UTF-8"),
        (b"[" * 100_000, "invalid JSON"),
    ],
)
def test_lines_that_are_no_rows(line: bytes, words: str):
    assert words in check_row(line)
