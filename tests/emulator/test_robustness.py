"""Whatever is sent, the emulator answers in its own envelopes, and never with a 500."""

import ast
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dpo_ops.emulator
from dpo_ops.emulator import Emulator, EmulatorTransport
from dpo_ops.emulator.codec import fields, read, write
from dpo_ops.emulator.messages import ENUMS, MESSAGES
from dpo_ops.emulator.routes import ROUTES

KEY = {"Authorization": "Bearer x"}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(
    sorted({f for m in MESSAGES for f in fields(m)} | {"model", "messages", "prompt", "x"})
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def path(skeleton: str) -> str:
    """Put the account, and an id that exists, in the place of the stars."""
    whole = skeleton if skeleton != "/_storage/" else "/_storage/none/file"
    return whole.replace("*", "emulator", 1).replace("*", "prefs")


@pytest.fixture(scope="module")
def client() -> Any:
    with (
        Emulator(wall=lambda: 1_790_000_000.0) as emulator,
        httpx.Client(
            transport=EmulatorTransport(emulator), base_url="http://x", headers=KEY
        ) as made,
    ):
        body = {"datasetId": "prefs", "dataset": {"exampleCount": "1"}}
        made.post("/v1/accounts/emulator/datasets", json=body)
        yield made


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(route=st.sampled_from(sorted(ROUTES)), body=VALUES)
def test_no_body_breaks_the_emulator(client: Any, route: Any, body: Any) -> None:
    method, skeleton = route
    content = json.dumps(body).encode()
    answer = client.request(method, path(skeleton), content=content)
    assert answer.status_code != 500, answer.text


@settings(max_examples=200, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["filter", "orderBy", "pageSize", "pageToken", "readMask"]),
        st.text(alphabet="name state=<>:!()\"'*.-, desc10AND", max_size=20),
    )
)
def test_no_query_breaks_a_list(client: Any, query: Any) -> None:
    answer = client.get("/v1/accounts/emulator/datasets", params=query)
    assert answer.status_code in {200, 400}, answer.text


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_survive_a_round_trip(value: float) -> None:
    stored = read("DpoConfig", {"beta": value})
    assert read("DpoConfig", write("DpoConfig", stored))["beta"] == stored["beta"]
    assert stored["beta"] == pytest.approx(value, rel=1e-6)


@given(value=st.integers(-(2**63), 2**63 - 1))
def test_int64_is_text_on_the_wire(value: int) -> None:
    for given_value in (value, str(value)):
        stored = read("Dataset", {"exampleCount": given_value})
        assert write("Dataset", stored)["exampleCount"] == str(value)


def test_every_message_writes_its_zero_values() -> None:
    for message in MESSAGES:
        written = write(message, {})
        for name, field in fields(message).items():
            if not field.oneof and field.type in ENUMS and not field.shape:
                assert written[name] == ENUMS[field.type].split()[0]


def test_an_id_broken_by_half_a_surrogate_pair_is_refused(client: Any) -> None:
    body = b'{"model":"accounts/x/deployments/\\ud800","prompt":"x"}'
    assert client.post("/v1/completions", content=body).status_code == 400


def test_the_emulator_shares_no_code_with_what_it_checks() -> None:
    folder = Path(dpo_ops.emulator.__file__).parent
    for module in folder.glob("**/*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, module
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            else:
                continue
            ours = [n for n in names if n.split(".")[0] == "dpo_ops"]
            assert all(n.startswith(("dpo_ops.emulator", "dpo_ops.trainers")) for n in ours), module
