"""Single writes: replies that are lost, refusals, and what goes over the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import StepEnded, Waiting
from dpo_ops.kinds import KINDS
from dpo_ops.resource import Address, State
from tests import wanted
from tests.executor.test_policies import ends_as, never_serves, tuning
from tests.executor.test_run import ROW, dataset, pipeline
from tests.laws.test_hazards import own
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.planner import Plan
    from dpo_ops.resource import Resource


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Resource:
    return dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))


def notes(rehearsal: Rehearsal, verb: str) -> list[str]:
    ended = [event for event in rehearsal.events if isinstance(event, StepEnded)]
    return [event.note for event in ended if event.step.verb == verb]


def lost(rehearsal: Rehearsal, path: str) -> None:
    """Let the reply to the next POST be lost, its effect not."""
    rehearsal.fault(method="POST", path=path, when="after", drop="read")


# Uploads


def uploads(rehearsal: Rehearsal) -> int:
    return len([write for write in rehearsal.writes() if write.endswith(":upload")])


def test_a_file_is_sent_though_what_it_goes_into_can_not_be_read_yet(
    rehearsal: Rehearsal, data: Resource
) -> None:
    made = rehearsal.plan(state(data))
    rehearsal.fault(method="GET", path="*/datasets/*", status=404, times=1)
    assert rehearsal.run(made).exit_code == 0
    assert uploads(rehearsal) == 1
    assert rehearsal.plan(state(data)).in_sync


def test_a_file_whose_upload_is_refused_because_it_is_there_is_there(
    rehearsal: Rehearsal, data: Resource
) -> None:
    lost(rehearsal, "*:upload")
    report = rehearsal.apply(state(data))
    assert report.exit_code == 0
    assert notes(rehearsal, "upload") == ["uploaded 531 bytes, 3 rows"]
    assert uploads(rehearsal) == 2
    assert rehearsal.plan(state(data)).in_sync


def test_an_upload_that_is_refused_for_good_is_a_failure(
    rehearsal: Rehearsal, data: Resource
) -> None:
    body = {"code": 3, "message": "the file is too strange"}
    rehearsal.fault(method="POST", path="*:upload", status=400, body=body, times=0)
    report = rehearsal.apply(state(data))
    assert "the file is too strange" in report.having(Outcome.FAILED)[0].message


def test_what_another_run_has_sent_since_the_plan_is_not_sent_again(
    rehearsal: Rehearsal, data: Resource, tmp_path: Path
) -> None:
    for desired, note in (
        (state(data), "its file is there already"),
        (own(tmp_path), "its files are there already"),
    ):
        made = rehearsal.plan(desired)
        assert rehearsal.apply(desired).exit_code == 0
        rehearsal.forget_requests()
        rehearsal.events.clear()
        assert rehearsal.run(made).exit_code == 0
        assert notes(rehearsal, "upload")[0] == note
        assert not [w for w in rehearsal.writes() if "pload" in w]


# Calls that change the state of what is there


def superseding(rehearsal: Rehearsal, folder: Path, policy: str = "cancel") -> tuple[Plan, str]:
    """Return the plan that cancels a job under way, and that job's id."""
    assert rehearsal.apply(tuning(folder), waits=Waits(budget_s=90)).exit_code == 3
    (job,) = rehearsal.jobs()
    made = rehearsal.plan(tuning(folder, epochs=2, onSupersede=policy))
    return made, job["name"].rpartition("/")[2]


@pytest.mark.parametrize("reply", ["kept", "lost"])
def test_a_job_is_cancelled_though_the_reply_may_be_lost(
    reply: str, rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, old = superseding(rehearsal, tmp_path)
    if reply == "lost":
        lost(rehearsal, "*:cancel")
    assert rehearsal.run(made).exit_code == 0
    assert notes(rehearsal, "cancel") == [f"cancelled {old}"]
    states = {job["name"].rpartition("/")[2]: job["state"] for job in rehearsal.jobs()}
    assert states.pop(old) == "JOB_STATE_CANCELLED"
    assert list(states.values()) == ["JOB_STATE_COMPLETED"]


def test_a_job_that_can_not_be_cancelled_keeps_the_next_one_from_being_paid_for(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, _ = superseding(rehearsal, tmp_path)
    rehearsal.fault(method="POST", path="*:cancel", status=400, times=0)
    report = rehearsal.run(made)
    assert report.having(Outcome.FAILED)[0].address.kind == "DPOJob"
    assert len(rehearsal.jobs()) == 1


def test_a_job_that_is_over_or_gone_before_it_could_be_cancelled_is_in_nobodys_way(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, old = superseding(rehearsal, tmp_path)
    rehearsal.clock.sleep(3600)
    assert rehearsal.run(made).exit_code == 0
    assert notes(rehearsal, "cancel") == [f"cancelled {old}"]
    assert len(rehearsal.jobs()) == 2


def test_a_job_that_was_removed_before_it_could_be_cancelled_is_in_nobodys_way(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, old = superseding(rehearsal, tmp_path)
    rehearsal.client.delete(f"accounts/emulator/dpoJobs/{old}", {})
    rehearsal.clock.sleep(600)
    rehearsal.events.clear()
    assert rehearsal.run(made).exit_code == 0
    assert notes(rehearsal, "cancel") == [f"{old} is gone already"]


def test_an_older_job_is_waited_for_until_it_is_over_and_then_named(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, old = superseding(rehearsal, tmp_path, "finish")
    rehearsal.events.clear()
    assert rehearsal.run(made).exit_code == 0
    said = [event for event in rehearsal.events if isinstance(event, Waiting)]
    first = (said[0].state, said[0].message)
    assert first == ("InProgress", f"{old} has to end first: training")
    assert notes(rehearsal, "wait")[0] == f"{old} is over: completed"


def test_an_older_job_that_somebody_removes_is_waited_for_no_longer(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    made, old = superseding(rehearsal, tmp_path, "finish")
    rehearsal.client.delete(f"accounts/emulator/dpoJobs/{old}", {})
    rehearsal.clock.sleep(600)
    rehearsal.events.clear()
    assert rehearsal.run(made).exit_code == 0
    assert notes(rehearsal, "wait")[0] == f"{old} is over: gone"


@pytest.mark.parametrize("reply", ["kept", "lost"])
def test_a_paused_job_is_resumed_though_the_reply_may_be_lost(
    reply: str, rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = tuning(tmp_path)
    ends_as(rehearsal, "PAUSED", code="OK")
    rehearsal.apply(desired, waits=Waits(budget_s=3600))
    if reply == "lost":
        lost(rehearsal, "*:resume")
    heard: list[tuple[dict[str, Any], Any]] = []
    rehearsal.wrap = lambda inner: Heard(inner, heard, "POST", ":resume")
    rehearsal.client = rehearsal.connect()
    assert rehearsal.apply(desired).exit_code == 0
    # The method takes a message, though an empty one.
    assert heard[0] == ({}, {})
    (job,) = rehearsal.jobs()
    assert notes(rehearsal, "resume") == [f"resumed {job['name'].rpartition('/')[2]}"]


def test_a_job_that_can_not_be_resumed_is_a_failure(rehearsal: Rehearsal, tmp_path: Path) -> None:
    desired = tuning(tmp_path)
    ends_as(rehearsal, "PAUSED", code="OK")
    rehearsal.apply(desired, waits=Waits(budget_s=3600))
    rehearsal.fault(method="POST", path="*:resume", status=400)
    assert rehearsal.apply(desired).having(Outcome.FAILED)
    assert len(rehearsal.jobs()) == 1


@pytest.mark.parametrize("when", ["kept", "lost", "refused"])
def test_a_deployment_is_restored_though_the_reply_may_be_lost(
    when: str, rehearsal: Rehearsal, data: Resource
) -> None:
    first, second = pipeline(data), pipeline(data, epochs=2)
    rehearsal.apply(state(*first))
    rehearsal.apply(state(*second))
    if when == "lost":
        lost(rehearsal, "*:undelete")
    if when == "refused":
        rehearsal.fault(method="POST", path="*:undelete", status=400)
    report = rehearsal.apply(state(*first))
    if when == "refused":
        assert report.having(Outcome.FAILED)[0].id == first[2].id
        assert notes(rehearsal, "undelete") == []
        return
    assert report.exit_code == 0
    assert report.having(Outcome.DONE)[-1].id == first[2].id
    assert notes(rehearsal, "undelete") == [f"restored {first[2].id}"]


# Tags


@pytest.mark.parametrize("reply", ["kept", "lost"])
def test_annotations_follow_the_spec_and_those_of_others_stay(
    reply: str, rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    before = wanted.deployment(job, annotations={"custom/team": "a"}, protect=True)
    rehearsal.apply(state(data, job, before))
    path = f"accounts/emulator/deployments/{before.id}"
    rehearsal.client.post(f"{path}:setTags", {"tags": {"custom/theirs": "b"}})
    after = wanted.deployment(job, annotations={"custom/team": "c", "custom/new": "d"})
    if reply == "lost":
        lost(rehearsal, "*:setTags")
        lost(rehearsal, "*:deleteTags")
    assert rehearsal.apply(state(data, job, after)).exit_code == 0
    assert rehearsal.client.get(path)["annotations"] == {
        "custom/team": "c",
        "custom/new": "d",
        "custom/theirs": "b",
        "custom/dpo-ops-stack": "default",
        "custom/dpo-ops-name": "serve",
        "custom/dpo-ops-proven": "true",
        **KINDS["Deployment"].stamp(after),
    }
    tagged = "set custom/team, custom/new, custom/dpo-ops-protected"
    assert notes(rehearsal, "tag") == [tagged]
    assert rehearsal.plan(state(data, job, after)).in_sync


def test_annotations_that_somebody_has_set_since_the_plan_are_left_alone(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data, job, wanted.deployment(job)))
    made = rehearsal.plan(state(data, job, wanted.deployment(job, annotations={"custom/a": "b"})))
    path = f"accounts/emulator/deployments/{made.changes[-1].id}"
    rehearsal.client.post(f"{path}:setTags", {"tags": {"custom/a": "b"}})
    rehearsal.forget_requests()
    assert rehearsal.run(made).exit_code == 0
    assert notes(rehearsal, "tag") == ["they are there already"]
    assert rehearsal.writes() == []


@pytest.mark.parametrize("how", ["lost", "refused"])
def test_a_proof_that_can_not_be_written_down_is_no_failure(
    how: str, rehearsal: Rehearsal, data: Resource
) -> None:
    if how == "lost":
        lost(rehearsal, "*:setTags")
    else:
        body = {"message": "tags are off"}
        rehearsal.fault(method="POST", path="*:setTags", status=400, body=body)
    desired = state(*pipeline(data))
    assert rehearsal.apply(desired).exit_code == 0
    said = {
        "lost": "the proof is written down",
        "refused": "the proof could not be written down: tags are off",
    }
    assert notes(rehearsal, "mark") == [said[how]]
    assert rehearsal.plan(desired).in_sync is (how == "lost")


# What goes over the wire


@dataclass
class Heard(httpx.BaseTransport):
    """Notes what is sent by one method to one path: its query and its body."""

    inner: httpx.BaseTransport
    heard: list[tuple[dict[str, Any], Any]]
    method: str = "PATCH"
    path: str = ""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == self.method and request.url.path.endswith(self.path):
            query = parse_qs(request.url.query.decode())
            self.heard.append((query, json.loads(request.read())))
        return self.inner.handle_request(request)


def test_a_patch_names_what_changes_and_sends_along_all_else_that_can_be_changed(
    rehearsal: Rehearsal, data: Resource
) -> None:
    heard: list[tuple[dict[str, Any], Any]] = []
    rehearsal.wrap = lambda inner: Heard(inner, heard)
    rehearsal.client = rehearsal.connect()
    job = wanted.job(data)
    day = {"minReplicaCount": 1, "schedule": "0 8 * * *", "duration": "8h", "timezone": "UTC"}
    windows = {"scaleDownWindow": "5m", "scaleUpWindow": "1m"}
    first = wanted.deployment(
        job,
        displayName="Tutor",
        autoscalingPolicy={**windows, "scalingSchedules": {"day": day}},
    )
    rehearsal.apply(state(data, job, first))
    second = wanted.deployment(
        job,
        displayName="Tutor",
        maxReplicaCount=3,
        autoscalingPolicy={"scaleDownWindow": "6m", "scalingSchedules": {"night": day}},
        annotations={"custom/team": "tutors"},
    )
    assert rehearsal.apply(state(data, job, second)).exit_code == 0
    assert notes(rehearsal, "patch") == ["changed autoscalingPolicy, maxReplicaCount"]
    ((query, body),) = heard
    assert query == {"updateMask": ["autoscaling_policy,max_replica_count"]}
    policy = body.pop("autoscalingPolicy")
    # The windows that the spec does not name stay; the schedules are one field, and are replaced.
    assert {key: policy[key] for key in windows} == {
        "scaleDownWindow": "360s",
        "scaleUpWindow": "60s",
    }
    assert list(policy["scalingSchedules"]) == ["night"]
    assert body["maxReplicaCount"] == 3
    assert body["displayName"] == "Tutor"
    assert {"baseModel", "minReplicaCount", "enableAddons"} <= set(body)
    # What the server fills or writes by itself does not go along, nor do the marks.
    filled = {"deploymentShape", "acceleratorType", "precision", "maxContextLength"}
    assert not set(body) & {*filled, "annotations", "state", "replicaCount", "name", "createTime"}
    assert None not in body.values()


@dataclass
class Doctored(httpx.BaseTransport):
    """Answers reads of one thing with some of its fields changed."""

    inner: httpx.BaseTransport
    changed: dict[str, Any]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.inner.handle_request(request)
        if request.method != "GET" or "/deployments/" not in request.url.path:
            return response
        return httpx.Response(response.status_code, json=json.loads(response.read()) | self.changed)


def test_below_a_field_that_changes_each_part_stays_that_the_spec_does_not_name(
    rehearsal: Rehearsal, data: Resource
) -> None:
    heard: list[tuple[dict[str, Any], Any]] = []
    there = {
        "scaleUpWindow": "60s",
        "scaleToZeroWindow": "",
        "scaleDownWindow": None,
        "loadTargets": {"default": 0.8, "requests_per_second": 4, "concurrent_requests": ""},
        "scalingSchedules": {},
    }
    rehearsal.wrap = lambda inner: Heard(Doctored(inner, {"autoscalingPolicy": there}), heard)
    rehearsal.client = rehearsal.connect()
    job = wanted.job(data)
    rehearsal.apply(state(data, job, wanted.deployment(job)))
    policy = {"loadTargets": {"default": 0.5}}
    second = wanted.deployment(job, autoscalingPolicy=policy)
    assert rehearsal.apply(state(data, job, second)).exit_code == 0
    ((_, body),) = heard
    # An empty value is the server's way to say that there is none; sent back it may be refused.
    assert body["autoscalingPolicy"] == {
        "scaleUpWindow": "60s",
        "loadTargets": {"default": 0.5, "requests_per_second": 4},
    }


def test_a_secret_is_put_in_where_it_is_sent_and_nowhere_else(
    rehearsal: Rehearsal, data: Resource
) -> None:
    heard: list[tuple[dict[str, Any], Any]] = []
    rehearsal.wrap = lambda inner: Heard(inner, heard, "POST", "/dpoJobs")
    rehearsal.client = rehearsal.connect()
    rehearsal.environ = {"WANDB_API_KEY": "not-for-print"}
    said = {
        "dataset": data.address.name,
        "trainingConfig": {"baseModel": wanted.BASE},
        "wandbConfig": {"enabled": True, "apiKey": {"secretRef": {"env": "WANDB_API_KEY"}}},
    }
    job = wanted.make("DPOJob", "tune", said, links={"dataset": data})
    assert rehearsal.apply(state(data, job)).exit_code == 0
    ((query, body),) = heard
    assert query == {"dpoJobId": [f"{job.id}-a1"]}
    assert body["wandbConfig"] == {"enabled": True, "apiKey": "not-for-print"}
    assert body["dataset"] == f"accounts/emulator/datasets/{data.id}"
    assert "not-for-print" not in repr(rehearsal.events)


# What is removed, and what is in the way


def test_a_failed_deployment_that_does_not_go_away_is_not_made_twice(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = tuning(tmp_path)
    serve = wanted.deployment(desired[Address("DPOJob", "tune")])
    desired = State({**desired, serve.address: serve})
    never_serves(rehearsal)
    rehearsal.apply(desired)
    made = rehearsal.plan(desired)
    record = rehearsal.client.list("deployments")[0]
    rehearsal.fault(method="GET", path="*/deployments/*", status=200, body=record, times=0)
    rehearsal.forget_requests()
    began = rehearsal.clock.now()
    report = rehearsal.run(made)
    assert report.having(Outcome.FAILED)[0].message == (
        f"deployments/{serve.id}: it does not go away · apply again later"
    )
    assert 120 <= rehearsal.clock.now() - began < 140
    assert [w.partition(" ")[0] for w in rehearsal.writes()] == ["DELETE"]


def test_an_id_that_is_taken_by_nothing_that_can_be_seen_is_a_failure_that_says_so(
    rehearsal: Rehearsal, data: Resource
) -> None:
    rehearsal.fault(method="POST", path="*/datasets", status=409, times=0)
    report = rehearsal.apply(state(data))
    assert report.having(Outcome.FAILED)[0].message == (
        f"datasets/{data.id}: its id is taken, yet there is no such resource"
        " · the platform keeps the ids of deleted resources"
    )


def test_ids_of_deleted_attempts_are_not_passed_over_without_end(
    rehearsal: Rehearsal, data: Resource
) -> None:
    job = wanted.job(data)
    rehearsal.apply(state(data))
    rehearsal.fault(method="POST", path="*/dpoJobs", status=409, times=0)
    rehearsal.forget_requests()
    report = rehearsal.apply(state(data, job), waits=Waits(grace_s=0))
    assert report.having(Outcome.FAILED)[0].message == (
        f"dpoJobs/{job.id}-a101: its id is taken, and so are all that follow"
    )
    asked = [r for r in rehearsal.requests() if r["method"] == "POST" and "/dpoJobs" in r["path"]]
    assert len(asked) == 100
