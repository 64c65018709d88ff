"""What a run that is not over says of how to carry on: each hint, run as it was printed, does."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from dpo_ops.emulator import Emulator, EmulatorTransport
from tests.cli.conftest import FAST, Ran, Run

pytestmark = pytest.mark.usefixtures("specs")
SLOW = ("--emulator", "--emulator-speed", "1")
DATA = Path(".dpo-ops/emulator")


def admin(route: str, body: Any, method: str = "POST") -> None:
    """Do something to the emulated account from outside."""
    with (
        Emulator(DATA) as emulator,
        httpx.Client(transport=EmulatorTransport(emulator), base_url="http://emulator") as http,
    ):
        http.request(method, f"/_emulator/{route}", json=body).raise_for_status()


def pass_time() -> None:
    admin("clock", {"advance": 600})


def commands(ran: Ran) -> list[str]:
    """Return what the report, as JSON, says can be run."""
    document = ran.document("report")
    return [hint["command"] for hint in document["next"] if hint["command"]]


def rerun(run: Run, command: str) -> Ran:
    name, *words = shlex.split(command)
    assert name == "dpo-ops"
    return run(*words)


def planned(run: Run) -> str:
    document = run("plan", *SLOW, "--format", "json").document("plan")
    return str(document["fingerprint"])


def started(run: Run, how: str, *more: str) -> Ran:
    """Begin a release in one of the ways in which one can be begun, and leave it at once."""
    words = {
        "auto": ("apply", *SLOW, "--auto-approve"),
        "paths": ("apply", "specs", *SLOW, "--auto-approve"),
        "values": ("apply", "--values", "my values.yaml", *SLOW, "--auto-approve"),
        "reconcile": ("reconcile", *SLOW),
        "data": ("reconcile", *SLOW, "--emulator-data", str(DATA)),
        "saved": ("apply", "release.plan", *SLOW),
        "named": ("apply", "release.plan", *SLOW),
        "expect": ("apply", "specs/", *SLOW),
    }[how]
    Path("my values.yaml").write_text("a: 1\n")
    if how in ("saved", "named"):
        assert run("plan", *SLOW, "--out", "release.plan").code == 2
    if how in ("named", "expect"):
        words = (*words, "--expect", planned(run))
    return run(*words, "--format", "json", *more)


WAYS = ("auto", "paths", "values", "reconcile", "data", "saved", "named")


@pytest.mark.parametrize("left", [("--no-wait",), ("--wait-budget", "1s")], ids=lambda w: w[0])
@pytest.mark.parametrize("how", WAYS)
def test_what_was_left_is_carried_on_by_the_command_that_is_named(
    how: str, left: tuple[str, ...], run: Run
) -> None:
    ran = started(run, how, *left)
    assert ran.code == 3, ran.err
    [command] = commands(ran)
    for _ in range(9):
        pass_time()
        done = rerun(run, command)
        if done.code == 0:
            break
        assert (done.code, commands(done)) == (3, [command])  # The deployment begins to start.
    assert done.code == 0, done.err
    assert done.document("report")["next"] == []
    assert run("plan", *SLOW).code == 0


def test_a_fingerprint_is_of_one_plan_so_what_is_left_is_planned_anew(run: Run) -> None:
    ran = started(run, "expect", "--no-wait")
    assert ran.code == 3
    [command] = commands(ran)
    assert command.startswith("dpo-ops plan ")
    pass_time()
    again = rerun(run, f"{command} --format json")
    assert again.code == 2, again.err
    found = again.document("plan")["fingerprint"]
    assert run("apply", *SLOW, "--expect", found, "--no-wait").code == 3


def test_what_a_saved_plan_holds_is_planned_anew_by_the_command_that_is_named(
    run: Run, specs: Path
) -> None:
    Path("my values.yaml").write_text("a: 1\n")
    made = run("plan", "specs", "--values", "my values.yaml", *FAST, "--out", "a release.plan")
    assert made.code == 2
    # Somebody else scales the deployment that the plan would have created otherwise.
    file = specs / "assistant.yaml"
    text = file.read_text()
    file.write_text(text.replace("epochs: 1", "epochs: 2"))
    assert run("apply", *FAST, "--auto-approve").code == 0
    file.write_text(text)
    held = run("apply", "a release.plan", *FAST, "--format", "json")
    assert held.code == 1, held.err
    [command] = commands(held)
    assert rerun(run, command).code == 2
    assert run("apply", "a release.plan", *FAST).code == 0
    assert run("plan", *FAST).code == 0


FAILING = {"method": "POST", "path": "*/deployments", "status": 403, "times": 0}


@pytest.mark.parametrize("how", WAYS)
def test_when_the_cause_is_mended_the_command_that_is_named_goes_on(how: str, run: Run) -> None:
    _break(FAILING)
    ran = started(run, how, "--emulator-speed", "20000")
    assert ran.code == 1, ran.out
    admin("faults", None, "DELETE")
    [command] = commands(ran)
    done = rerun(run, command)
    assert done.code == 0, (command, done.err)


def _break(fault: dict[str, Any]) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    admin("faults", fault)
