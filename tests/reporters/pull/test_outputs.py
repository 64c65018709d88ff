from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import Finding
from dpo_ops.executor.events import Outcome
from dpo_ops.kinds.pricing import Cost, Per, Unpriced
from dpo_ops.planner import Plan, fingerprint
from dpo_ops.reporters import with_outputs
from dpo_ops.reporters.pull import output_lines, plan_outputs, report_outputs
from tests.reporters import cases

VALUES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
    st.text() | st.sampled_from(["dpo_ops_ab", "x\ndpo_ops_ab\ny<<E\nz\nE", "dpo_ops_ab_\n"]),
    max_size=5,
)


def priced(*costs: Cost | Unpriced | None) -> Plan:
    made = cases.fresh()
    data, job, serve = made.changes
    jobs = tuple(
        replace(job, cost=cost, address=replace(job.address, name=f"tune-{n}"))
        for n, cost in enumerate(costs)
    )
    return replace(made, changes=(data, *jobs, serve))


def test_what_a_plan_hands_on():
    made = cases.retrained()
    assert plan_outputs(made) == {
        "changes": "true",
        "create": "2",
        "update": "0",
        "replace": "1",
        "delete": "0",
        "retrain": "1",
        "cost-low": "",
        "cost-high": "",
        "fingerprint": fingerprint(made),
    }


def test_nothing_to_do_costs_nothing():
    said = plan_outputs(cases.in_sync())
    assert said["changes"] == "false"
    assert (said["retrain"], said["cost-low"], said["cost-high"]) == ("0", "0.0000", "0.0000")


@pytest.mark.parametrize(
    ("costs", "low", "high"),
    [
        ((Cost(1, 2, Per.JOB, ""), Cost(0.5, 1.25, Per.JOB, "")), "1.5000", "3.2500"),
        ((Cost(1, 2, Per.JOB, ""), Unpriced("x", Per.JOB)), "1.0000", ""),
        ((Unpriced("x", Per.JOB),), "", ""),
        ((None,), "", ""),
    ],
)
def test_the_cost_of_training(costs: tuple[Cost | Unpriced | None, ...], low: str, high: str):
    said = plan_outputs(priced(*costs))
    assert said["retrain"] == str(len(costs))
    assert (said["cost-low"], said["cost-high"]) == (low, high)


def test_what_is_blocked_trains_nothing():
    assert plan_outputs(cases.held_up())["retrain"] == "0"


def test_training_on_own_compute_is_training():
    own = cases.wanted.own_job(cases.DATA)
    said = plan_outputs(cases.planned(cases.state(cases.DATA, own)))
    assert (said["retrain"], said["cost-low"], said["cost-high"]) == ("1", "0.0000", "0.0000")


def stopped(rule: str) -> Plan:
    made = cases.fresh()
    data, *rest = made.changes
    return replace(made, changes=(data.stopped(Finding("x", "w", rule=rule)), *rest))


SKIPPED = (Outcome.BLOCKED, Outcome.SKIPPED, Outcome.SKIPPED)


@pytest.mark.parametrize(
    ("plan", "outcomes", "running", "reason"),
    [
        (cases.fresh(), (Outcome.DONE,) * 3, "false", ""),
        (cases.fresh(), (Outcome.DONE, Outcome.FAILED, Outcome.SKIPPED), "false", "apply-failed"),
        (cases.fresh(), (Outcome.DONE, Outcome.NOT_STARTED, Outcome.NOT_STARTED), "false",
         "apply-failed"),
        (cases.fresh(), (Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED), "true",
         "still-running"),
        (stopped("stale"), SKIPPED, "false", "plan-changed"),
        (stopped("max-cost"), SKIPPED, "false", "cost-blocked"),
        (stopped("other"), SKIPPED, "false", "blocked"),
        (stopped("stale"), (Outcome.BLOCKED, Outcome.FAILED, Outcome.RUNNING), "true",
         "apply-failed"),
        (stopped("stale"), (Outcome.BLOCKED, Outcome.RUNNING, Outcome.SKIPPED), "true",
         "plan-changed"),
    ],
)  # fmt: skip
def test_why_an_apply_failed(plan: Plan, outcomes: tuple[Outcome, ...], running: str, reason: str):
    said = report_outputs(cases.report(plan, *outcomes))
    assert (said["in-progress"], said["failure-reason"]) == (running, reason)


def test_what_an_apply_hands_on():
    made = with_outputs(cases.report())
    said = report_outputs(made, base_url="https://api.example/")
    assert said["url"] == "https://api.example/inference/v1/chat/completions"
    outputs = json.loads(said["outputs-json"])
    assert outputs["Deployment/serve"]["requestModel"].startswith("accounts/acme/deployments/")
    assert "\n" not in said["outputs-json"]
    assert report_outputs(made)["url"] == ""
    assert report_outputs(cases.report(), base_url="https://api.example")["url"] == ""


def read(text: str) -> dict[str, str]:
    """Read outputs as the runner does: a name, a delimiter, and lines up to the delimiter."""
    found, lines = {}, text.split("\n")
    while lines and lines != [""]:
        name, _, mark = lines.pop(0).partition("<<")
        end = lines.index(mark)
        found[name] = "\n".join(lines[:end])
        lines = lines[end + 1 :]
    return found


def test_lines_of_outputs():
    assert output_lines({"a": "1", "b-c": ""}, "ab-12") == (
        "a<<dpo_ops_ab12\n1\ndpo_ops_ab12\nb-c<<dpo_ops_ab12\n\ndpo_ops_ab12\n"
    )


@given(VALUES)
def test_no_value_makes_another_output(values: dict[str, str]):
    assert read(output_lines(values, "ab")) == values


@pytest.mark.parametrize("name", ["", "a\nb", "a<<b", "A", "a=b"])
def test_a_name_is_a_name(name: str):
    with pytest.raises(ValueError, match="is no name of an output"):
        output_lines({name: "x"}, "ab")
