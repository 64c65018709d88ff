from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import Finding, Place
from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import Answered, Unseen, Waiting
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Document
from dpo_ops.planner import Action
from dpo_ops.resource import Address, Content, Resource
from tests import wanted
from tests.laws.schedule import in_order
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = (
    '{"input":{"messages":[{"role":"user","content":"Q%d"}]},'
    '"preferred_output":[{"role":"assistant","content":"good"}],'
    '"non_preferred_output":[{"role":"assistant","content":"bad"}]}\n'
)


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Resource:
    return dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))


def dataset(folder: Path, name: str, text: str) -> Resource:
    file = folder / f"{name}.jsonl"
    file.write_text(text)
    raw = text.encode()
    content = Content(str(file), hashlib.sha256(raw).hexdigest(), len(raw), text.count("\n"))
    spec = KINDS["Dataset"].spec.model_validate({"source": file.name})
    place = Place("spec.yaml")
    document = Document(Address("Dataset", name), spec, {}, place, {}, content)
    return KINDS["Dataset"].desire(document, {}, "default")


def outcomes(report: Any) -> dict[str, str]:
    return {str(end.address): str(end.outcome) for end in report.ended}


def pipeline(data: Resource, **training: Any) -> tuple[Resource, Resource, Resource]:
    job = wanted.job(data, **training)
    return data, job, wanted.deployment(job, minReplicaCount=0, maxReplicaCount=1)


def test_the_whole_way_ends_with_an_answer(rehearsal: Rehearsal, data: Resource) -> None:
    desired = state(*pipeline(data))
    report = rehearsal.apply(desired)
    assert set(outcomes(report).values()) == {"done"}, report.ended
    assert {(end.action, end.state) for end in report.ended} == {(Action.CREATE, "")}
    assert (report.exit_code, report.blind) == (0, "")
    assert report.answers[0].answer
    again = rehearsal.plan(desired)
    assert again.in_sync, again.changes
    rehearsal.forget_requests()
    assert rehearsal.run(again).exit_code == 0
    assert rehearsal.writes() == []


def test_all_that_blocks_a_change_is_told(rehearsal: Rehearsal, data: Resource) -> None:
    made = rehearsal.plan(state(*pipeline(data)))
    first, *rest = made.changes
    why = [Finding("here", what) for what in ("is wrong", "is too dear")]
    report = rehearsal.run(replace(made, changes=(first.stopped(*why), *rest)))
    told = report.ended[0]
    assert (told.message, list(told.findings)) == ("here: is wrong; here: is too dear", why)
    assert set(outcomes(report).values()) == {"blocked", "skipped"}
    assert rehearsal.writes() == []


def test_one_look_serves_all_that_is_waited_for(rehearsal: Rehearsal, data: Resource) -> None:
    jobs = [wanted.job(data, f"tune-{n}", epochs=n) for n in (1, 2, 3)]
    rehearsal.apply(state(data, *jobs))
    gets = [r for r in rehearsal.requests() if r["path"].endswith("/dpoJobs")]
    looks = [r for r in gets if r["method"] == "GET"]
    assert 1 < len(looks) < 20


def test_more_jobs_than_the_quota_lets_run_wait_for_their_turn(
    rehearsal: Rehearsal, data: Resource
) -> None:
    jobs = [wanted.job(data, f"tune-{n}", epochs=n) for n in range(1, 8)]
    report = rehearsal.apply(state(data, *jobs))
    assert report.exit_code == 0, report.ended
    assert len(rehearsal.jobs()) == 7
    assert any(isinstance(e, Waiting) and e.state == "NO_QUOTA" for e in rehearsal.events)


def test_a_job_refused_for_quota_waits_for_those_accepted_at_the_same_time(
    data: Resource,
) -> None:
    # All answers are there when the first is looked at: none of the accepted is waited for yet.
    with in_order(), Rehearsal() as rehearsal:
        jobs = [wanted.job(data, f"tune-{n}", epochs=n) for n in range(1, 8)]
        report = rehearsal.apply(state(data, *jobs))
        assert report.exit_code == 0, report.ended
        assert len(rehearsal.jobs()) == 7


@pytest.mark.parametrize("count", [1, 3])
def test_a_quota_that_nothing_of_ours_can_free_is_a_failure(
    rehearsal: Rehearsal, data: Resource, count: int
) -> None:
    rehearsal.fault(method="POST", path="*/dpoJobs", status=429, times=0)
    jobs = [wanted.job(data, f"tune-{n}", epochs=n + 1) for n in range(count)]
    report = rehearsal.apply(state(data, *jobs, wanted.deployment(jobs[0])))
    ended = outcomes(report)
    assert [ended[f"DPOJob/tune-{n}"] for n in range(count)] == ["failed"] * count
    assert ended["Deployment/serve"] == "skipped"


def test_what_depends_on_a_failure_is_skipped_and_the_rest_goes_on(
    rehearsal: Rehearsal, data: Resource, tmp_path: Path
) -> None:
    bad = dataset(tmp_path, "bad", (ROW % 0) * 3 + '{"input": 1}\n')
    bad_job = wanted.job(bad, "bad-tune")
    bad_serve = wanted.deployment(bad_job, "bad-serve")
    report = rehearsal.apply(state(*pipeline(data), bad, bad_job, bad_serve))
    ended = outcomes(report)
    assert ended["DPOJob/bad-tune"] == "failed"
    assert ended["Deployment/bad-serve"] == "skipped"
    assert ended["Deployment/serve"] == "done"
    skipped = report.having(Outcome.SKIPPED)[0]
    assert str(skipped.cause) == "DPOJob/bad-tune"
    assert skipped.message == "because DPOJob/bad-tune did not succeed"
    assert report.exit_code == 1
    assert "bad.jsonl:4" in report.having(Outcome.FAILED)[0].message


def test_a_new_model_is_proven_before_the_old_deployment_goes(
    rehearsal: Rehearsal, data: Resource
) -> None:
    first = pipeline(data)
    rehearsal.apply(state(*first))
    rehearsal.forget_requests()
    second = pipeline(data, epochs=2)
    assert rehearsal.apply(state(*second)).exit_code == 0
    log = [f"{r['method']} {r['path']}" for r in rehearsal.requests()]
    removal = log.index(f"DELETE /v1/accounts/emulator/deployments/{first[2].id}")
    assert log.index("POST /inference/v1/chat/completions") < removal
    assert rehearsal.plan(state(*second)).in_sync


def test_going_back_uploads_and_trains_nothing(rehearsal: Rehearsal, data: Resource) -> None:
    first, second = pipeline(data), pipeline(data, epochs=2)
    rehearsal.apply(state(*first))
    rehearsal.apply(state(*second))
    rehearsal.forget_requests()
    assert rehearsal.apply(state(*first)).exit_code == 0
    assert not [w for w in rehearsal.writes() if "dpoJobs" in w or "datasets" in w]
    assert rehearsal.plan(state(*first)).in_sync


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("collection", ["datasets", "dpoJobs", "deployments"])
def test_a_create_whose_reply_is_lost_makes_one(
    rehearsal: Rehearsal, data: Resource, when: str, collection: str
) -> None:
    match = {"method": "POST", "path": f"/v1/accounts/emulator/{collection}"}
    rehearsal.fault(**match, when=when, drop="read")
    report = rehearsal.apply(state(*pipeline(data)))
    assert report.exit_code == 0, report.ended
    assert len(rehearsal.jobs()) == 1


def test_failing_to_see_a_job_starts_nothing_anew(rehearsal: Rehearsal, data: Resource) -> None:
    desired = state(*pipeline(data))
    made = rehearsal.plan(desired)
    match = {"method": "GET", "path": "/v1/accounts/emulator/dpoJobs"}
    rehearsal.fault(**match, status=503, times=25)
    report = rehearsal.run(made)
    assert report.exit_code == 0
    assert any(isinstance(event, Unseen) for event in rehearsal.events)
    assert len(rehearsal.jobs()) == 1


def test_a_spent_budget_leaves_what_runs_and_says_so(rehearsal: Rehearsal, data: Resource) -> None:
    desired = state(*pipeline(data))
    report = rehearsal.apply(desired, waits=Waits(budget_s=60))
    ended = outcomes(report)
    assert ended == {
        "Dataset/prefs": "done",
        "DPOJob/tune": "still-running",
        "Deployment/serve": "not-started",
    }
    assert report.exit_code == 3
    [running] = report.running
    assert running.state == "starting the trainer"
    assert running.message == f"goes on without us ({running.state})"
    assert rehearsal.apply(desired).exit_code == 0
    assert len(rehearsal.jobs()) == 1


@pytest.mark.parametrize(
    ("waits", "signal", "blind", "left"),
    [
        (Waits(budget_s=60), False, False, True),
        (Waits(leave=True), False, False, True),
        (Waits(leave=True), True, False, False),
        (Waits(leave=True), False, True, False),
        (Waits(), True, False, False),
        (Waits(), False, True, False),
    ],
)
def test_it_was_left_as_it_was_told_to_be_only_where_nothing_else_ended_it(
    waits: Waits, signal: bool, blind: bool, left: bool, rehearsal: Rehearsal, data: Resource
) -> None:
    made = rehearsal.plan(state(*pipeline(data)))
    if blind:
        rehearsal.fault(method="GET", path="*/datasets", status=401, times=0)
    begun = rehearsal.clock.now()
    report = rehearsal.run(made, waits=waits, stop=lambda: signal and rehearsal.clock.now() > begun)
    assert (report.interrupted, report.left, report.exit_code) == (True, left, 3)
    assert ("the key was refused" in report.blind, bool(report.blind)) == (blind, blind)


def test_a_deployment_that_was_left_before_it_answered_is_asked_by_the_next_run(
    rehearsal: Rehearsal, data: Resource
) -> None:
    desired = state(*pipeline(data))
    chat = {"method": "POST", "path": "/inference/v1/chat/completions"}
    rehearsal.fault(**chat, status=503, times=0)
    assert rehearsal.apply(desired, waits=Waits(budget_s=900)).exit_code == 3
    rehearsal.admin("DELETE", "faults")
    assert not rehearsal.plan(desired).in_sync
    report = rehearsal.apply(desired)
    assert report.exit_code == 0
    assert report.answers
    assert rehearsal.plan(desired).in_sync


def test_stop_is_heard_in_mid_wait(rehearsal: Rehearsal, data: Resource) -> None:
    stopped = []

    def stop() -> bool:
        seen = any(isinstance(e, Waiting) and e.address.kind == "DPOJob" for e in rehearsal.events)
        stopped.append(seen)
        return seen

    report = rehearsal.apply(state(*pipeline(data)), stop=stop)
    assert report.exit_code == 3
    assert report.interrupted


def test_a_deployment_scaled_to_zero_is_woken_by_its_probe(
    rehearsal: Rehearsal, data: Resource
) -> None:
    first = pipeline(data)
    rehearsal.apply(state(*first))
    rehearsal.clock.sleep(7200)
    wider = wanted.deployment(first[1], minReplicaCount=0, maxReplicaCount=2)
    assert rehearsal.apply(state(*first[:2], wider)).exit_code == 0
    assert any(isinstance(event, Answered) for event in rehearsal.events)


def test_an_update_changes_only_what_the_spec_says(rehearsal: Rehearsal, data: Resource) -> None:
    first = pipeline(data)
    rehearsal.apply(state(*first))
    before = rehearsal.client.list("deployments")[0]
    wider = wanted.deployment(first[1], minReplicaCount=0, maxReplicaCount=3, description="new")
    assert rehearsal.apply(state(*first[:2], wider)).exit_code == 0
    after = rehearsal.client.list("deployments")[0]
    changed = {key for key in before if before[key] != after[key]}
    assert {"maxReplicaCount", "description"} <= changed
    server = {"updateTime", "replicaStats", "replicaCount", "desiredReplicaCount", "state"}
    # That this spec was applied is written down as well.
    assert changed <= {"maxReplicaCount", "description", "annotations"} | server
    tags = (before["annotations"], after["annotations"])
    changed = {k for k in tags[0] if tags[0][k] != tags[1][k]}
    assert changed == {"custom/dpo-ops-applied", "custom/dpo-ops-applied-fields"}


def test_a_deployment_whose_spec_is_gone_is_not_forgotten(
    rehearsal: Rehearsal, data: Resource
) -> None:
    first = pipeline(data)
    rehearsal.apply(state(*first))
    renamed = wanted.deployment(first[1], "other", minReplicaCount=0, maxReplicaCount=1)
    for left in (state(*first[:2], renamed), state(*first[:2])):
        warned = rehearsal.plan(left).warnings
        assert [str(w.where) for w in warned] == ["Deployment/serve"]
        assert first[2].id in warned[0].what
    assert rehearsal.plan(state(*first)).warnings == ()


def test_destroy_removes_what_it_says_and_nothing_else(
    rehearsal: Rehearsal, data: Resource
) -> None:
    desired = state(*pipeline(data))
    rehearsal.apply(desired)
    assert rehearsal.run(rehearsal.teardown(desired)).exit_code == 0
    assert rehearsal.client.list("deployments") == []
    assert len(rehearsal.jobs()) == 1
    assert rehearsal.run(rehearsal.teardown(desired, everything=True)).exit_code == 0
    rehearsal.clock.sleep(600)
    for collection in ("datasets", "dpoJobs", "models", "deployments"):
        assert rehearsal.client.list(collection) == [], collection


def test_a_training_that_is_retired_is_said_at_the_line_that_asks_for_it(tmp_path: Path) -> None:
    # Names in one order, needs in the other: whose line it is follows from what needs what.
    first, second = (dataset(tmp_path, name, ROW % 1 + ROW % 2 + ROW % 3) for name in "yz")
    jobs = [
        replace(
            wanted.job(needed, name),
            place=Place(f"{name}.yaml", 1, 1),
            places={"trainer": Place(f"{name}.yaml", 7, 3)},
        )
        for needed, name in ((second, "a"), (first, "b"))
    ]
    with Rehearsal(profile="retired") as rehearsal:
        report = rehearsal.apply(state(first, second, *jobs))
    assert report.exit_code == 1
    failed = {end.address.name: end.message for end in report.having(Outcome.FAILED)}
    assert sorted(failed) == ["y", "z"]
    for name, asks in (("y", "b"), ("z", "a")):
        assert failed[name] == (
            f"{asks}.yaml:7:3: managed tuning jobs and their datasets have been retired since"
            " 2026-11-15 · POST /v1/accounts/emulator/datasets was answered with 501; models and"
            " deployments still work · to train on your own compute, write trainer: trl (or ray)"
            " and add weights: the Hugging Face id or the folder of the base model"
        )


def test_what_is_retired_and_no_spec_asks_for_is_said_in_the_words_of_the_platform(
    data: Resource,
) -> None:
    with Rehearsal(profile="retired") as rehearsal:
        failed = rehearsal.apply(state(data)).having(Outcome.FAILED)[0]
    assert "managed datasets are retired" in failed.message
