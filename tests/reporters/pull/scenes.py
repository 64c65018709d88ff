"""Pull requests to be shown: a plan from real code, with any text in every place for one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.errors import DpoOpsError, Finding, Severity, SpecError
from dpo_ops.executor.events import Answered, Outcome
from dpo_ops.pairs.diff import Comparison, Fate, Sample, Side
from dpo_ops.pairs.rows import Message, Pair
from dpo_ops.planner import Action, FieldChange
from dpo_ops.planner.drift import Drift, Drifted, Sort
from dpo_ops.reporters import read_metrics, with_outputs
from dpo_ops.reporters.pull import DataChange, Header, Invalid, Proposal, Stage, Status
from dpo_ops.resource import Accepted, Address, Tokens
from tests.reporters import cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.executor.events import Report
    from dpo_ops.planner import Plan
    from dpo_ops.reporters.measured import Readings

Text = Callable[[], str]

HEADER = Header("prod", "a1b2c3d4e5f6", "991", "0.5.0", plan="sha256:" + "ab" * 32)
STATUS = Status(Stage.PLANNED, "123", "https://github.com/acme/tunes/actions/runs/991", "12:01 UTC")
METRICS = read_metrics(
    b"\n".join(
        json.dumps(
            {
                "step": step,
                "total_steps": 100,
                "loss": 0.69 * math.exp(-step / 40),
                "margin": step / 50,
                "accuracy": 0.5 + step / 250,
            }
        ).encode()
        for step in range(1, 101)
    )
    + b"\n"
)


def side(line: int, asked: str, good: str, bad: str) -> Side:
    return Side(line, Pair((Message("user", asked),), "", good, bad))


def comparison(text: Text) -> Comparison:
    """Return a comparison with a row of each fate."""
    samples = (
        Sample(Fate.FLIPPED, side(1, text(), text(), text()), side(1, text(), text(), text())),
        Sample(Fate.EDITED_BOTH, side(2, text(), text(), text()), side(2, text(), text(), text())),
        Sample(Fate.REMOVED, side(3, text(), text(), text()), None),
        Sample(Fate.ADDED, None, side(3, text(), text(), text())),
        Sample(Fate.ADDED, None, Side(4, None)),
    )
    counts = dict.fromkeys(Fate, 0) | {
        Fate.FLIPPED: 3,
        Fate.EDITED_BOTH: 9,
        Fate.REMOVED: 37,
        Fate.ADDED: 412,
        Fate.SAME: 40,
    }
    return Comparison(89, 464, counts, Tokens(100, 50, 50), Tokens(9_000, 4_000, 4_000), 0, samples)


def finding(text: Text, rule: str = "") -> Finding:
    return Finding(text(), text(), text(), text(), rule or text(), Severity.WARNING)


def plan(text: Text) -> Plan:
    """Return a plan that creates, trains, replaces, updates, deletes and is blocked."""
    made = cases.retrained()
    data, job, serve = made.changes
    names = {
        change.address: Address(change.address.kind, f"{number}{text()}")
        for number, change in enumerate(made.changes)
    }
    more = [
        replace(serve, address=Address("Deployment", f"3{text()}"), action=Action.UPDATE, needs=()),
        replace(
            serve,
            address=Address("Deployment", f"4{text()}"),
            action=Action.DELETE,
            resource=None,
            needs=(),
        ),
        replace(job, address=Address("DPOJob", f"5{text()}"), needs=()).stopped(
            finding(text), finding(text, "stale")
        ),
        replace(
            job,
            address=Address("DPOJob", f"6{text()}"),
            needs=(),
        ).stopped(
            replace(finding(text, "stale"), why=f"planned was {text()}; now it would be {text()}")
        ),
    ]
    changes = [
        replace(
            change,
            address=names.get(change.address, change.address),
            needs=tuple(names[need] for need in change.needs),
            id=text(),
            reason=text(),
            fields=() if change.blocked else tuple(fields(text)),
        )
        for change in (data, job, serve, *more)
    ]
    return replace(
        made,
        account=text(),
        stack=text(),
        changes=tuple(changes),
        warnings=(finding(text), finding(text)),
    )


def fields(text: Text) -> list[FieldChange]:
    return [
        FieldChange(text(), text(), text()),
        FieldChange(text(), None, {text(): [text()]}, text()),
    ]


def proposal(text: Text, *, offline: bool = False, samples: int = 3) -> Proposal:
    made = plan(text)
    changes = (
        DataChange(
            made.changes[0].address, f"a/{text()}", f"b/{text()}", comparison(text), 464, text()
        ),
        DataChange(Address("Dataset", text()), None, text(), None, 7),
        DataChange(Address("Dataset", text()), text(), None, None, 7, text()),
    )
    why = text() if offline else ""
    return Proposal(text(), text(), made, why, changes, samples, (finding(text), finding(text)))


def invalid(text: Text, *, specs: bool = True) -> Invalid:
    if specs:
        return Invalid(text(), text(), SpecError([finding(text), finding(text)]))
    error = DpoOpsError(text(), where=text(), why=text(), fix=text())
    return Invalid(text(), text(), error)


def report(text: Text) -> Report:
    made = plan(text)
    outcomes = (
        Outcome.DONE,
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.RUNNING,
        Outcome.DONE,
        Outcome.BLOCKED,
        Outcome.BLOCKED,
    )
    found = with_outputs(cases.report(made, *outcomes))
    ended = tuple(replace(end, message=text()) for end in found.ended)
    answers = tuple(
        Answered(change.address, text(), text(), text()) for change in made.changes[2:4]
    )
    outputs = {text(): {text(): text(), "model": text()}}
    return replace(found, ended=ended, answers=answers, outputs=outputs)


def readings(of: Report) -> Mapping[Address, Readings]:
    return {of.plan.changes[1].address: METRICS}


def drift(text: Text) -> Drift:
    entry = Accepted(text(), text(), text(), text())
    one = Drifted(
        Address("Deployment", text()), Sort.CHANGED, text(), text(), tuple(fields(text)), entry
    )
    return Drift(text(), text(), (one,), ((Address("DPOJob", text()), text()),), 3)
