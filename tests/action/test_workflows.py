"""The workflows that users copy, run for real against a fake of GitHub and an emulated account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.action.acting import ROOT

if TYPE_CHECKING:
    from tests.action.account import Account
    from tests.action.stage import Stage
    from tests.hub import Hub

EINSTEIN = "specs/pipeline/einstein.yaml"
SPEC = (ROOT / "examples/einstein/einstein.yaml").read_text()
NOTHING = {"NOTES.md": "Nothing that is planned.\n"}


def with_(old: str, new: str, text: str = SPEC) -> dict[str, str | bytes]:
    assert old in text
    return {EINSTEIN: text.replace(old, new)}


HOTTER = with_("beta: 0.1", "beta: 0.2")


def deployed(stage: Stage) -> None:
    """Bring the account to what main says."""
    ended = stage.dispatched("apply", staging="specs")
    assert ended.code == 0, ended.log


def jobs(account: Account) -> list[str]:
    """The trainings that were paid for."""
    return [c for c in account.calls if c.startswith("POST ") and c.endswith("/dpoJobs")]


def test_a_pull_request_gets_one_comment_that_is_edited(stage: Stage, hub: Hub):
    stage.open_pull(1, HOTTER)
    ended = stage.plan(1)
    assert ended.code == 0, ended.log
    (comment,) = stage.comments()
    assert "dpo-ops plan" in comment
    assert "**planned** in run" in stage.status()
    wanted = {"changes": "true", "create": "3", "update": "0", "delete": "0", "retrain": "1"}
    assert wanted.items() <= ended.outputs.items()
    assert ended.outputs["fingerprint"].startswith("sha256:")
    (kept,) = hub.artifacts
    assert (kept.name, kept.head) == ("dpo-ops-plan-staging", hub.pulls[1]["head"]["sha"])
    assert "Deployment/einstein" in ended.summary

    stage.push(1, with_("beta: 0.1", "beta: 0.3"))
    again = stage.plan(1)
    assert again.code == 0, again.log
    (edited,) = stage.comments()
    assert edited != comment
    assert "0.3" in edited
    assert again.outputs["fingerprint"] != ended.outputs["fingerprint"]
    assert stage.account
    assert stage.account.writes == []


@pytest.mark.parametrize(
    "how", ["squash", *(pytest.param(how, marks=pytest.mark.long) for how in ("rebase", "merge"))]
)
def test_what_was_planned_is_applied_when_it_is_merged(stage: Stage, hub: Hub, how: str):
    stage.open_pull(1, HOTTER)
    if how == "rebase":
        stage.push(1, {"NOTES.md": "Two commits, of which each is made anew.\n"})
    assert stage.plan(1).code == 0
    stage.merge(1, how)
    ended = stage.apply()
    assert ended.code == 0, ended.log
    assert ended.outputs["in-progress"] == "false"
    assert "✅ **applied** in run" in stage.status()
    assert stage.account
    assert len(jobs(stage.account)) == 1
    (release,) = hub.deployments
    assert (release["environment"], release["sha"]) == ("staging", stage.history.last(EINSTEIN))
    assert [s["state"] for s in hub.statuses[release["id"]]][-1] == "success"
    assert json.loads(ended.outputs["outputs-json"])["Deployment/einstein"]
    if how == "squash":
        nothing_to_do(stage, hub)


def nothing_to_do(stage: Stage, hub: Hub) -> None:
    """A pull request that changes no resource gets no comment, and its merge does nothing."""
    stage.open_pull(2, NOTHING)
    ended = stage.plan(2)
    assert ended.code == 0, ended.log
    assert ended.outputs["changes"] == "false"
    assert stage.comments(2) == []
    stage.merge(2)
    before = (len(hub.deployments), stage.status())
    assert stage.apply().code == 0
    assert (len(hub.deployments), stage.status()) == before


@pytest.mark.long
def test_what_changed_in_between_is_held_and_the_rest_goes_on(stage: Stage, account: Account):
    deployed(stage)
    other = SPEC.partition("\n---\n")[0].replace("name: einstein", "name: more")
    changed = SPEC.replace("maxReplicaCount: 1", "maxReplicaCount: 2")
    stage.open_pull(1, {EINSTEIN: f"{changed}---\n{other}"})
    planned = stage.plan(1)
    assert (planned.outputs["create"], planned.outputs["update"]) == ("1", "1")
    stage.merge(1)
    meddle(account, {"maxReplicaCount": 5})

    ended = stage.apply()
    assert ended.code == 1
    assert ended.outputs["failure-reason"] == "plan-changed"
    assert "⛔ **not applied: the plan is stale**" in stage.status()
    assert "held: Deployment/einstein" in stage.status()
    assert replicas(account) == 5
    assert any(name.startswith("more-") for name in names(account, "datasets"))

    # What is held can be approved as it is now.
    approved = stage.dispatched("apply", staging=ended.outputs["fingerprint"])
    assert approved.code == 0, approved.log
    assert replicas(account) == 2
    assert "✅ **applied**" in stage.status()


def test_a_fork_gets_an_offline_plan_in_the_summary(stage: Stage, hub: Hub):
    stage.open_pull(1, HOTTER, fork=True)
    ended = stage.plan(1)
    assert ended.code == 0, ended.log
    assert "offline" in ended.summary
    assert "DPOJob/einstein-tune" in ended.summary
    assert ended.outputs["changes"] == "true"
    assert (stage.comments(), hub.artifacts) == ([], [])
    assert stage.account
    assert stage.account.calls == []


@pytest.mark.long
def test_a_long_training_is_carried_on_by_the_schedule(stage: Stage, hub: Hub, account: Account):
    stage.only = None
    apply = (ROOT / "examples/github/apply.yml").read_text()
    hasty = {".github/workflows/apply.yml": apply.replace("wait-budget: 20m", "wait-budget: 4s")}
    stage.open_pull(1, {**HOTTER, **hasty})
    assert stage.plan(1).code == 0
    assert len(stage.comments()) == 2
    stage.merge(1)
    account.ask("POST", "/_emulator/settings", {"jobOverrides": [{"job": "*", "state": "RUNNING"}]})

    ended = stage.apply()
    assert ended.code == 0, ended.log
    assert ended.outputs["in-progress"] == "true"
    # Production waits for staging.
    assert ended.jobs == {"Apply staging": "success"}
    staging, production = sorted(stage.comments(), key=lambda c: "staging" not in c)
    assert "🟣 **still training**" in staging
    assert "🔵 **planned**" in production

    account.ask("POST", "/_emulator/settings", {"jobOverrides": []})
    account.advance(86_400)
    carried = stage.scheduled("reconcile")
    assert carried.code == 0, carried.log
    assert carried.jobs == {"Reconcile staging": "success", "Reconcile production": "success"}
    assert all("✅ **applied**" in comment for comment in stage.comments()), carried.log
    assert {d["environment"] for d in hub.deployments} == {"staging", "production"}
    assert len(jobs(account)) == 1


@pytest.mark.long
def test_drift_is_one_issue_that_is_updated_and_closed(stage: Stage, hub: Hub, account: Account):
    deployed(stage)
    assert stage.scheduled("drift").code == 0
    assert hub.issues == []
    meddle(account, {"maxReplicaCount": 5})
    assert stage.scheduled("drift").code == 0
    (issue,) = hub.issues
    assert (issue["state"], issue["labels"][0]["name"]) == ("open", "dpo-ops-drift")
    before = issue["body"]
    meddle(account, {"maxReplicaCount": 7})
    assert stage.scheduled("drift").code == 0
    (issue,) = hub.issues
    assert issue["body"] != before
    meddle(account, {"maxReplicaCount": 1})
    assert stage.scheduled("drift").code == 0
    (issue,) = hub.issues
    assert issue["state"] == "closed"


def test_a_merge_queue_plans_and_writes_no_comment(stage: Stage):
    stage.open_pull(1, NOTHING)
    ended = stage.plan(1, event="merge_group")
    assert ended.code == 0, ended.log
    assert ended.outputs["changes"] == "true"
    assert stage.comments() == []


@pytest.mark.parametrize("workflow", ["plan", "validate"])
def test_broken_specs_are_told_at_their_lines(stage: Stage, hub: Hub, workflow: str):
    stage.open_pull(1, with_("beta: 0.1", "beta: none"))
    ended = stage.plan(1, workflow)
    assert ended.code == 1
    assert ended.outputs["failure-reason"] == "invalid-specs"
    line = next(n for n, text in enumerate(SPEC.splitlines(), 1) if "beta: 0.1" in text)
    errors = [place for level, place, _ in ended.annotations if level == "error"]
    assert {(e["file"], e["line"]) for e in errors} == {(EINSTEIN, str(line))}
    assert hub.artifacts == []
    if workflow == "validate":
        assert stage.comments() == []
        return
    assert "❌ **not valid**" in stage.status()
    stage.push(1, HOTTER)
    assert stage.plan(1).code == 0
    assert "**planned**" in stage.status()


def test_our_own_workflows_keep_the_emulated_account(own: Stage, hub: Hub):
    pipeline = (ROOT / "specs/pipeline/help.yaml").read_text()
    own.open_pull(1, {"specs/pipeline/help.yaml": pipeline.replace("beta: 0.1", "beta: 0.2")})
    planned = own.plan(1)
    assert planned.code == 0, planned.log
    own.merge(1)
    applied = own.apply()
    assert applied.code == 0, applied.log
    assert "✅ **applied**" in own.status()
    own.open_pull(2, {"NOTES.md": "Still nothing.\n"})
    again = own.plan(2)
    assert again.outputs["changes"] == "false", again.log
    assert own.scheduled("drift").code == 0
    assert hub.issues == []


def names(account: Account, kind: str) -> list[str]:
    return [each["name"].rpartition("/")[2] for each in listed(account, kind)]


def listed(account: Account, kind: str) -> list[dict[str, Any]]:
    found = account.ask("GET", f"/v1/{owner(account)}/{kind}")
    return list(found[kind])


def owner(account: Account) -> str:
    return str(account.ask("GET", "/v1/accounts")["accounts"][0]["name"])


def deployment(account: Account) -> dict[str, Any]:
    (one,) = listed(account, "deployments")
    return one


def replicas(account: Account) -> int:
    return int(deployment(account)["maxReplicaCount"])


def meddle(account: Account, change: dict[str, Any]) -> None:
    """Somebody changes the deployment by hand."""
    now = deployment(account)
    account.ask("PATCH", f"/v1/{now['name']}?updateMask={','.join(change)}", change)
