"""Pages, filters, order and masks."""

from typing import Any

import pytest


@pytest.fixture
def filled(api: Any):
    for number in range(7):
        dataset = {
            "exampleCount": str(9 + number),
            "userUploaded": {},
            "displayName": f"set {number % 2}",
            "format": "CHAT" if number < 3 else "FORMAT_UNSPECIFIED",
        }
        api.ok("POST", "/datasets", json={"datasetId": f"d{number}", "dataset": dataset})
        api.wait(10)
    return api


def ids(api: Any, query: str = ""):
    found = api.ok("GET", f"/datasets?{query}")["datasets"]
    return "".join(d["name"].rpartition("/d")[2] for d in found)


def test_an_empty_list_has_its_whole_envelope(api: Any):
    assert api.ok("GET", "/dpoJobs") == {"dpoJobs": [], "nextPageToken": "", "totalSize": 0}


def test_pages_follow_one_another(filled: Any):
    first = filled.ok("GET", "/datasets?pageSize=3")
    assert (len(first["datasets"]), first["totalSize"]) == (3, 7)
    token = first["nextPageToken"]
    assert ids(filled, f"pageSize=3&pageToken={token}") == "345"
    filled.fails(400, "GET", f"/datasets?pageSize=4&pageToken={token}")
    filled.fails(400, "GET", "/datasets?pageToken=nonsense")


def test_page_sizes_have_a_default_and_a_ceiling(api: Any):
    for number in range(201):
        body = {"datasetId": f"d{number}", "dataset": {"exampleCount": "1"}}
        api.ok("POST", "/datasets", json=body)
    assert len(api.ok("GET", "/datasets")["datasets"]) == 50
    assert len(api.ok("GET", "/datasets?pageSize=0")["datasets"]) == 50
    assert len(api.ok("GET", "/datasets?pageSize=1000")["datasets"]) == 200
    api.fails(400, "GET", "/datasets?pageSize=-1")
    api.fails(400, "GET", "/datasets?pageSize=x")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("state=UPLOADING", "0123456"),
        ('state="READY"', ""),
        ("NOT state = READY", "0123456"),
        ("-format=CHAT", "3456"),
        ("format != CHAT", "3456"),
        ("display_name='set 1'", "135"),
        ('displayName="set 1" AND example_count>10', "35"),
        ('displayName="set 1" example_count>10', "35"),
        ("example_count>=14 OR example_count<=9", "056"),
        ("example_count=10 OR example_count=9 AND format=CHAT", "01"),
        ("(example_count=15 AND format=CHAT) OR name:d4", "4"),
        ('displayName="set*"', "0123456"),
        ('name="*/d2"', "2"),
        ("user_uploaded:*", "0123456"),
        ("status.code=OK", "0123456"),
        ("status.code=INTERNAL", ""),
        ('create_time>"2026-09-21T14:14:10Z"', "6"),
        ("source_job_name:*", ""),
        ("estimated_token_count < -1", ""),
    ],
)
def test_filters(filled: Any, expression: str, found: str):
    answer = filled.ok("GET", "/datasets", params={"filter": expression})["datasets"]
    assert "".join(d["name"][-1] for d in answer) == found


@pytest.mark.parametrize(
    "expression",
    [
        "nonsense=1",
        "state",
        "state=",
        "=1",
        "(state=READY",
        "state=READY)",
        "state==READY",
        "AND",
        "'",
    ],
)
def test_filters_that_cannot_be_read(filled: Any, expression: str):
    refused = filled.fails(400, "GET", "/datasets", params={"filter": expression})
    assert refused["code"] == 3
    assert "filter" in refused["message"]


def test_a_job_state_is_found_by_its_short_name(api: Any):
    api.dataset()
    api.job()
    assert api.ok("GET", "/dpoJobs?filter=state=VALIDATING")["totalSize"] == 1
    assert api.ok("GET", "/dpoJobs?filter=state=JOB_STATE_VALIDATING")["totalSize"] == 1
    assert api.ok("GET", "/dpoJobs?filter=state=RUNNING")["totalSize"] == 0


def test_filters_reach_into_maps(api: Any):
    shape = "accounts/fireworks/deploymentShapes/qwen3-14b-minimal"
    model = "accounts/fireworks/models/qwen3-14b"
    for name in ("a", "b"):
        body = {
            "baseModel": model,
            "deploymentShape": shape,
            "annotations": {f"custom/{name}": "x"},
        }
        api.ok("POST", f"/deployments?deploymentId={name}", json=body)
    query = {"filter": 'annotations:"custom/b"'}
    found = api.ok("GET", "/deployments", params=query)["deployments"]
    assert [d["name"][-1] for d in found] == ["b"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("", "0123456"),
        ("name desc", "6543210"),
        ("example_count", "0123456"),
        ("display_name,example_count desc", "6420531"),
        ("createTime desc", "6543210"),
        ("status.code desc, name", "0123456"),
    ],
)
def test_orders(filled: Any, order: str, found: str):
    answer = filled.ok("GET", "/datasets", params={"orderBy": order})["datasets"]
    assert "".join(d["name"][-1] for d in answer) == found


def test_orders_that_cannot_be_used(filled: Any):
    filled.fails(400, "GET", "/datasets?orderBy=nonsense")
    filled.fails(400, "GET", "/datasets?orderBy=name sideways")
    filled.fails(400, "GET", "/v1/accounts?orderBy=name")


def test_deployments_come_by_age(api: Any):
    for name in ("b", "a"):
        shape = "accounts/fireworks/deploymentShapes/qwen3-14b-minimal"
        body = {"baseModel": "accounts/fireworks/models/qwen3-14b", "deploymentShape": shape}
        api.ok("POST", f"/deployments?deploymentId={name}", json=body)
        api.wait(1)
    assert [d["name"][-1] for d in api.ok("GET", "/deployments")["deployments"]] == ["b", "a"]


def test_masks_cut_down_what_is_read(filled: Any):
    assert filled.ok("GET", "/datasets/d1?readMask=name,status.code,example_count") == {
        "name": "accounts/emulator/datasets/d1",
        "status": {"code": "OK"},
        "exampleCount": "10",
    }
    assert len(filled.ok("GET", "/datasets/d1?readMask=*")) > 10
    first = filled.ok("GET", "/datasets?readMask=state")["datasets"][0]
    assert first == {"state": "UPLOADING"}
    filled.fails(400, "GET", "/datasets/d1?readMask=nonsense")
