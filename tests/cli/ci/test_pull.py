"""A pull request from its opening to what serves, told by its one comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.ci import planning
from tests.history import rows, specs
from tests.hub.hub import Token

if TYPE_CHECKING:
    from tests.cli.ci.conftest import Stage


def first(stage: Stage) -> None:
    """Bring the specs in by a pull request, and carry them out."""
    stage.open_pull(1, "Specs")
    assert stage.plan(1).code == 0
    assert stage.merge_and_apply(1).code == 0, stage.comment(1)


def head(stage: Stage, number: int) -> str:
    return str(stage.hub.pulls[number]["head"]["sha"])


def test_open_push_merge(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    ran = stage.plan(1)
    assert ran.code == 0, ran.err
    assert "3 to create" in stage.comment(1)
    assert "planned" in stage.status(1)
    assert stage.outputs["changes"] == "true"
    assert stage.outputs["create"] == "3"
    assert stage.outputs["retrain"] == "1"
    assert stage.outputs["failure-reason"] == ""
    assert "dpo-ops plan" in stage.summary

    stage.push(1, "Longer", specs__specs_yaml=specs(epochs=2))
    assert stage.plan(1).code == 0
    assert len(stage.hub.comments) == 1
    assert "trainingConfig.epochs: 2" in stage.comment(1)

    ran = stage.merge_and_apply(1)
    assert ran.code == 0, (ran.out, ran.err)
    assert "**applied**" in stage.status(1)
    assert stage.outputs["in-progress"] == "false"
    outputs = json.loads(stage.outputs["outputs-json"])
    assert outputs["Deployment/tutor"]["requestModel"]
    assert len(stage.hub.comments) == 1
    [deployment] = stage.hub.deployments
    assert deployment["environment"] == "production"
    assert stage.hub.statuses[deployment["id"]][-1]["state"] == "success"


def test_nothing_to_do_makes_no_comment_but_mends_one(stage: Stage) -> None:
    first(stage)
    stage.open_pull(2, "Docs", README_md="Something.\n")
    assert stage.plan(2).code == 0
    assert stage.comment(2) == ""
    assert stage.outputs["changes"] == "false"

    stage.push(2, "Replicas", specs__specs_yaml=specs(replicas=2))
    stage.plan(2)
    assert "1 to update" in stage.comment(2)
    stage.push(2, "Or not", specs__specs_yaml=specs())
    stage.plan(2)
    assert "No changes" in stage.comment(2)


def test_an_older_run_leaves_the_comment_to_a_newer_one(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    old = stage.repo.git("rev-parse", "HEAD")
    head = stage.hub.pulls[1]["head"]["sha"]
    stage.push(1, "Longer", specs__specs_yaml=specs(epochs=2))
    stage.plan(1)
    newer = stage.comment(1)
    stage.repo.git("checkout", "--quiet", "--detach", old)
    environment = stage.hub.environ(stage.folder, "pull_request", pull=1)
    event = json.loads((stage.folder / "event.json").read_text())
    event["pull_request"]["head"]["sha"] = head
    (stage.folder / "event.json").write_text(json.dumps(event))
    ran = stage.run(
        "ci", "plan", "specs", *stage.account, "--environment=production", env=environment
    )
    assert ran.code == 0
    assert "has gone on since" in ran.err
    assert stage.comment(1) == newer


def test_what_was_not_planned_on_the_last_commit_is_held(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    stage.plan(1)
    stage.push(1, "Unseen", specs__specs_yaml=specs(epochs=3))
    ran = stage.merge_and_apply(1)
    assert ran.code == 1
    assert stage.outputs["failure-reason"] == "plan-changed"
    assert "stale" in stage.status(1)
    assert stage.outside("status").out.count("not in the account") >= 2


def test_what_changed_in_the_account_is_held_and_the_rest_goes_on(stage: Stage) -> None:
    first(stage)
    second = specs().split("---\n")[2].replace("{name: tutor}", "{name: second}")
    two = f"{specs(replicas=3)}---\n{second}"
    stage.open_pull(2, "Two", specs__specs_yaml=two)
    stage.plan(2)
    stage.scale(2)
    ran = stage.merge_and_apply(2)
    assert ran.code == 1
    assert stage.outputs["failure-reason"] == "plan-changed"
    assert "held: Deployment/tutor" in stage.status(2)
    outputs = json.loads(stage.outputs["outputs-json"])
    assert "Deployment/second" in outputs
    assert "maxReplicaCount" in stage.comment(2)
    # Whoever may deploy there approves what is left as it is now.
    approve = stage.outputs["fingerprint"]
    assert approve in stage.status(2)
    assert stage.ci("reconcile", event="schedule").code == 1
    assert stage.ci("apply", "--approve", approve, event="workflow_dispatch").code == 0
    assert "**applied**" in stage.status(2)


def test_a_push_without_a_pull_request_was_reviewed_by_nobody(stage: Stage) -> None:
    stage.repo.git("checkout", "--quiet", "main")
    stage.repo.commit("Straight in")
    ran = stage.ci("apply")
    assert ran.code == 1
    assert stage.outputs["failure-reason"] == "plan-changed"
    assert "planned was nothing" in ran.err
    fingerprint = stage.outputs["fingerprint"]
    assert stage.ci("apply", "--approve", "sha256:" + "0" * 64).code == 1
    ran = stage.ci("apply", "--approve", fingerprint, event="workflow_dispatch")
    assert ran.code == 0, ran.err


def test_a_signed_header_does_where_no_artifact_is_kept(stage: Stage) -> None:
    stage.extra["DPO_OPS_SIGNING_KEY"] = "a-key-of-the-job"
    stage.open_pull(1, "Specs")
    stage.plan(1, keep=False)
    assert '"signature"' in stage.comment(1)
    assert "a-key-of-the-job" not in stage.comment(1)
    ran = stage.merge_and_apply(1)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("key", ["", "another-key-of-a-job"])
def test_a_header_of_another_key_approves_nothing(stage: Stage, key: str) -> None:
    stage.extra["DPO_OPS_SIGNING_KEY"] = "a-key-of-the-job"
    stage.open_pull(1, "Specs")
    stage.plan(1, keep=False)
    stage.extra["DPO_OPS_SIGNING_KEY"] = key
    assert stage.merge_and_apply(1).code == 1
    assert stage.outputs["failure-reason"] == "plan-changed"


def test_an_artifact_of_a_fork_approves_nothing(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    stage.plan(1, keep=False)
    content = Path(stage.outputs["plan-path"]).read_bytes()
    head = stage.hub.pulls[1]["head"]["sha"]
    stage.hub.keep("dpo-ops-plan-production", content, head, fork=True)
    assert stage.merge_and_apply(1).code == 1


def test_a_long_job_is_left_and_the_schedule_ends_it(stage: Stage) -> None:
    stage.account = ("--emulator", "--emulator-speed", "1")
    stage.open_pull(1, "Specs")
    stage.plan(1)
    ran = stage.merge_and_apply(1, "--wait-budget", "4s")
    assert ran.code == 0, ran.err
    assert stage.outputs["in-progress"] == "true"
    assert "still training" in stage.status(1)
    said = " ".join(ran.out.split())
    assert " goes on without us (" in said
    assert "To carry on, run it again, as `dpo-ops ci reconcile` does from a schedule" in said
    assert stage.hub.statuses[stage.hub.deployments[0]["id"]][-1]["state"] == "in_progress"

    # Another pull request goes in meanwhile, which changes nothing of it.
    stage.open_pull(2, "Docs", README_md="Something.\n")
    stage.squash(2)
    stage.account = ("--emulator", "--emulator-speed", "20000")
    ran = stage.ci("reconcile", event="schedule")
    assert ran.code == 0, ran.err
    assert stage.outputs["in-progress"] == "false"
    assert "**applied**" in stage.status(1)
    assert stage.comment(2) == ""
    assert stage.hub.statuses[stage.hub.deployments[0]["id"]][-1]["state"] == "success"
    writes = [r for r in stage.hub.requests if r.method != "GET"]
    assert stage.ci("reconcile", event="schedule").code == 0
    again = [r for r in stage.hub.requests if r.method != "GET"]
    assert [r.path for r in again if r not in writes and r.path != "/graphql"] == []


def test_what_a_fingerprint_left_is_planned_anew(
    stage: Stage,
) -> None:
    stage.account = ("--emulator", "--emulator-speed", "1")
    stage.open_pull(1, "Specs")
    stage.plan(1)
    approved = stage.outputs["fingerprint"]
    stage.squash(1)
    ran = stage.ci("apply", "--approve", approved, "--no-wait")
    assert ran.code == 0, ran.err
    said = "plan anew and run it again with approve and that fingerprint"
    assert said in " ".join(ran.out.split())
    assert stage.ci("reconcile", "--approve", approved).code == 1
    stage.account = ("--emulator", "--emulator-speed", "20000")
    assert stage.ci("plan").code == 0
    ran = stage.ci("reconcile", "--approve", stage.outputs["fingerprint"])
    assert ran.code == 0, ran.err
    assert "answers:" in ran.out


def test_a_fork_gets_an_offline_plan_in_the_summary(stage: Stage) -> None:
    first(stage)
    stage.hub.tokens["ghs_read"] = Token(permissions={"contents": "read", "pull-requests": "read"})
    stage.open_pull(2, "From afar", fork=True, specs__specs_yaml=specs(epochs=4))
    stage.account = ()
    stage.hub.token = "ghs_read"  # noqa: S105  -- of the fake
    ran = stage.plan(2)
    assert ran.code == 0, ran.err
    assert "offline plan" in stage.summary
    assert "trainingConfig.epochs" in stage.summary
    assert "in the account" not in stage.summary
    assert stage.outputs["plan-path"] == ""
    assert stage.comment(2) == ""
    assert "from a fork" in ran.err


def test_broken_specs_open_the_comment_with_errors(stage: Stage) -> None:
    broken = specs().replace("epochs: 1", "epoch: 1")
    stage.open_pull(1, "Typo", specs__specs_yaml=broken)
    ran = stage.plan(1)
    assert ran.code == 1
    assert stage.outputs["failure-reason"] == "invalid-specs"
    assert "::error file=specs/specs.yaml,line=" in ran.err
    assert "did you mean epochs" in stage.comment(1)
    assert "not valid" in stage.status(1)


def test_changed_pairs_are_told(stage: Stage) -> None:
    first(stage)
    stage.open_pull(2, "Pairs", specs__tutor_jsonl=rows(4, "Correct"))
    stage.plan(2)
    text = stage.comment(2)
    assert "Dataset/tutor" in text
    assert "+1" in text
    assert "Correct, 0" not in text  # The repository is public.
    stage.hub.private = True
    stage.plan(2)
    assert "Correct, 0" in stage.comment(2)


def test_large_data_does_not_keep_a_reader_waiting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first(stage)
    monkeypatch.setattr(planning, "QUICK_BYTES", 10)
    stage.open_pull(2, "Pairs", specs__tutor_jsonl=rows(4, "Correct"))
    before = len(stage.hub.requests)
    stage.plan(2)
    sent = [r for r in stage.hub.requests[before:] if r.method in ("POST", "PATCH")]
    first_, second = (r for r in sent if "/comments" in r.path)
    assert b"not compared" in first_.body
    assert (first_.method, second.method) == ("POST", "PATCH")
    assert "not compared" not in stage.comment(2)


def test_without_comments_what_was_reviewed_is_found_all_the_same(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    stage.plan(1, "--no-comment")
    assert stage.merge_and_apply(1, "--no-comment").code == 0
    assert not stage.hub.comments


def test_what_only_goes_on_is_no_news_to_a_pull_request(stage: Stage) -> None:
    stage.account = ("--emulator", "--emulator-speed", "1")
    stage.open_pull(1, "Specs")
    stage.plan(1)
    stage.merge_and_apply(1, "--no-wait")
    assert stage.outputs["in-progress"] == "true"
    stage.open_pull(2, "Docs", README_md="Something.\n")
    assert stage.plan(2).code == 0
    assert stage.outputs["create"] != "0"  # Of what has been left, its turn has not come.
    assert stage.comment(2) == ""
    # Nor is that approved by it: the deployment comes by the review that it had.
    stage.squash(2)
    stage.hub.artifacts[:] = [a for a in stage.hub.artifacts if a.head != head(stage, 1)]
    stage.account = ("--emulator", "--emulator-speed", "20000")
    assert stage.ci("reconcile", event="schedule").code == 1
    assert stage.outputs["failure-reason"] == "plan-changed"


def test_failing_is_told_on_the_pull_request(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    stage.plan(1)
    stage.squash(1)
    stage.account = ()
    ran = stage.ci("apply")
    assert ran.code == 1
    assert stage.outputs["failure-reason"] == "settings"
    assert "**failed**" in stage.status(1)


def test_github_that_is_down_does_not_keep_a_release_from_ending(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    stage.plan(1)
    stage.squash(1)
    stage.hub.fail("issues", times=1000, status=404)
    stage.hub.fail("deployments", times=1000, status=404)
    ran = stage.ci("apply")
    assert ran.code == 0, ran.err
    assert "can't be written" in ran.err


def test_drift_has_one_issue(stage: Stage) -> None:
    first(stage)
    assert stage.ci("drift", event="schedule").code == 0
    assert not stage.hub.issues
    stage.scale(4)
    assert stage.ci("drift", event="schedule").code == 0
    assert stage.outputs["changes"] == "true"
    [issue] = stage.hub.issues
    assert "maxReplicaCount" in issue["body"]
    assert stage.ci("drift", "--fail-on-changes", event="schedule").code == 2
    assert len(stage.hub.issues) == 1
    stage.outside("apply", "--auto-approve")
    assert stage.ci("drift", event="schedule").code == 0
    assert issue["state"] == "closed"
    assert len(stage.hub.issues) == 1


def test_a_merge_queue_gets_a_plan_and_no_comment(stage: Stage) -> None:
    stage.open_pull(1, "Specs")
    before = len(stage.hub.requests)
    assert stage.ci("plan", event="merge_group").code == 0
    assert "3 to create" in stage.summary
    assert not stage.hub.comments
    assert len(stage.hub.requests) == before


def test_outside_of_ci_the_comment_is_printed(stage: Stage) -> None:
    ran = stage.run("ci", "plan", "specs", *stage.account)
    assert ran.code == 0
    assert ran.out.startswith("<!-- dpo_ops ")
    assert "3 to create" in ran.out
    stage.repo.commit("Specs")
    stage.repo.commit("More", specs__tutor_jsonl=rows(5))
    ran = stage.run("ci", "plan", "specs", *stage.account, "--since", "HEAD~1", "--samples=1")
    assert "+2" in ran.out
    assert "Right, 3." in ran.out
    assert stage.outside("apply", "--auto-approve").code == 0
    assert "No changes" in stage.run("ci", "plan", "specs", *stage.account).out
