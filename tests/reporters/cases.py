"""Plans and reports to be shown: one account, a few moments of its life."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.executor.events import Answered, Ended, Outcome, Report
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Answer, Listing
from dpo_ops.planner import Accounted, Action, Plan, plan, questions, teardown
from dpo_ops.reporters.plan_words import terms, told
from tests import wanted
from tests.wanted import job_record, ready_model, served, state, uploaded

if TYPE_CHECKING:
    from dpo_ops.resource import State

DATA = wanted.dataset()
JOB = wanted.job(DATA)
SERVE = wanted.deployment(JOB, minReplicaCount=0, probe={"prompt": "Who are you?"})
ALL = state(DATA, JOB, SERVE)
DATA_2 = wanted.dataset(text="b")
JOB_2 = wanted.job(DATA_2)
SERVE_2 = wanted.deployment(JOB_2, minReplicaCount=0)
IDS = {
    "tune-0000000001": JOB.id,
    "serve-0000000001": SERVE.id,
    "tune-0000000002": JOB_2.id,
    "serve-0000000002": SERVE_2.id,
}
"""What an expected text calls the ids whose digests are the kinds' to choose."""
SHAPE = "accounts/fireworks/deploymentShapes/llama-minimal"
FITS = Answer(
    {"supervisedLoraTunable": True}, ({"name": f"{SHAPE}/versions/1", "snapshot": {"name": SHAPE}},)
)
IN_PLACE: dict[str, list[dict[str, Any]]] = {
    "datasets": [uploaded(DATA)],
    "dpoJobs": [job_record(JOB, 1, "COMPLETED", completedTime="2026-11-23T10:20:30.5Z")],
    "models": [ready_model(JOB)],
    "deployments": [served(SERVE)],
}
LEFT = {
    Outcome.RUNNING: "goes on without us (training)",
    Outcome.NOT_STARTED: "its turn did not come",
}
"""What the executor says of what is not over."""
WARNING = Finding(
    Place("specs/a.yaml", 3, 5), "is long", "it costs", "shorten it", "long", Severity.WARNING
)
ERROR = Finding(Place("specs/a.yaml", 9, 1), "is wrong", "no such model", "name another")

# What an author of a spec, or a server, might try.
HOSTILE = "a\x1b[31mb\x9b2J\r\n|<img src=x>`@octocat` [l](http://evil) \u202e#1 **x** <!-- -->"


def golden(text: str) -> str:
    """Return an expected text with the ids as they are."""
    for name, id_ in IDS.items():
        text = text.replace(name, id_)
    return text


def fields(number: int) -> str:
    """Return what a plan says of the fields that its change `number` sets without a line each."""
    change = fresh().changes[number]
    shown = len(told(change)) + len(terms(change))
    return f"sets {len(change.fields) - shown} {'more ' if terms(change) else ''}fields"


def observed(desired: State = ALL, **records: Any) -> Accounted:
    listing = Listing(records, ())
    found = {a: KINDS[a.kind].find(r, listing) for a, r in desired.items()}
    return Accounted("acme", found)


def planned(desired: State = ALL, **records: Any) -> Plan:
    seen = observed(desired, **records)
    return plan(desired, seen, dict.fromkeys(questions(desired, seen), FITS))


def fresh() -> Plan:
    return planned()


def in_sync() -> Plan:
    return planned(**IN_PLACE)


def training() -> Plan:
    jobs = [job_record(JOB, 1, "RUNNING")]
    return planned(datasets=[uploaded(DATA)], dpoJobs=jobs)


def retrained() -> Plan:
    """Return the plan after a pair was edited: data, job and deployment all move on."""
    return planned(state(DATA_2, JOB_2, SERVE_2), **IN_PLACE)


def scaled() -> Plan:
    serve = wanted.deployment(JOB, minReplicaCount=2)
    return planned(state(DATA, JOB, serve), **IN_PLACE)


def blocked() -> Plan:
    seen = observed()
    nothing = Answer(None, ())
    return plan(ALL, seen, dict.fromkeys(questions(ALL, seen), nothing))


def held_up() -> Plan:
    """Return a plan whose first change is blocked, so that none has its turn."""
    data, *rest = fresh().changes
    blocked = replace(data, action=Action.NO_OP, steps=(), fields=(), blocked=(ERROR,))
    return replace(fresh(), changes=(blocked, *rest))


def removal(*, everything: bool = False) -> Plan:
    return teardown(ALL, observed(**IN_PLACE), everything=everything)


def report(made: Plan | None = None, *outcomes: Outcome, **said: Any) -> Report:
    made = made or fresh()
    outcomes = outcomes or (Outcome.DONE,) * len(made.changes)
    ended = tuple(
        Ended(
            change.address,
            outcome,
            change.action,
            change.id,
            LEFT.get(outcome, ""),
            waited=65.0,
            state="training" if outcome is Outcome.RUNNING else "",
            findings=change.blocked,
        )
        for change, outcome in zip(made.changes, outcomes, strict=True)
    )
    return Report(made, ended, **said)


def answered(text: str = "A model.") -> Answered:
    model = f"accounts/acme/deployments/{SERVE.id}"
    return Answered(SERVE.address, model, "Who are you?", text)


def failed() -> Report:
    """Return a report of a job that failed, so that nothing was deployed."""
    made = report(None, Outcome.DONE, Outcome.FAILED, Outcome.SKIPPED)
    data, job, serve = made.ended
    job = replace(job, message="failed: row 2 is no preference pair")
    serve = replace(serve, message=f"because {JOB.address} did not succeed", cause=JOB.address)
    return replace(made, ended=(data, job, serve))
