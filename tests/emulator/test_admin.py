"""Faults, the clock, settings, the request log; profiles, keys and unknown routes."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from dpo_ops.emulator import Emulator, EmulatorTransport


def fault(api: Any, **fields: Any):
    return api.ok("POST", "/_emulator/faults", json=fields)["id"]


def log(api: Any):
    return [(r["method"], r["status"]) for r in api.ok("GET", "/_emulator/requests")["requests"]]


DATASET = {"json": {"datasetId": "d", "dataset": {"exampleCount": "1"}}}


def test_the_log_holds_what_was_asked_and_answered(api: Any):
    api.call("GET", "/datasets?pageSize=3")
    api.call("GET", "/datasets/none")
    api.call("GET", "/v1/accounts", headers={"Authorization": ""})
    assert api.ok("GET", "/_emulator/requests")["requests"] == [
        {"method": "GET", "path": f"{api.account}/datasets", "query": "pageSize=3", "status": 200},
        {"method": "GET", "path": f"{api.account}/datasets/none", "query": "", "status": 404},
        {"method": "GET", "path": "/v1/accounts", "query": "", "status": 403},
    ]
    api.ok("DELETE", "/_emulator/requests")
    assert log(api) == []


def test_admin_routes_ask_for_no_key_and_know_their_limits(api: Any):
    assert api.call("GET", "/_emulator/clock", headers={"Authorization": ""}).status_code == 200
    api.fails(404, "GET", "/_emulator/nonsense")
    for path, body in [
        ("faults", {}),
        ("faults", {"status": 500, "nonsense": 1}),
        ("faults", {"status": 500, "when": "never"}),
        ("faults", {"drop": "gently"}),
        ("faults", []),
        ("faults", {"status": 500, "regex": "("}),
        ("faults", {"delay": "2s"}),
        ("settings", {"jobOverrides": [{"job": "x"}]}),
        ("settings", {"deploymentOverrides": [{"deployment": "x"}]}),
        ("settings", {"quotas": {"training-h200-count": "x"}}),
        ("settings", {"nonsense": 1}),
        ("clock", {"advance": "soon"}),
        ("clock", {"advance": -1}),
    ]:
        api.fails(400, "POST", f"/_emulator/{path}", json=body)
    api.fails(400, "POST", "/_emulator/clock", content=b"{")


def test_a_fault_before_leaves_no_effect(api: Any):
    fault(
        api,
        method="POST",
        path="*/datasets",
        status=429,
        headers={"Retry-After": "1"},
        body={"code": 8, "details": [], "message": "slow down"},
    )
    refused = api.call("POST", "/datasets", **DATASET)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["message"] == "slow down"
    api.fails(404, "GET", "/datasets/d")
    api.ok("POST", "/datasets", **DATASET)


@pytest.mark.parametrize(
    ("drop", "error"),
    [(True, httpx.RemoteProtocolError), ("read", httpx.ReadError), ("connect", httpx.ConnectError)],
)
def test_a_lost_reply_leaves_its_effect(api: Any, drop: Any, error: type[Exception]):
    fault(api, method="POST", path="*/datasets", when="after", drop=drop)
    with pytest.raises(error):
        api.call("POST", "/datasets", **DATASET)
    api.ok("GET", "/datasets/d")
    assert log(api) == [("POST", 0), ("GET", 200)]


def test_a_request_can_be_lost_before_its_effect(api: Any):
    fault(api, drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", "/datasets", **DATASET)
    api.fails(404, "GET", "/datasets/d")


def test_faults_count_their_matches(api: Any):
    fault(api, regex="/datasets$", nth=2, times=2, status=503)
    got = [api.call("GET", "/datasets").status_code for _ in range(4)]
    assert got == [200, 503, 503, 200]
    api.ok("DELETE", "/_emulator/faults")
    fault(api, times=0, status=500, body="no")
    assert [api.call("GET", "/datasets").text for _ in range(3)] == ["no"] * 3
    number = api.ok("GET", "/_emulator/faults")["faults"][0]["id"]
    api.call("DELETE", "/_emulator/faults")
    assert number
    assert api.ok("GET", "/_emulator/faults") == {"faults": []}


def test_a_fault_after_replaces_the_answer_of_an_effect(api: Any):
    fault(api, method="POST", when="after", status=502, body={})
    assert api.call("POST", "/datasets", **DATASET).status_code == 502
    api.ok("GET", "/datasets/d")
    assert log(api)[0] == ("POST", 502)


def test_a_delay_goes_through_the_clock_that_was_given(make: Any):
    slept = []
    api = make(sleep=slept.append)
    fault(api, delay=3)
    api.ok("GET", "/datasets")
    api.ok("GET", "/datasets")
    assert slept == [3]


def test_stale_reads_show_what_was_before_the_last_write(api: Any):
    api.ok("POST", "/datasets", **DATASET)
    fault(api, method="GET", stale=True, times=2)
    api.fails(404, "GET", "/datasets/d")
    assert api.ok("GET", "/datasets")["totalSize"] == 0
    assert api.ok("GET", "/datasets")["totalSize"] == 1
    api.ok("PATCH", "/datasets/d", json={"displayName": "new"})
    fault(api, stale=True)
    assert api.ok("GET", "/datasets/d")["displayName"] == ""
    api.ok("DELETE", "/datasets/d")
    fault(api, stale=True)
    assert api.ok("GET", "/datasets")["datasets"][0]["displayName"] == "new"
    assert api.ok("GET", "/datasets")["datasets"] == []


def test_the_clock_can_be_advanced(api: Any):
    before = api.ok("GET", "/_emulator/clock")["seconds"]
    after = api.ok("POST", "/_emulator/clock", json={"advance": "600s"})
    assert after["seconds"] == before + 600
    api.ok("POST", "/_emulator/clock", json={"advance": 60})
    api.emulator.advance(5)
    assert api.ok("GET", "/_emulator/clock")["seconds"] == before + 665


def test_time_scales_while_running_and_not_while_stopped(make: Any, wall: Any, tmp_path: Path):
    api = make(tmp_path, time_scale=100)
    start = api.ok("GET", "/_emulator/clock")["seconds"]
    api.wait(2)
    assert api.ok("GET", "/_emulator/clock")["seconds"] == start + 200
    api.emulator.close()
    wall.now += 50
    again = make(tmp_path, time_scale=100)
    assert again.ok("GET", "/_emulator/clock")["seconds"] == start + 250
    wall.now -= 1000
    assert again.ok("GET", "/_emulator/clock")["seconds"] == start + 250


def test_state_faults_and_log_outlive_the_process(make: Any, tmp_path: Path, valid_rows: bytes):
    first = make(tmp_path)
    first.dataset("prefs", valid_rows)
    fault(first, status=418)
    first.emulator.close()
    second = make(tmp_path)
    assert second.call("GET", "/datasets/prefs").status_code == 418
    assert second.ok("GET", "/datasets/prefs")["state"] == "READY"
    assert [status for _, status in log(second)] == [200, 200, 418, 200]
    urls = second.ok("GET", "/datasets/prefs:getDownloadEndpoint")["filenameToSignedUrls"]
    assert second.http.get(urls["dataset/prefs/train.jsonl"]).content == valid_rows


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc"])
def test_a_missing_key_is_refused_in_the_other_envelope(api: Any, header: str):
    answer = api.call("GET", "/datasets", headers={"Authorization": header})
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "message": "The API key you provided is invalid.",
        "param": None,
        "code": "UNAUTHORIZED",
        "type": "error",
    }
    assert len(answer.json()["request_id"]) == 36


def test_a_fixed_key_and_another_status(make: Any):
    api = make(api_key="fw_right", unauthenticated_status=401)
    assert api.call("GET", "/datasets").status_code == 401
    for header in (
        {"Authorization": "Bearer fw_right"},
        {"Authorization": "", "X-Api-Key": "fw_right"},
    ):
        assert api.call("GET", "/datasets", headers=header).status_code == 200


def test_an_unknown_route_is_refused_loudly(api: Any, capsys: pytest.CaptureFixture[str]):
    refused = api.fails(404, "POST", "/rlorTrainerJobs", json={})
    assert (
        "does not know the route POST /v1/accounts/emulator/rlorTrainerJobs" in refused["message"]
    )
    assert "UNKNOWN ROUTE" in capsys.readouterr().err
    assert log(api) == [("POST", 404)]
    api.fails(404, "GET", "/v1/nonsense")
    api.fails(404, "GET", "/v1/accounts/other/datasets")


def test_accounts(api: Any):
    listed = api.ok("GET", "/v1/accounts?pageSize=2")
    assert [a["name"] for a in listed["accounts"]] == ["accounts/emulator"]
    assert listed["nextPageToken"] == ""
    assert api.ok("GET", "/v1/accounts/fireworks")["state"] == "READY"
    api.fails(404, "GET", "/v1/accounts/other")


def test_the_retired_profile_keeps_reading_and_deleting(make: Any, tmp_path: Path):
    managed = make(tmp_path)
    adapter = managed.adapter()
    managed.emulator.close()
    api = make(tmp_path, profile="retired")
    one = "/datasets/tuned-data"
    for method, path in [
        ("POST", "/datasets"),
        ("PATCH", one),
        ("POST", f"{one}:upload"),
        ("POST", f"{one}:getUploadEndpoint"),
        ("POST", f"{one}:validateUpload"),
        ("POST", f"{one}:splitDataset"),
        ("GET", f"{one}:getDownloadEndpoint"),
        ("POST", "/dpoJobs?dpoJobId=x"),
    ]:
        refused = api.fails(501, method, path)
        assert (refused["code"], refused["details"]) == (12, [])
    assert api.ok("GET", "/datasets")["totalSize"] == 1
    assert api.ok("GET", "/dpoJobs/tuned-job")["state"] == "JOB_STATE_COMPLETED"
    assert api.chat(api.deployment(adapter)).status_code == 200
    api.ok("DELETE", one)
    api.ok("DELETE", "/dpoJobs/tuned-job")


def test_the_retired_status_of_jobs_can_be_chosen(make: Any):
    api = make(profile="retired", retired_job_status=403)
    assert api.fails(403, "POST", "/dpoJobs", json={})["code"] == 7


@pytest.mark.parametrize("content", [b"[]", b'"x"', b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_messages(api: Any, content: bytes):
    assert api.fails(400, "POST", "/datasets", content=content)["code"] == 3


def test_a_bug_shows_as_a_500_and_leaves_no_half(
    api: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: Any, **__: Any):
        raise RuntimeError("broken")

    monkeypatch.setattr("dpo_ops.emulator.datasets.shown", fail)
    assert api.fails(500, "POST", "/datasets", **DATASET)["code"] == 13
    assert "RuntimeError: broken" in capsys.readouterr().err
    monkeypatch.undo()
    api.fails(404, "GET", "/datasets/d")


def test_a_round_trip_is_quick():
    with Emulator() as emulator, httpx.Client(transport=EmulatorTransport(emulator)) as client:
        best = 1.0
        for _ in range(200):
            start = time.perf_counter()
            answer = client.get(
                "http://x/v1/accounts/emulator", headers={"authorization": "Bearer x"}
            )
            best = min(best, time.perf_counter() - start)
    assert json.loads(answer.content)["state"] == "READY"
    assert best < 0.005
