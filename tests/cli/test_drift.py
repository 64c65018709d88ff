"""`drift` reads, and could not write if it wanted to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops import loader
from dpo_ops.cli.drifting import look
from dpo_ops.cli.starter import FILES
from dpo_ops.client import Client, Settings
from dpo_ops.emulator import EmulatorTransport
from dpo_ops.errors import PlanError
from dpo_ops.resource import Address
from tests.cli.conftest import FAST
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from tests.cli.conftest import Run

TODAY = "2026-11-23"
SERVES = Address("Deployment", "assistant")


def reading(rehearsal: Rehearsal) -> Client:
    return Client(
        Settings("fw-rehearsal", base_url="http://127.0.0.1"),
        transport=EmulatorTransport(rehearsal.emulator),
        clock=rehearsal.clock,
        read_only=True,
    )


@pytest.mark.usefixtures("specs")
def test_nothing_but_gets_is_sent() -> None:
    loaded = loader.load([Path("specs")])
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        for _ in range(2):
            # Before an apply there is everything to ask about, after it there is traffic to see.
            look(client, loaded, TODAY)
            assert rehearsal.apply(loaded.state).exit_code == 0
        rehearsal.admin("POST", "clock", {"advance": 86400})
        rehearsal.forget_requests()
        look(client, loaded, TODAY)
        assert {r["method"] for r in rehearsal.requests()} == {"GET"}


@pytest.mark.usefixtures("specs")
def test_before_an_apply_nothing_but_gets_is_sent_either() -> None:
    loaded = loader.load([Path("specs")])
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        assert not look(client, loaded, TODAY).found
        assert {r["method"] for r in rehearsal.requests()} == {"GET"}


def test_a_client_that_reads_refuses_every_write_before_it_is_sent() -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        path = f"accounts/{client.account}/deployments/d"
        rehearsal.forget_requests()
        for write in (
            lambda: client.post(path, {}),
            lambda: client.post(f"{path}:setTags", {"tags": {}}),
            lambda: client.patch(path, {}),
            lambda: client.delete(path),
        ):
            with pytest.raises(PlanError, match="read-only"):
                write()
        assert rehearsal.requests() == []


@pytest.mark.usefixtures("specs")
def test_the_command_opens_the_account_to_read_only(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    class Watched(Client):
        def __init__(self, *args: Any, **options: Any) -> None:
            opened.append(options)
            super().__init__(*args, **options)

    monkeypatch.setattr("dpo_ops.cli.account.Client", Watched)
    assert run("drift", *FAST).code == 0
    assert [options["read_only"] for options in opened] == [True]


def serving(rehearsal: Rehearsal, folder: Path) -> loader.Loaded:
    text = FILES["assistant.yaml"].replace("minReplicaCount: 0 ", "minReplicaCount: 1 ")
    (folder / "assistant.yaml").write_text(text, encoding="utf-8")
    loaded = loader.load([folder])
    assert rehearsal.apply(loaded.state).exit_code == 0
    return loaded


def test_a_day_without_a_request_is_idle_and_one_with_is_not(specs: Path) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        loaded = serving(rehearsal, specs)
        # Its own probe was a request, so what is new is not idle.
        assert not look(client, loaded, TODAY).found
        rehearsal.emulator.advance(90_000)
        assert [one.address for one in look(client, loaded, TODAY).drifted] == [SERVES]
        name = f"accounts/{client.account}/deployments/{loaded.state[SERVES].id}"
        rehearsal.client.chat(name, [{"role": "user", "content": "hello"}])
        assert not look(client, loaded, TODAY).drifted


def test_what_the_stack_would_refuse_to_put_back_has_drifted_all_the_same(specs: Path) -> None:
    text = FILES["assistant.yaml"].replace(
        "  maxReplicaCount: 1", "  maxReplicaCount: 1\n  acceleratorType: NVIDIA_H100_80GB"
    )
    (specs / "assistant.yaml").write_text(text, encoding="utf-8")
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        wanted = loader.load([specs]).state
        assert rehearsal.apply(wanted).exit_code == 0
        record = client.list("deployments")[0]
        said = {"baseModel": record["baseModel"], "acceleratorType": "NVIDIA_H200_141GB"}
        mask = {"updateMask": "accelerator_type"}
        rehearsal.client.patch(record["name"], said, mask)
        (specs / "stack.yaml").write_text(
            "apiVersion: dpo-ops/v1\nkind: Stack\nspec: {accelerators: [NVIDIA_H200*]}\n"
        )
        found = look(client, loader.load([specs]), TODAY)
        assert [str(one.sort) for one in found.drifted] == ["changed"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 501},
        {"status": 404},
        {"status": 200, "body": {}},
        {"status": 200, "body": {"metrics": None}},
        {"status": 200, "body": {"metrics": {"latency": 0}}},
        {"status": 200, "body": {"metrics": {"request_rate": 0, "requests_count": "x"}}},
        {"status": 200, "body": {"metrics": {"requests_total": 1, "request_errors": 0}}},
        {"drop": "read"},
    ],
    ids=str,
)
def test_what_the_platform_does_not_tell_is_not_idle(specs: Path, fault: dict[str, Any]) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        loaded = serving(rehearsal, specs)
        rehearsal.emulator.advance(90_000)
        rehearsal.forget_requests()
        rehearsal.fault(path="*:metrics", **fault)
        assert not look(client, loaded, TODAY).drifted
        asked = [r for r in rehearsal.requests() if r["path"].endswith(":metrics")]
        assert len(asked) == 1
