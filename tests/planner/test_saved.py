"""A plan in a file is read back as it was, or refused; and what changed since is held."""

from __future__ import annotations

import copy
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpo_ops import __version__
from dpo_ops.errors import PlanError
from dpo_ops.executor.events import Outcome
from dpo_ops.planner import Accounted, fingerprint, plan
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.resource import Accepted, Health, Observed, Policy, State, Tokens
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.laws.worlds import World, worlds
from tests.rehearsal import Rehearsal
from tests.wanted import state

many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def through_a_file(said: dict[str, Any]) -> Any:
    return json.loads(json.dumps(said))


@many
@given(world=worlds())
def test_what_was_saved_is_read_back_and_applies_as_it_was_planned(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder, Rehearsal() as rehearsal:
        desired = world.load(Path(folder))
        planned = rehearsal.plan(desired)
        saved = restore(through_a_file(save(planned, desired)))
        assert dict(saved.desired) == dict(desired)
        assert saved.fingerprint == fingerprint(planned)
        again = hold(rehearsal.plan(saved.desired), saved)
        assert fingerprint(again) == fingerprint(planned)
        assert rehearsal.run(again).exit_code == 0


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for n, inner in enumerate(value) for leaf in leaves(inner, (*path, n))]
    return [path]


def edited(said: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(said)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    before = inner[path[-1]]
    inner[path[-1]] = "other" if before != "other" else "another"
    return changed


def two(folder: Path, most: int = 2) -> State:
    data = dataset(folder, "prefs", "".join(ROW % n for n in range(3)))
    job = wanted.job(data)
    serving = {"minReplicaCount": 0, "maxReplicaCount": most}
    return state(
        data,
        job,
        wanted.deployment(job, "left", **serving),
        wanted.deployment(job, "right", **serving),
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path_factory.mktemp("said"))
        return through_a_file(save(rehearsal.plan(desired), desired))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_is_edited_is_seen(said: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(said)))
    with pytest.raises(PlanError):
        restore(edited(said, path))


@pytest.mark.parametrize("foreign", [None, [], {}, "plan", {"format": "tfplan"}, {"version": 1}])
def test_what_is_no_plan_of_ours_is_refused(foreign: Any) -> None:
    with pytest.raises(PlanError, match="no saved plan"):
        restore(foreign)


def test_a_newer_version_is_named(said: Any) -> None:
    newer = {**said, "version": 2, "plan": {**said["plan"], "tool": "dpo-ops 9.1"}}
    with pytest.raises(PlanError) as caught:
        restore(newer)
    assert "dpo-ops 9.1" in caught.value.why


def test_another_account_is_refused(said: Any) -> None:
    saved = restore(said)
    with Rehearsal() as rehearsal:
        fresh = rehearsal.plan(saved.desired)
        other = through_a_file({**said, "plan": {**said["plan"], "account": "other"}})
        other.pop("checksum")
        with pytest.raises(PlanError, match="not as it was written"):
            restore(other)
        with pytest.raises(PlanError, match="another account"):
            hold(fresh, type(saved)("other", saved.fingerprint, saved.desired, saved.approved))


def replicas(rehearsal: Rehearsal, name: str, most: int) -> None:
    found = [d for d in rehearsal.client.list("deployments") if f"/{name}-" in d["name"]]
    body = {"baseModel": found[0]["baseModel"], "maxReplicaCount": most}
    rehearsal.client.patch(found[0]["name"], body, {"updateMask": "max_replica_count"})


@pytest.mark.parametrize("touched", ["left", "right"])
def test_law_7_what_was_touched_between_plan_and_apply_is_held_and_the_rest_goes_on(
    touched: str, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(two(tmp_path)).exit_code == 0
        desired = two(tmp_path, most=3)
        saved = restore(through_a_file(save(rehearsal.plan(desired), desired)))
        replicas(rehearsal, touched, 5)
        report = rehearsal.run(hold(rehearsal.plan(saved.desired), saved))
        ended = {end.address.name: end for end in report.ended}
        other = "right" if touched == "left" else "left"
        assert ended[touched].outcome is Outcome.BLOCKED
        assert "maxReplicaCount 2 → 3" in ended[touched].message
        assert "maxReplicaCount 5 → 3" in ended[touched].message
        assert ended[other].outcome is Outcome.DONE
        assert report.exit_code == 1
        now = {d["name"].split("/")[-1][:-11]: d for d in rehearsal.client.list("deployments")}
        assert now[touched]["maxReplicaCount"] == 5
        assert now[other]["maxReplicaCount"] == 3


def test_what_was_in_place_and_is_not_any_more_is_held(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        assert rehearsal.apply(desired).exit_code == 0
        saved = restore(through_a_file(save(rehearsal.plan(desired), desired)))
        replicas(rehearsal, "left", 4)
        rehearsal.forget_requests()
        report = rehearsal.run(hold(rehearsal.plan(saved.desired), saved))
        assert report.exit_code == 1
        assert rehearsal.writes() == []


def test_another_attempt_at_a_paid_job_was_not_approved(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        saved = restore(through_a_file(save(rehearsal.plan(desired), desired)))
        override = {"job": "*-a1", "at": "JOB_STATE_RUNNING", "state": "JOB_STATE_FAILED"}
        rehearsal.admin("POST", "settings", {"jobOverrides": [override]})
        first = rehearsal.run(hold(rehearsal.plan(saved.desired), saved))
        assert first.exit_code == 1
        again = rehearsal.run(hold(rehearsal.plan(saved.desired), saved))
        assert again.exit_code == 1
        assert len(rehearsal.jobs()) == 1


def test_a_run_that_was_cut_short_is_ended_by_the_same_plan(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        saved = restore(through_a_file(save(rehearsal.plan(desired), desired)))
        stopped = iter([False] * 12)
        rehearsal.run(hold(rehearsal.plan(saved.desired), saved), stop=lambda: next(stopped, True))
        report = rehearsal.run(hold(rehearsal.plan(saved.desired), saved))
        assert report.exit_code == 0, report.ended
        assert len(rehearsal.jobs()) == 1


def test_a_plan_that_somebody_else_carried_out_has_nothing_left_to_hold(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        desired = two(tmp_path)
        saved = restore(through_a_file(save(rehearsal.plan(desired), desired)))
        assert rehearsal.apply(desired).exit_code == 0
        assert rehearsal.run(hold(rehearsal.plan(saved.desired), saved)).exit_code == 0


def refused(said: Any) -> tuple[str, str, str]:
    with pytest.raises(PlanError) as caught:
        restore(said)
    return caught.value.what, caught.value.why, caught.value.fix


def test_what_a_refused_file_is_told_in_full(said: Any) -> None:
    again = "make a new one with `dpo-ops plan --out`"
    assert refused({}) == ("the file is no saved plan", "", again)
    tool = {**said["plan"], "tool": "dpo-ops 9.1"}
    why = f"it was written by dpo-ops 9.1, this is dpo-ops {__version__}"
    for newer in ({"version": 2}, {"major": "9"}):
        told = refused({**said, **newer, "plan": tool})
        assert told == ("the plan is of another version", why, again)
    assert said["major"] == __version__.split(".", maxsplit=1)[0]
    why = "its checksum is not that of what it holds: it was edited, or is not whole"
    assert refused({**said, "plan": tool}) == ("the plan is not as it was written", why, again)
    saved = restore(through_a_file(said))
    with Rehearsal() as rehearsal, pytest.raises(PlanError) as caught:
        hold(rehearsal.plan(saved.desired), replace(saved, account="other"))
    error = caught.value
    assert (error.what, error.why, error.fix) == (
        "the plan is for another account",
        "it was made for other, this is emulator",
        again,
    )


def test_a_saved_plan_brings_along_what_its_stack_allows_and_what_its_data_holds() -> None:
    accepted = Accepted("Deployment/*", "ann", "2026-12-31", "a load test", "idle", "x")
    policy = Policy(7.5, 1, 0.5, ("accounts/x/*",), ("NVIDIA_*",), ("Deployment/p*",), (accepted,))
    data = replace(wanted.dataset(), stack="team")
    assert data.content
    tokens = Tokens(prompt=1, preferred=2, other=3)
    known = replace(data, place=None, content=replace(data.content, tokens=tokens))
    desired = State({known.address: known}, stack="team", policy=policy)
    seen = Accounted("acme", {known.address: Observed(known.id, Health.NOT_FOUND, next_id="x")})
    read = restore(through_a_file(save(plan(desired, seen, {}), desired)))
    assert (read.desired.stack, read.desired.policy) == ("team", policy)
    assert dict(read.desired) == dict(desired)
