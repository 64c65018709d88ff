"""What a run tells, from its first event to its last: reporters have nothing else to go by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops.executor import Outcome, Waits
from dpo_ops.executor.events import (
    Answered,
    Began,
    Ended,
    Event,
    StepBegan,
    StepEnded,
    Training,
    Unseen,
    Uploading,
    Waiting,
)
from dpo_ops.resource import Address
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.laws.schedule import in_order
from tests.laws.test_hazards import own, pipeline
from tests.rehearsal import Rehearsal
from tests.wanted import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.resource import State


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with in_order(), Rehearsal() as made:
        yield made


def line(event: Event) -> str:  # noqa: PLR0911  -- one for each event
    match event:
        case StepBegan():
            return f"{event.address.kind}: {event.step.verb}"
        case StepEnded():
            return f"{event.address.kind}: {event.step.verb}: {event.note}"
        case Uploading():
            return f"{event.address.kind}: {event.done} of {event.total} bytes"
        case Training():
            return f"{event.address.kind}: step {event.measured.step} of {event.measured.steps}"
        case Waiting():
            return f"{event.address.kind}: {event.state}: {event.message}"
        case Answered():
            return f"{event.address.kind}: {event.model} was asked: {event.prompt}"
        case Ended():
            return f"{event.address.kind}: {event.outcome}: {event.id}: {event.message}"
        case Unseen():
            return f"unseen: {event.error}"
    return type(event).__name__


def told(rehearsal: Rehearsal, **ids: str) -> list[str]:
    """Return what was told, ids by name, each repetition once."""
    said: list[str] = []
    for text in map(line, rehearsal.events):
        for name, id_ in ids.items():
            text = text.replace(id_, name.upper())  # noqa: PLW2901
        if text not in said[-1:]:
            said.append(text)
    return said


def ids(desired: State) -> dict[str, str]:
    return {address.name: resource.id for address, resource in desired.items()}


SERVED = [
    "Deployment: create",
    "Deployment: create: created SERVE",
    "Deployment: wait",
    "Deployment: CREATING: starting",
    "Deployment: wait: ready",
    "Deployment: probe",
    "Deployment: accounts/emulator/deployments/SERVE was asked: Answer with one short sentence.",
    "Deployment: probe: it answers",
    "Deployment: mark",
    "Deployment: mark: the proof is written down",
    "Deployment: done: SERVE: the proof is written down",
]


def test_the_whole_story_of_a_managed_job(rehearsal: Rehearsal, tmp_path: Path) -> None:
    desired = pipeline(tmp_path)
    report = rehearsal.apply(desired)
    assert told(rehearsal, **ids(desired)) == [
        "Began",
        "Dataset: create",
        "Dataset: create: created PREFS",
        "Dataset: upload",
        "Dataset: 531 of 531 bytes",
        "Dataset: upload: uploaded 531 bytes, 3 rows",
        "Dataset: wait",
        "Dataset: wait: ready",
        "Dataset: done: PREFS: ready",
        "DPOJob: create",
        "DPOJob: create: created TUNE-a1",
        "DPOJob: wait",
        "DPOJob: JOB_STATE_PENDING: waiting for capacity",
        "DPOJob: JOB_STATE_CREATING: starting the trainer",
        "DPOJob: JOB_STATE_RUNNING: training",
        "DPOJob: JOB_STATE_WRITING_RESULTS: writing the model",
        "DPOJob: wait: model TUNE is ready",
        "DPOJob: done: TUNE-a1: model TUNE is ready",
        *SERVED,
    ]
    answers = [event for event in rehearsal.events if isinstance(event, Answered)]
    assert list(report.answers) == answers
    assert answers[0].answer.startswith("[dpo-ops emulator: stand-in answer")
    assert list(report.ended) == [event for event in rehearsal.events if isinstance(event, Ended)]
    assert (report.interrupted, report.left) == (False, False)
    assert rehearsal.events[0] == Began(report.plan)


def test_the_whole_story_of_a_training_on_ones_own_compute(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = own(tmp_path)
    rehearsal.apply(desired)
    assert told(rehearsal, **ids(desired)) == [
        "Began",
        "Dataset: in-sync: PREFS: in place: is read where it lies, and not uploaded",
        "DPOJob: train",
        *[f"DPOJob: step {n} of 4" for n in (1, 2, 3, 4)],
        "DPOJob: train: trained in 4 steps",
        "DPOJob: create",
        "DPOJob: create: created TUNE",
        "DPOJob: upload",
        "DPOJob: 48 of 150 bytes",
        "DPOJob: 150 of 150 bytes",
        "DPOJob: upload: uploaded 150 bytes in 2 files",
        "DPOJob: wait",
        "DPOJob: wait: its adapter is in the account",
        "DPOJob: done: TUNE: its adapter is in the account",
        *SERVED,
    ]


def test_what_is_waited_for_is_timed_from_its_own_begin_and_ends_from_that_of_the_run(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    began = rehearsal.clock.now()
    report = rehearsal.apply(pipeline(tmp_path))
    waited = [event.waited for event in rehearsal.events if isinstance(event, Waiting)]
    starts = [n for n, seconds in enumerate(waited) if seconds == min(waited[: n + 1])]
    assert all(0 < waited[n] < 7 for n in (0, *starts[1:]))
    assert max(waited) < 600
    ends = [end.waited for end in report.ended]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(rehearsal.clock.now() - began)


def test_a_job_that_there_is_no_quota_for_says_so_and_when_it_is_tried_again(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    data = dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))
    jobs = [wanted.job(data, f"tune-{n}", epochs=n) for n in range(1, 7)]
    refused = {"error": "no GPUs are free", "code": 8, "message": "no GPUs are free"}
    rehearsal.apply(state(data, *jobs[:1]), waits=Waits(budget_s=60))
    rehearsal.fault(method="POST", path="*/dpoJobs", status=429, times=5, body=refused)
    rehearsal.events.clear()
    rehearsal.forget_requests()
    report = rehearsal.apply(state(data, *jobs[:2]))
    assert report.exit_code == 0
    waiting = [e for e in rehearsal.events if isinstance(e, Waiting) and e.state == "NO_QUOTA"]
    assert [(str(e.address), e.message) for e in waiting] == [
        ("DPOJob/tune-2", "waiting for quota: no GPUs are free")
    ]
    posts = [r for r in rehearsal.requests() if r["method"] == "POST"]
    # Five tries of the client at once, and one after a pause.
    assert len([r for r in posts if r["path"].endswith("/dpoJobs")]) == 6
    begun = [e for e in rehearsal.events if isinstance(e, StepBegan) and e.step.verb == "create"]
    assert len(begun) == 2


def test_a_quota_that_nothing_frees_is_reported_in_the_words_of_the_platform(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    refused = {"error": "no GPUs are free", "code": 8, "message": "no GPUs are free"}
    rehearsal.fault(method="POST", path="*/dpoJobs", status=429, times=0, body=refused)
    report = rehearsal.apply(pipeline(tmp_path))
    assert "no GPUs are free" in report.having(Outcome.FAILED)[0].message


@dataclass
class Heard(httpx.BaseTransport):
    """Notes what is asked of a model."""

    inner: httpx.BaseTransport
    asked: list[dict[str, Any]]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/chat/completions"):
            self.asked.append(json.loads(request.read()))
        return self.inner.handle_request(request)


def test_a_deployment_is_asked_the_question_of_its_spec_in_the_same_way_each_time(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = pipeline(tmp_path)
    data, job = (desired[Address(*name)] for name in (("Dataset", "prefs"), ("DPOJob", "tune")))
    serve = wanted.deployment(job, minReplicaCount=0, probe={"prompt": "What is 2 + 2?"})
    asked: list[dict[str, Any]] = []
    rehearsal.wrap = lambda inner: Heard(inner, asked)
    rehearsal.client = rehearsal.connect()
    assert rehearsal.apply(state(data, job, serve)).exit_code == 0
    assert asked == [
        {
            "model": f"accounts/emulator/deployments/{serve.id}",
            "messages": [{"role": "user", "content": "What is 2 + 2?"}],
            "max_tokens": 128,
            "temperature": 0,
        }
    ]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"choices": [{"message": {"content": "4"}}]}, "4"),
        ({"choices": [{"message": {"content": None}}]}, ""),
        ({"choices": []}, None),
        ({"choices": [{}]}, None),
        ({}, None),
    ],
)
def test_an_answer_counts_where_there_is_a_choice_and_it_may_be_empty(
    body: dict[str, Any], answer: str | None, rehearsal: Rehearsal, tmp_path: Path
) -> None:
    desired = pipeline(tmp_path)
    rehearsal.fault(method="POST", path="*/chat/completions", status=200, body=body, times=0)
    report = rehearsal.apply(desired)
    if answer is not None:
        assert [(str(a.address), a.answer) for a in report.answers] == [
            ("Deployment/serve", answer)
        ]
        return
    where = f"accounts/emulator/deployments/{ids(desired)['serve']}"
    failed = report.having(Outcome.FAILED)[0]
    assert failed.message == f"{where}: the answer has no choices"


@pytest.mark.parametrize(
    ("status", "why"), [(503, "it is warming up"), (404, "it is warming up"), (429, "")]
)
def test_a_deployment_that_does_not_answer_yet_is_asked_again(
    status: int, why: str, rehearsal: Rehearsal, tmp_path: Path
) -> None:
    body = {"message": why} if why else {}
    chat = {"method": "POST", "path": "*/chat/completions"}
    rehearsal.fault(**chat, status=status, body=body, times=10)
    assert rehearsal.apply(pipeline(tmp_path)).exit_code == 0
    waiting = [e.message for e in rehearsal.events if isinstance(e, Waiting) and e.state == "READY"]
    words = why or "it gave no reason"
    assert set(waiting) == {f"does not answer yet: {words}"}
