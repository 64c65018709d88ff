"""A whole release through the command line, with the embedded emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FAST, Ran, Run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("specs")
APPLY = ("apply", *FAST, "--auto-approve")


@pytest.fixture
def applied(run: Run, specs: Path) -> Path:
    """Return the specs after they were applied."""
    assert run(*APPLY).code == 0
    return specs


def test_plan_says_changes_until_they_are_applied(run: Run):
    before = run("plan", *FAST)
    assert before.code == 2
    assert "Plan: 3 to create, 0 to update, 0 to replace, 0 to delete, 0 unchanged." in before.out
    assert run(*APPLY).code == 0
    after = run("plan", *FAST)
    assert after.code == 0
    assert after.out == (
        "No changes. account emulator, stack default: 3 resources as the specs say.\n"
    )


def test_the_emulator_is_announced_once_and_not_in_the_data(run: Run):
    made = run("plan", *FAST)
    assert made.err.count("not Fireworks") == 1
    assert "its data lies in .dpo-ops/emulator" in made.err
    assert "emulator: a stand-in" not in made.out


def test_what_the_emulator_keeps_is_kept_out_of_git(run: Run, folder: Path):
    run("plan", *FAST)
    assert (folder / ".dpo-ops" / ".gitignore").read_text() == "*\n"


def test_apply_ends_with_an_answer_and_the_names_to_use(run: Run):
    made = run(*APPLY)
    assert made.code == 0
    assert made.out.endswith("Applied: 3 done.\n")
    assert "Deployment/assistant answers:\n  > What is a preference pair?\n  < " in made.out
    assert "requestModel  accounts/emulator/deployments/assistant-" in made.out
    assert "curl" not in made.out  # Nobody outside can ask the embedded emulator.
    assert "Plan: 3 to create" in made.err
    assert "DPOJob/assistant-tune: created assistant-tune-" in made.err


def test_apply_twice_asks_nothing_and_does_nothing(run: Run, applied: Path):
    assert applied.exists()
    again = run("apply", *FAST)
    assert again.code == 0
    assert again.out == "Nothing to do: 3 unchanged.\n"
    assert "No changes." in again.err


def test_without_a_terminal_nothing_is_sent_unasked(run: Run):
    made = run("apply", *FAST)
    assert made.code == 1
    assert "give --expect FINGERPRINT of a reviewed plan, or --auto-approve" in made.err
    assert run("plan", *FAST).code == 2


def test_only_the_approved_plan_is_carried_out(run: Run, specs: Path):
    print_ = fingerprint(run("plan", *FAST, "--format", "json"))
    file = specs / "assistant.yaml"
    file.write_text(file.read_text().replace("epochs: 1", "epochs: 2"))
    refused = run("apply", *FAST, "--expect", print_)
    assert refused.code == 1
    assert "the plan is not the one that was approved; nothing was sent" in refused.err
    now = fingerprint(run("plan", *FAST, "--format", "json"))
    assert print_ in refused.err
    assert refused.err.count(now) == 2  # With the plan, and in the error.
    assert run("apply", *FAST, "--expect", print_, "--auto-approve").code == 1
    assert run("status", *FAST, "--format", "json").document("status")["resources"][0]["id"] is None
    assert run("apply", *FAST, "--expect", now).code == 0


@pytest.mark.parametrize("nonsense", ["", "sha256:", "x", "sha256:" + "0" * 64])
def test_what_is_no_fingerprint_of_the_plan_approves_nothing(run: Run, nonsense: str):
    assert run("apply", *FAST, "--expect", nonsense).code == 1
    assert run("plan", *FAST).code == 2


def test_every_result_as_json_holds_to_its_schema(run: Run):
    assert run("plan", *FAST, "--format", "json").document("plan")["summary"]["create"] == 3
    assert run("status", *FAST, "--format", "json").document("status")["account"] == "emulator"
    assert run("outputs", *FAST, "--format", "json").document("outputs")["outputs"] == {}
    report = run(*APPLY, "--format", "json").document("report")
    assert [result["outcome"] for result in report["results"]] == ["done"] * 3
    model = report["outputs"]["Deployment/assistant"]["requestModel"]
    assert model.startswith("accounts/emulator/deployments/assistant-")
    outputs = run("outputs", *FAST, "--format", "json").document("outputs")
    assert outputs["outputs"] == report["outputs"]
    assert run(*APPLY, "--format", "json").document("report")["exitCode"] == 0
    assert run("destroy", *FAST, "--auto-approve", "--format", "json").document("report")


def test_a_refusal_as_json_is_an_error_document(run: Run):
    made = run("apply", *FAST, "--format", "json")
    assert made.code == 1
    assert made.document("error")["error"]["type"] == "PlanError"


def test_status_and_outputs_tell_what_is_there(run: Run, applied: Path):
    assert applied.exists()
    status = run("status", *FAST)
    assert status.code == 0
    assert "3 of 3 resources in place; account emulator, stack default" in status.out
    assert "Current      Dataset/assistant      since 2" in status.out
    outputs = run("outputs", *FAST)
    assert "DPOJob/assistant-tune.model = accounts/emulator/models/assistant-tune-" in outputs.out


def test_status_and_outputs_of_nothing_are_no_error(run: Run):
    assert run("status", *FAST).code == 0
    made = run("outputs", *FAST)
    assert (made.code, made.out) == (0, "")
    assert "no outputs of Deployment/assistant yet: not in the account" in made.err


def test_a_changed_pair_retrains_and_replaces(run: Run, applied: Path):
    pairs = applied / "assistant.jsonl"
    pairs.write_text(pairs.read_text().replace("Jupiter.", "Jupiter, by far."))
    made = run("plan", *FAST)
    assert made.code == 2
    assert "Plan: 2 to create, 0 to update, 1 to replace, 0 to delete, 0 unchanged." in made.out
    assert "chain: Dataset/assistant (create) → DPOJob/assistant-tune (create) →" in made.out


def test_a_plan_for_github_is_a_summary(run: Run):
    made = run("plan", *FAST, "--format", "github")
    assert made.code == 2
    assert made.out.startswith("### dpo-ops plan · account `emulator`, stack `default`\n")
    assert "<details>" in made.out


def test_destroy_keeps_what_was_paid_for(run: Run, applied: Path):
    assert applied.exists()
    refused = run("destroy", *FAST)
    assert refused.code == 1
    assert "give --auto-approve" in refused.err
    gone = run("destroy", *FAST, "--auto-approve")
    assert gone.code == 0
    assert "Removed: 1, 2 unchanged." in gone.out
    status = run("status", *FAST, "--format", "json").document("status")["resources"]
    assert [row["health"] for row in status] == ["Current", "Current", "NotFound"]


def test_destroy_all_takes_everything_and_again_nothing(run: Run, applied: Path):
    assert applied.exists()
    assert run("destroy", *FAST, "--auto-approve", "--all").code == 0
    status = run("status", *FAST, "--format", "json").document("status")["resources"]
    assert {row["health"] for row in status} == {"NotFound"}
    again = run("destroy", *FAST, "--all")
    assert again.code == 0
    assert again.out == "Nothing to remove: 3 unchanged.\n"


def test_what_still_runs_is_exit_code_three_and_goes_on(run: Run):
    slow = ("--emulator", "--emulator-speed", "1")
    made = run("apply", *slow, "--auto-approve", "--wait-budget", "2s")
    assert made.code == 3
    assert "1 still running, 1 not started." in made.out
    assert "To carry on, run this (nothing is done twice):\n  dpo-ops apply " in made.out
    planned = run("plan", *slow)
    assert planned.code == 2  # The deployment is still to be created.
    assert "1 to wait for" in planned.out
    assert run(*APPLY).code == 0
    jobs = run("outputs", *FAST, "--format", "json").document("outputs")["outputs"]
    assert jobs["DPOJob/assistant-tune"]["job"].endswith("-a1")  # One paid job.


def test_only_waiting_is_left_is_exit_code_three(run: Run, specs: Path):
    file = specs / "assistant.yaml"
    file.write_text("---\n".join(file.read_text().split("---\n")[:2]))
    slow = ("--emulator", "--emulator-speed", "1")
    assert run("apply", *slow, "--auto-approve", "--wait-budget", "2s").code == 3
    assert run("plan", *slow).code == 3
    # Nothing is written, so nobody has to approve it.
    assert run("apply", *FAST).code == 0


def test_a_blocked_change_is_an_error_and_the_rest_is_done(run: Run, specs: Path):
    file = specs / "assistant.yaml"
    file.write_text(file.read_text().replace("llama-v3p1-8b-instruct", "no-such-model"))
    planned = run("plan", *FAST)
    assert planned.code == 1
    assert "! blocked   DPOJob/assistant-tune" in planned.out
    annotated = run("plan", *FAST, "--format", "github")
    assert "::error file=specs/assistant.yaml,line=" in annotated.err
    assert "::error" not in annotated.out
    made = run(*APPLY)
    assert made.code == 1
    assert "blocked" in made.out


def test_an_account_is_named_once(run: Run, specs: Path):
    (specs / "stack.yaml").write_text(
        "apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: team}\nspec: {account: acme}\n"
    )
    made = run("plan", *FAST, "--account", "other")
    assert made.code == 1
    assert "two accounts are named: other and acme" in made.err
    assert "account acme, stack team" in run("plan", *FAST).out


def fingerprint(made: Ran) -> str:
    return str(json.loads(made.out)["fingerprint"])
