"""Deployments: shapes, addons, replicas, deletion; and matching shapes to models."""

from typing import Any

import pytest

BASE = "accounts/fireworks/models/qwen3-14b"
SHAPES = "accounts/fireworks/deploymentShapes"
MINIMAL = f"{SHAPES}/qwen3-14b-minimal"
DEP = "/deployments?deploymentId=dep"


def body(**fields: Any):
    return {"json": {"baseModel": BASE, "deploymentShape": MINIMAL, **fields}}


def test_the_shape_fills_in_the_hardware_and_comes_back_as_a_version(api: Any):
    made = api.ok("POST", DEP, **body())
    assert made["deploymentShape"].startswith(f"{MINIMAL}/versions/")
    assert (made["acceleratorType"], made["acceleratorCount"]) == ("NVIDIA_H100_80GB", 1)
    assert (made["precision"], made["state"]) == ("BF16", "CREATING")
    assert (made["minReplicaCount"], made["maxReplicaCount"]) == (0, 1)
    assert made["autoscalingPolicy"]["scaleToZeroWindow"] == "3600s"
    api.wait(209)
    assert api.ok("GET", "/deployments/dep")["state"] == "CREATING"
    api.wait(1)
    ready = api.ok("GET", "/deployments/dep")
    assert (ready["state"], ready["replicaCount"]) == ("READY", 1)


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        (
            {"deploymentShape": ""},
            400,
            "accelerator_type must be specified for non-embeddings engines",
        ),
        (
            {"deploymentShape": f"{SHAPES}/none"},
            403,
            "the deployment shape version does not exist or you do not have access to it",
        ),
        (
            {"deploymentShape": f"{MINIMAL}/versions/none"},
            403,
            "the deployment shape version does not exist or you do not have access to it",
        ),
        (
            {"deploymentShape": f"{SHAPES}/qwen3-14b-fast", "enableAddons": True},
            400,
            "addons cannot be enabled with quantized precisions (FP8/FP4)",
        ),
        (
            {
                "baseModel": "accounts/fireworks/models/qwen2p5-7b-instruct",
                "deploymentShape": f"{SHAPES}/qwen2p5-7b-instruct-minimal",
                "enableAddons": True,
            },
            400,
            "invalid deployment: addons are not supported for this model",
        ),
        ({"annotations": {"owner": "me"}}, 403, "only keys under custom/ are"),
        ({"annotations": {"custom/x": "y" * 129}}, 400, "at most 64 tags"),
        ({"baseModel": ""}, 400, "base_model is required"),
        ({"baseModel": "accounts/fireworks/models/none"}, 404, "not found"),
        ({"deploymentShape": f"{SHAPES}/qwen3-32b-minimal"}, 400, "is not for base model"),
        ({"minReplicaCount": 2, "maxReplicaCount": 1}, 400, "do not fit together"),
        ({"autoscalingPolicy": {"scaleToZeroWindow": "10m"}}, 400, "Duration"),
        ({"autoscalingPolicy": {"scaleToZeroWindow": "299s"}}, 400, "at least 300s"),
        ({"autoscalingPolicy": {"scaleUpWindow": "3601s"}}, 400, "at most 3600s"),
        ({"deploymentId": "x"}, 400, 'unknown field "deploymentId"'),
        ({"acceleratorType": "TOASTER"}, 400, "invalid value for enum field"),
        ({"displayName": "x" * 64}, 400, "fewer than 64"),
    ],
)
def test_what_cannot_be_deployed(api: Any, fields: dict[str, Any], status: int, message: str):
    assert message in api.fails(status, "POST", DEP, **body(**fields))["message"]
    api.fails(404, "GET", "/deployments/dep")


def test_without_a_shape_the_accelerator_must_be_named(api: Any):
    made = api.ok("POST", DEP, **body(deploymentShape="", acceleratorType="NVIDIA_H100_80GB"))
    assert (made["precision"], made["acceleratorCount"], made["deploymentShape"]) == ("BF16", 1, "")


def test_the_default_shape(api: Any):
    made = api.ok("POST", DEP, **body(deploymentShape="default"))
    assert made["deploymentShape"].startswith(MINIMAL)


def test_validate_only_stores_nothing(api: Any):
    api.ok("POST", DEP + "&validateOnly=true", **body())
    api.fails(404, "GET", "/deployments/dep")
    api.fails(403, "POST", DEP + "&validateOnly=true", **body(deploymentShape=f"{SHAPES}/x"))


def test_an_adapter_merges_only_into_a_shape_that_can(api: Any):
    adapter = api.adapter()
    refused = api.fails(
        400, "POST", DEP, **body(baseModel=adapter, deploymentShape=f"{SHAPES}/qwen3-14b-fast")
    )
    assert refused["message"].startswith("live merge is not supported for this deployment")
    api.ok("POST", DEP, **body(baseModel=adapter))


def test_a_bundled_drafter_is_in_the_way_of_a_live_merge(api: Any):
    api.dataset()
    api.job("small", baseModel="accounts/fireworks/models/qwen3-8b")
    api.wait(400)
    fields = body(
        baseModel="accounts/emulator/models/small", deploymentShape=f"{SHAPES}/qwen3-8b-fast"
    )
    api.fails(400, "POST", DEP, **fields)
    made = api.ok("POST", DEP + "&disableSpeculativeDecoding=true", **fields)
    assert made["draftModel"] == ""
    assert api.ok("PATCH", "/deployments/dep", json={"displayName": "x"})["draftModel"] == ""


def test_an_id_is_taken_even_by_a_softly_deleted_deployment(api: Any):
    api.ok("POST", DEP, **body())
    api.fails(409, "POST", DEP, **body())
    api.ok("DELETE", "/deployments/dep")
    api.fails(409, "POST", DEP, **body())
    api.ok("DELETE", "/deployments/dep?hard=true")
    api.fails(404, "GET", "/deployments/dep")
    api.ok("POST", DEP, **body())


def test_soft_deletion_and_its_undoing(api: Any):
    api.deployment(BASE)
    api.ok("DELETE", "/deployments/dep")
    gone = api.ok("GET", "/deployments/dep")
    assert gone["state"] == "DELETED"
    assert gone["deleteTime"] < gone["purgeTime"]
    assert api.ok("GET", "/deployments")["deployments"] == []
    assert len(api.ok("GET", "/deployments?showDeleted=true")["deployments"]) == 1
    api.fails(400, "PATCH", "/deployments/dep", json={"displayName": "x"})
    back = api.ok("POST", "/deployments/dep:undelete", json={})
    assert (back["state"], back["deleteTime"]) == ("CREATING", None)
    api.fails(400, "POST", "/deployments/dep:undelete", json={})
    api.ok("DELETE", "/deployments/dep")
    api.wait(8 * 86_400)
    api.fails(404, "GET", "/deployments/dep")


def test_traffic_in_the_last_hour_protects_a_deployment(api: Any):
    deployment = api.deployment(BASE)
    api.chat(deployment)
    refused = api.fails(400, "DELETE", "/deployments/dep")
    assert refused["code"] == 9
    assert "pass ignore_checks to skip this check" in refused["message"]
    api.ok("DELETE", "/deployments/dep?ignoreChecks=true")
    api.ok("POST", "/deployments/dep:undelete", json={})
    api.wait(3601)
    api.ok("DELETE", "/deployments/dep")


def test_metrics_count_the_requests_of_a_time_range(api: Any):
    deployment = api.deployment(BASE, minReplicaCount=1)

    def asked(time_range: str = "") -> float:
        path = f"/deployments/dep:metrics{time_range and '?timeRange=' + time_range}"
        count: float = api.ok("GET", path)["metrics"]["requests_count"]
        return count

    assert asked() == 0
    api.chat(deployment)
    api.chat(deployment)
    api.wait(1800)
    api.chat(deployment)
    assert [asked(), asked("1m"), asked("2h"), asked("24h")] == [1, 1, 3, 3]
    api.wait(86_400 + 120)
    assert [asked("24h"), asked("2h")] == [0, 0]
    api.fails(400, "GET", "/deployments/dep:metrics?timeRange=soon")
    api.fails(404, "GET", "/deployments/other:metrics")


def test_scale_to_zero_and_back(api: Any):
    deployment = api.deployment(BASE, autoscalingPolicy={"scaleToZeroWindow": "600s"})
    api.wait(599)
    assert api.chat(deployment).status_code == 200
    api.wait(599)
    assert api.ok("GET", "/deployments/dep")["replicaCount"] == 1
    api.wait(1)
    assert api.ok("GET", "/deployments/dep")["replicaCount"] == 0
    cold = api.chat(deployment)
    assert cold.status_code == 503
    assert cold.json()["error"] == {
        "message": "Deployment is currently scaled to zero and is scaling up. "
        "Please retry your request in a few minutes.",
        "param": None,
        "code": "DEPLOYMENT_SCALING_UP",
        "type": "error",
    }
    api.wait(74)
    assert api.chat(deployment).status_code == 503
    api.wait(1)
    assert api.chat(deployment).status_code == 200


def test_a_deployment_that_keeps_a_replica_never_scales_to_zero(api: Any):
    deployment = api.deployment(BASE, minReplicaCount=1)
    api.wait(30 * 86_400)
    assert api.chat(deployment).status_code == 200


def test_seven_idle_days_delete_a_deployment(api: Any):
    api.deployment(BASE)
    api.wait(7 * 86_400 - 1)
    assert api.ok("GET", "/deployments/dep")["state"] == "READY"
    api.wait(1)
    assert api.ok("GET", "/deployments/dep")["state"] == "DELETED"


def test_patch_merges_without_a_mask_and_obeys_one(api: Any):
    api.deployment(BASE, displayName="one", description="text")
    merged = api.ok("PATCH", "/deployments/dep", json={"displayName": "two"})
    assert (merged["displayName"], merged["description"]) == ("two", "text")
    path = "/deployments/dep?updateMask=display_name,description"
    cleared = api.ok("PATCH", path, json={"baseModel": BASE, "displayName": "three"})
    assert (cleared["displayName"], cleared["description"]) == ("three", "")
    api.fails(400, "PATCH", "/deployments/dep?updateMask=nonsense", json={})
    api.ok("POST", "/_emulator/settings", json={"patchWithoutMask": "replace"})
    api.ok("PATCH", "/deployments/dep", json={"description": "x", "deploymentShape": MINIMAL})
    assert api.ok("GET", "/deployments/dep")["displayName"] == ""


def test_new_hardware_rolls_out(api: Any):
    api.deployment(BASE)
    fast = {"deploymentShape": f"{SHAPES}/qwen3-14b-fast"}
    patched = api.ok("PATCH", "/deployments/dep", json=fast)
    assert (patched["state"], patched["precision"], patched["acceleratorCount"]) == (
        "UPDATING",
        "FP8",
        2,
    )
    api.wait(90)
    assert api.ok("GET", "/deployments/dep")["state"] == "READY"
    same = api.ok("PATCH", "/deployments/dep", json={"maxReplicaCount": 3})
    assert same["state"] == "READY"


@pytest.mark.parametrize(
    "change",
    [
        {"baseModel": "accounts/fireworks/models/qwen3-32b"},
        {"annotations": {"custom/a": "2"}},
        {"placement": {"multiRegion": "US"}},
    ],
)
def test_what_an_update_cannot_change(api: Any, change: dict[str, Any]):
    api.deployment(BASE, annotations={"custom/a": "1"})
    api.fails(400, "PATCH", "/deployments/dep", json=change)
    whole = api.ok("GET", "/deployments/dep")
    api.ok("PATCH", "/deployments/dep", json=whole)
    assert api.ok("GET", "/deployments/dep")["annotations"] == {"custom/a": "1"}


def test_replicas_follow_their_bounds_and_scale(api: Any):
    api.deployment(BASE, maxReplicaCount=3)
    api.ok("PATCH", "/deployments/dep", json={"minReplicaCount": 2})
    assert api.ok("GET", "/deployments/dep")["desiredReplicaCount"] == 2
    api.wait(75)
    assert api.ok("GET", "/deployments/dep")["replicaCount"] == 2
    assert api.ok("PATCH", "/deployments/dep:scale", json={"replicaCount": 3}) == {}
    api.wait(75)
    assert api.ok("GET", "/deployments/dep")["replicaStats"]["readyReplicaCount"] == 3
    api.fails(400, "PATCH", "/deployments/dep:scale", json={"replicaCount": 4})
    zero = {"minReplicaCount": 0, "maxReplicaCount": 0}
    assert api.ok("PATCH", "/deployments/dep", json=zero)["replicaCount"] == 0
    assert api.chat("accounts/emulator/deployments/dep").status_code == 503
    api.wait(1000)
    assert api.chat("accounts/emulator/deployments/dep").status_code == 503


def test_tags(api: Any):
    api.ok("POST", DEP, **body(annotations={"custom/a": "1"}))
    tagged = api.ok("POST", "/deployments/dep:setTags", json={"tags": {"custom/b": "2"}})
    assert tagged["annotations"] == {"custom/a": "1", "custom/b": "2"}
    api.fails(403, "POST", "/deployments/dep:setTags", json={"tags": {"b": "2"}})
    left = api.ok("POST", "/deployments/dep:deleteTags", json={"keys": ["custom/a", "custom/x"]})
    assert left["annotations"] == {"custom/b": "2"}


def match(api: Any, model: str, **fields: Any):
    deployment = {"baseModel": model, **fields}
    request = {"createDeploymentRequest": {"parent": "accounts/emulator", "deployment": deployment}}
    answer = api.ok("POST", "/deploymentShapeVersions:match", json=request)
    return [v["snapshot"]["name"].rpartition("/")[2] for v in answer["deploymentShapeVersions"]]


def test_match_finds_shapes_for_bases_and_adapters(api: Any):
    assert match(api, BASE) == ["qwen3-14b-minimal", "qwen3-14b-fast"]
    assert match(api, BASE, enableAddons=True) == ["qwen3-14b-minimal"]
    assert match(api, api.adapter(), enableAddons=True) == ["qwen3-14b-minimal"]


def test_match_tells_that_a_base_trains_but_takes_no_addons(api: Any):
    small = "accounts/fireworks/models/qwen3-8b"
    assert api.ok("GET", "/v1/" + small)["supervisedLoraTunable"] is True
    assert match(api, small) == ["qwen3-8b-fast"]
    assert match(api, small, enableAddons=True) == []


def test_match_gives_validated_versions_only(api: Any):
    path = "/v1/accounts/fireworks/deploymentShapes/qwen3-14b-minimal/versions"
    versions = api.ok("GET", path)["deploymentShapeVersions"]
    assert sorted(v["validated"] for v in versions) == [False, True]
    assert len(match(api, BASE, enableAddons=True)) == 1


def test_shapes_can_be_read(api: Any):
    path = "/v1/accounts/fireworks/deploymentShapes"
    assert api.ok("GET", f"{path}?targetModel={BASE}")["totalSize"] == 2
    assert api.ok("GET", f"{path}/qwen3-14b-minimal")["enableAddons"] is True
    latest = api.ok("GET", f"{path}/-/versions?filter=latest_validated=true")
    assert latest["totalSize"] == 10
    name = latest["deploymentShapeVersions"][0]["name"]
    assert api.ok("GET", "/v1/" + name)["latestValidated"] is True
    assert api.ok("GET", "/deploymentShapes")["totalSize"] == 0


def test_what_cannot_be_loaded(api: Any):
    adapter = api.adapter()
    plain = api.deployment(BASE, "plain")
    other = api.deployment(
        "accounts/fireworks/models/qwen3-32b",
        "other",
        deploymentShape=f"{SHAPES}/qwen3-32b-minimal",
        enableAddons=True,
    )
    for given, status, words in [
        ({"model": adapter, "deployment": plain}, 400, "deployment has addons disabled"),
        ({"model": adapter, "deployment": other}, 400, "is not an addon of"),
        ({"model": BASE, "deployment": other}, 400, "LoRA addon"),
        ({"model": adapter, "deployment": plain + "x"}, 404, "not found"),
        ({"model": adapter + "x", "deployment": other}, 404, "not found"),
        ({"model": adapter}, 400, "deployment is required"),
    ]:
        assert words in api.fails(status, "POST", "/deployedModels", json=given)["message"]


def test_deployed_models_change_their_default(api: Any):
    adapter = api.adapter()
    names = []
    for name in ("one", "two"):
        deployment = api.deployment(BASE, name, enableAddons=True)
        given = {"model": adapter, "deployment": deployment}
        names.append("/v1/" + api.ok("POST", "/deployedModels", json=given)["name"])
    assert [api.ok("GET", n)["default"] for n in names] == [True, False]
    api.ok("PATCH", names[1], json={"default": True, "displayName": "x"})
    assert [api.ok("GET", n)["default"] for n in names] == [False, True]
    api.fails(400, "PATCH", names[1], json={"model": BASE})
    again = {"model": adapter, "deployment": "accounts/emulator/deployments/one"}
    api.fails(409, "POST", "/deployedModels", json=again)
