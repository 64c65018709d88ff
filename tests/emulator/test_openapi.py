"""What the emulator says, held against the API's own description where that is at hand."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from dpo_ops.emulator import inference_schema
from dpo_ops.emulator.codec import fields
from dpo_ops.emulator.messages import ENUMS, EXTRA_FIELDS, MESSAGES
from dpo_ops.emulator.routes import ROUTES

FOLDER = Path(__file__).parents[3] / "shared" / "fireworks"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the stored OpenAPI files are not beside this checkout"
)
# Not in the stored OpenAPI: newer SDKs and prose describe these states.
NEWER = {"JobState": {"JOB_STATE_ARCHIVED"}}
# Names that two schemas share, or that are shortened here.
RENAMED = {
    "LossConfigMethod": "ReinforcementLearningLossConfigMethod",
    "LossConfig": "gatewayReinforcementLearningLossConfig",
    "typeDate": "typeDate",
    "typeMoney": "typeMoney",
}
BASE = "accounts/fireworks/models/qwen3-14b"
SERVERLESS = "accounts/fireworks/models/glm-5p3-flash"


@pytest.fixture(scope="module")
def gateway():
    return yaml.safe_load((FOLDER / "gateway-openapi.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def completions():
    return yaml.safe_load((FOLDER / "inference-openapi.yaml").read_text(encoding="utf-8"))


def schema_name(document: Any, name: str) -> str:
    schemas = document["components"]["schemas"]
    tries = (RENAMED.get(name, name), f"gateway{name}", f"Gateway{name}", name)
    return next(t for t in tries if t in schemas)


def without_null(value: Any) -> Any:
    """proto3 answers null for an unset message, which the schemas do not spell out."""
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    return [without_null(v) for v in value] if isinstance(value, list) else value


def valid(document: Any, name: str, answer: Any) -> None:
    resource = Resource(contents=document, specification=DRAFT202012)
    registry = Registry().with_resource("urn:api", resource)
    schema = {"$ref": f"urn:api#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(schema, registry=registry).validate(answer)


def test_every_message_has_the_fields_of_its_schema(gateway: Any):
    for message in MESSAGES:
        schema = gateway["components"]["schemas"][schema_name(gateway, message)]
        extra = {word.partition(":")[0] for word in EXTRA_FIELDS.get(message, "").split()}
        known = fields(message)
        properties = schema.get("properties", {})
        assert set(known) - extra == set(properties), message
        for name, described in properties.items():
            assert known[name].output_only == described.get("readOnly", False), (message, name)


def test_every_field_has_the_type_of_its_schema(gateway: Any):
    kinds = {
        ("string", None): "string",
        ("string", "int64"): "int64",
        ("string", "date-time"): "time",
        ("integer", "int32"): "int32",
        ("number", "float"): "float",
        ("number", "double"): "double",
        ("boolean", None): "bool",
    }
    for message in MESSAGES:
        schema = gateway["components"]["schemas"][schema_name(gateway, message)]
        for name, described in schema.get("properties", {}).items():
            shape, one = "", described
            if described.get("type") == "array":
                shape, one = "[", described["items"]
            elif "additionalProperties" in described:
                shape, one = "{", described["additionalProperties"]
            field = fields(message)[name]
            assert field.shape == shape, (message, name)
            if "$ref" in one:
                assert one["$ref"].rpartition("/")[2] == schema_name(gateway, field.type)
            else:
                assert field.type == kinds[one["type"], one.get("format")], (message, name)


def test_every_enum_has_the_values_of_its_schema(gateway: Any):
    for name, words in ENUMS.items():
        schema = gateway["components"]["schemas"][schema_name(gateway, name)]
        assert set(words.split()) - NEWER.get(name, set()) == set(schema["enum"]), name
        assert words.split()[0] == schema["default"], name


def test_routes_of_the_api_that_are_not_played_are_these(gateway: Any):
    described = {
        (method.upper(), skeleton(path))
        for path, methods in gateway["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    }
    account = "/v1/accounts/*"
    missing = described - set(ROUTES)
    assert missing == {
        *((m, f"{account}/routers/*") for m in ("GET", "PATCH", "DELETE")),
        *((m, f"{account}/routers") for m in ("GET", "POST")),
        *((m, f"{account}/deploymentShapes/*") for m in ("PATCH", "DELETE")),
        ("POST", f"{account}/deploymentShapes"),
        ("PATCH", f"{account}/deploymentShapes/*/versions/*"),
        ("POST", f"{account}/models/*/versions"),
        ("POST", f"{account}/models/*/versions/*:deploy"),
        ("GET", f"{account}/models/*/versions:count"),
        ("POST", f"{account}/models/*:import"),
    }


def skeleton(path: str) -> str:
    parts = (("*" + p.partition("}")[2]) if p.startswith("{") else p for p in path.split("/"))
    return "/".join(parts)


def test_answers_fit_their_schemas_and_leave_no_field_out(api: Any, gateway: Any):
    adapter = api.adapter()
    deployment = api.deployment(BASE, enableAddons=True, annotations={"custom/a": "b"})
    loaded = {"model": adapter, "deployment": deployment}
    api.ok("POST", "/deployedModels", json=loaded)
    oneof = {"evaluationResult", "transformed", "splitted", "evalProtocol"}
    public = "/v1/accounts/fireworks"
    for path, message, plural in [
        ("/v1/accounts", "Account", "accounts"),
        ("/datasets", "Dataset", "datasets"),
        ("/dpoJobs", "DpoJob", "dpoJobs"),
        ("/models", "Model", "models"),
        (f"{public}/models", "Model", "models"),
        ("/deployments", "Deployment", "deployments"),
        ("/deployedModels", "DeployedModel", "deployedModels"),
        (f"{public}/deploymentShapes", "DeploymentShape", "deploymentShapes"),
        (
            f"{public}/deploymentShapes/-/versions",
            "DeploymentShapeVersion",
            "deploymentShapeVersions",
        ),
        ("/quotas", "Quota", "quotas"),
    ]:
        listed = api.ok("GET", path)
        name = f"gatewayList{plural[0].upper()}{plural[1:]}Response"
        valid(gateway, name, without_null(listed))
        single = api.ok("GET", "/v1/" + listed[plural][0]["name"])
        schema = gateway["components"]["schemas"][f"gateway{message}"]
        valid(gateway, f"gateway{message}", without_null(single))
        assert set(schema["properties"]) - oneof <= set(single), message


def test_smaller_answers_fit_their_schemas(api: Any, gateway: Any, valid_rows: bytes):
    body = {"datasetId": "d", "dataset": {"exampleCount": "3", "userUploaded": {}}}
    valid(gateway, "gatewayDataset", without_null(api.ok("POST", "/datasets", json=body)))
    sizes = {"filenameToSize": {"a": "3"}}
    urls = api.ok("POST", "/datasets/d:getUploadEndpoint", json=sizes)
    valid(gateway, "gatewayGetDatasetUploadEndpointResponse", urls)
    uploaded = api.ok("POST", "/datasets/d:upload", files={"file": ("x", valid_rows)})
    valid(gateway, "FileUploadResponse", uploaded)
    down = api.ok("GET", "/datasets/d:getDownloadEndpoint")
    valid(gateway, "gatewayGetDatasetDownloadEndpointResponse", down)
    api.wait(1)
    api.ok("POST", "/dpoJobs?dpoJobId=j", json=api.job_body("accounts/emulator/datasets/d"))
    metrics = api.ok("GET", "/dpoJobs/j:getMetricsFileEndpoint")
    valid(gateway, "gatewayGetDpoJobMetricsFileResponse", metrics)
    api.deployment(BASE)
    traffic = api.ok("GET", "/deployments/dep:metrics")
    valid(gateway, "gatewayGetDeploymentMetricsResponse", traffic)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"logprobs": 2, "echo": True, "max_tokens": 1},
        {"logprobs": True, "top_logprobs": 3},
        {"n": 2, "return_token_ids": True},
    ],
)
@pytest.mark.parametrize("engine", ["api", "local"])
def test_completions_fit_their_schemas(
    request: pytest.FixtureRequest, completions: Any, engine: str, options: dict[str, Any]
):
    api = request.getfixturevalue(engine)
    options = {"max_tokens": 20, **options}
    chat = {"model": SERVERLESS, "messages": [{"role": "user", "content": "hi"}], **options}
    text = {"model": SERVERLESS, "prompt": "hi", **options}
    whole = api.ok("POST", "/v1/chat/completions", json=chat)
    valid(completions, "ChatCompletionResponse", whole)
    valid(completions, "CompletionResponse", api.ok("POST", "/v1/completions", json=text))
    for path, body, name in [
        ("/v1/chat/completions", chat, "ChatCompletionStreamResponse"),
        ("/v1/completions", text, "CompletionStreamResponse"),
    ]:
        answer = api.call("POST", path, json={**body, "stream": True})
        for line in answer.text.split("\n\n")[:-2]:
            valid(completions, name, json.loads(line.removeprefix("data: ")))


def test_what_a_request_may_say_is_what_the_schema_says(completions: Any):
    schemas = completions["components"]["schemas"]
    # `stream_options` has a schema of its own that no request refers to.
    chat = set(schemas["ChatCompletionRequest"]["properties"]) | {"stream_options"}
    text = set(schemas["CompletionRequest"]["properties"]) | {"stream_options"}
    assert (chat, text) == (inference_schema.CHAT, inference_schema.TEXT)


def test_the_ranges_are_those_of_the_schema(completions: Any):
    fields = completions["components"]["schemas"]["CompletionRequest"]["properties"]
    for name, (least, most) in inference_schema.RANGES.items():
        words = fields[name]["description"]
        said = re.search(r"Required range: `(\S+) <= x <= (\S+)`", words) or re.search(
            r"between (-?\d\.\d) and (\d\.\d)", words
        )
        assert said, name
        assert (float(said[1]), float(said[2])) == (least, most), name
