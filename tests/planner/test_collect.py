"""What may be deleted: never what a kept state or a deployment refers to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.kinds.facts import Kept
from dpo_ops.planner import Action, Verb
from dpo_ops.planner.collect import MOST, Collected, collect
from dpo_ops.resource import Keeping, Policy, Resource, State, last_segment
from tests.wanted import (
    dataset,
    deployment,
    job,
    job_record,
    make,
    own_job,
    ready_model,
    record,
    served,
    state,
    uploaded,
)

Records = dict[str, list[dict[str, Any]]]
_NEEDLESS = "no kept commit and no deployment refers to it"
OLD, NEW, BEFORE = "2026-01-01T00:00:00Z", "2026-11-20T08:00:00.5Z", "2026-10-24T00:00:00Z"


@dataclass(frozen=True)
class Made:
    """One generation: what its specs want, and the records that an apply of it leaves."""

    data: Resource
    tune: Resource
    serve: Resource

    @property
    def state(self) -> State:
        return state(self.data, self.tune, self.serve)

    def records(self, time: str = OLD, *, attempts: int = 1) -> Records:
        at = {"createTime": time}
        job_name = f"accounts/-/dpoJobs/{self.tune.id}-a{attempts}"
        words = [*["FAILED"] * (attempts - 1), "COMPLETED"]
        return {
            "datasets": [uploaded(self.data) | at],
            "dpoJobs": [job_record(self.tune, n, w, **at) for n, w in enumerate(words, 1)],
            "models": [ready_model(self.tune) | at | {"fineTuningJob": job_name}],
            "deployments": [],
            "deployedModels": [],
        }


def made(text: str = "a", **training: Any) -> Made:
    data = dataset(text=text)
    tune = job(data, **training)
    return Made(data, tune, deployment(tune))


def together(*held: Records) -> Records:
    found: Records = {}
    for records in held:
        for collection, rows in records.items():
            there = found.setdefault(collection, [])
            there += [row for row in rows if row["name"] not in {one["name"] for one in there}]
    return found


def gone(found: Collected) -> list[str]:
    return [s.name for c in found.plan.changes for s in c.steps if s.verb is Verb.DELETE]


def reasons(found: Collected) -> dict[str, str]:
    return {str(c.address): c.reason for c in found.plan.changes}


def ask(records: Records, *kept: Made, before: str = BEFORE) -> Collected:
    return collect("acme", "default", records, [("HEAD", m.state) for m in kept], before=before)


A, B, C = made("a"), made("b"), made("b", epochs=2)


def test_what_nothing_refers_to_goes_the_dependents_first():
    found = ask(together(A.records(attempts=2), B.records()), B)
    assert gone(found) == [
        f"models/{A.tune.id}",
        f"dpoJobs/{A.tune.id}-a1",
        f"dpoJobs/{A.tune.id}-a2",
        f"datasets/{A.data.id}",
    ]
    first, second = found.plan.changes[:2]
    assert second.needs == (first.address,)
    assert (found.doomed, found.marked) == (4, 7)
    kept = {a: r for a, r in reasons(found).items() if r.startswith("kept")}
    assert kept == {
        f"Dataset/{B.data.id}": "kept: HEAD refers to it",
        f"DPOJob/{B.tune.id}": "kept: HEAD refers to it",
    }


def test_nothing_is_kept_and_everything_is_old():
    found = ask(together(A.records(), B.records()))
    assert (found.doomed, found.marked) == (6, 6)


def test_a_dataset_that_a_kept_job_was_trained_on_stays():
    other = made("b", epochs=2)
    found = ask(together(B.records(), other.records()), other)
    assert gone(found) == [f"models/{B.tune.id}", f"dpoJobs/{B.tune.id}-a1"]


@pytest.mark.parametrize("word", ["READY", "FAILED", "DELETING", "DELETED", "NEVER_SEEN"])
def test_what_any_deployment_serves_stays_with_all_that_it_came_from(word: str):
    foreign = served(A.serve, word) | {"annotations": {}, "name": "accounts/-/deployments/theirs"}
    found = ask(A.records() | {"deployments": [foreign]})
    assert gone(found) == []
    assert reasons(found)[f"DPOJob/{A.tune.id}"] == "kept: deployments/theirs refers to it"
    assert reasons(found)[f"Dataset/{A.data.id}"].startswith("kept: dpoJobs/")


def test_what_is_loaded_onto_a_deployment_stays():
    loaded = record("deployedModels", "x", model=f"accounts/-/models/{A.tune.id}")
    assert gone(ask(A.records() | {"deployedModels": [loaded]})) == []
    spelled = record("deployedModels", "x", model=f"accounts/acme/models/{A.tune.id}")
    assert gone(ask(A.records() | {"deployedModels": [spelled]})) == []
    elsewhere = record("deployedModels", "x", model=f"accounts/other/models/{A.tune.id}")
    assert len(gone(ask(A.records() | {"deployedModels": [elsewhere]}))) == 3


def test_what_somebody_elses_job_is_trained_on_or_goes_on_from_stays():
    theirs = record("dpoJobs", "theirs", dataset=f"accounts/-/datasets/{A.data.id}")
    assert gone(ask(together(A.records(), {"dpoJobs": [theirs]}))) == [
        f"models/{A.tune.id}",
        f"dpoJobs/{A.tune.id}-a1",
    ]
    warm = {"warmStartFrom": f"accounts/-/models/{A.tune.id}"}
    theirs = record("dpoJobs", "theirs", trainingConfig=warm)
    assert gone(ask(together(A.records(), {"dpoJobs": [theirs]}))) == []


def test_what_carries_no_mark_or_anothers_is_left_alone():
    for name in ("", "prefs [dpo-ops:other]", "[dpo-ops:default] prefs"):
        records = A.records()
        for rows in records.values():
            for row in rows:
                row["displayName"] = name
        found = ask(records)
        assert (gone(found), found.plan.changes, found.marked) == ([], (), 0)


def test_a_model_that_another_job_made_is_not_ours():
    records = A.records()
    records["models"][0]["fineTuningJob"] = "accounts/-/dpoJobs/theirs"
    records["dpoJobs"].append(record("dpoJobs", "theirs", createTime=OLD))
    assert f"models/{A.tune.id}" not in gone(ask(records))


def test_what_is_recent_stays_and_what_it_rests_on():
    records = A.records()
    records["models"][0]["createTime"] = NEW
    found = ask(records)
    assert gone(found) == []
    assert "was created at 2026-11-20T08:00:00.5Z, which is too recent" in str(reasons(found))
    assert len(gone(ask(records, before=""))) == 3
    records["models"][0]["createTime"] = BEFORE
    assert gone(ask(records)) == []


@pytest.mark.parametrize("time", ["", "yesterday", "2026-01-01T00:00:00+02:00", None])
def test_what_says_no_time_stays(time: str | None):
    records = A.records()
    records["datasets"][0]["createTime"] = time
    assert f"datasets/{A.data.id}" not in gone(ask(records))
    # Where any age will do, none is asked for, nor said.
    found = collect("acme", "default", records, [])
    assert f"datasets/{A.data.id}" in gone(found)
    why = f"{_NEEDLESS}; of {time}" if time else _NEEDLESS
    assert reasons(found)[f"Dataset/{A.data.id}"] == why


@pytest.mark.parametrize("word", ["RUNNING", "PAUSED", "CANCELLING", "NEVER_SEEN"])
def test_what_is_under_way_stays(word: str):
    records = A.records()
    records["dpoJobs"] = [job_record(A.tune, 1, word, createTime=OLD)]
    records["models"] = []
    found = ask(records)
    assert gone(found) == []
    assert f"kept: {A.tune.id}-a1 is " in reasons(found)[f"DPOJob/{A.tune.id}"]


def test_an_attempt_that_is_over_stays_because_of_the_one_under_way():
    records = A.records(attempts=2)
    records["dpoJobs"][1]["state"] = "JOB_STATE_RUNNING"
    records["models"] = []
    why = f"kept: {A.tune.id}-a2 is training"
    assert reasons(ask(records))[f"DPOJob/{A.tune.id}"] == why


def test_a_model_is_ours_though_nothing_but_its_maker_carries_the_mark():
    records = A.records()
    records["datasets"] = []
    assert gone(ask(records)) == [f"models/{A.tune.id}", f"dpoJobs/{A.tune.id}-a1"]


def test_a_trace_of_a_deleted_job_is_nothing_to_delete_but_still_says_whose_the_model_is():
    records = A.records()
    records["dpoJobs"] = [job_record(A.tune, 1, "DELETED", createTime=OLD)]
    assert gone(ask(records)) == [f"models/{A.tune.id}", f"datasets/{A.data.id}"]
    records["models"] = []
    assert gone(ask(records)) == [f"datasets/{A.data.id}"]


def test_a_model_trained_on_own_compute_goes_by_its_own_mark():
    data = dataset()
    tune = own_job(data)
    model = record("models", tune.id, **tune.body, state="READY", createTime=OLD)
    assert gone(ask({"models": [model]})) == [f"models/{tune.id}"]
    wanted = [("HEAD", state(data, tune))]
    assert gone(collect("acme", "default", {"models": [model]}, wanted)) == []


def test_what_a_spec_or_a_stack_protects_stays_in_all_its_generations():
    newer, none = B.state, state(B.data)
    for said in ({"protect": True}, {"deletionPolicy": "retain"}):
        tune = replace(B.tune, keeping=_keeping(said))
        found = collect("acme", "default", A.records(), [("HEAD", state(B.data, tune))])
        assert gone(found) == []
        assert reasons(found)[f"DPOJob/{A.tune.id}"] == "kept: a spec of DPOJob/tune says so"
    for pattern in ("DPOJob/tune", "DPOJob/*"):
        policy = State(dict(none), policy=Policy(protected=(pattern,)))
        assert gone(collect("acme", "default", A.records(), [("HEAD", policy)])) == []
    assert len(gone(collect("acme", "default", A.records(), [("HEAD", newer)]))) == 3


def _keeping(said: dict[str, Any]) -> Keeping:
    return Kept.model_validate(said).keeping()


def test_those_that_refer_to_each_other_in_a_ring_stay():
    one, two = A.records(), B.records()
    one["datasets"][0]["externalUrl"] = f"accounts/-/datasets/{B.data.id}"
    two["datasets"][0]["externalUrl"] = f"accounts/-/datasets/{A.data.id}"
    found = ask(together(one, two))
    assert not any("datasets/" in name for name in gone(found))
    assert reasons(found)[f"Dataset/{A.data.id}"] == "kept: it is part of a ring"


def test_too_much_is_refused_unless_a_number_says_otherwise():
    found = ask(together(A.records(), B.records()), B)
    assert found.refused(None) == ""  # 3 of 6
    most = ask(together(A.records(), B.records(), C.records()), B)
    assert most.doomed == 5
    assert most.refused(None) == "that is above 50% of what carries the mark of the stack"
    assert most.refused(5) == ""
    assert most.refused(4) == "that is above --at-most 4"
    many = together(*(made("a", epochs=n).records() for n in range(1, 12)))
    keep = [("HEAD", made("c", epochs=n).state) for n in range(1, 40)]
    for n in range(1, 40):
        many = together(many, made("c", epochs=n).records())
    found = collect("acme", "default", many, keep)
    assert (found.doomed, found.refused(None)) == (23, "that is above 20")


# The law

MADES = [
    made(text, **training) for text in "ab" for training in ({}, {"epochs": 2}, {"loraRank": 16})
]
applied = st.lists(
    st.tuples(
        st.integers(0, len(MADES) - 1),
        st.sampled_from([OLD, NEW]),
        st.integers(1, 2),
        st.sampled_from(["", "READY", "DELETED"]),
    ),
    max_size=8,
)


@given(history=applied, last=st.integers(1, 4), loaded=st.sets(st.integers(0, 5), max_size=1))
def test_never_what_the_last_commits_or_any_deployment_refer_to(
    history: list[tuple[int, str, int, str]], last: int, loaded: set[int]
):
    held: Records = {}
    for index, time, attempts, word in history:
        one = MADES[index]
        running = [served(one.serve, word)] if word else []
        held = together(held, one.records(time, attempts=attempts), {"deployments": running})
    held["deployedModels"] = [
        record("deployedModels", f"l{i}", model=f"accounts/-/models/{MADES[i].tune.id}")
        for i in loaded
    ]
    kept = [MADES[index] for index, *_ in history[-last:]]
    found = ask(held, *kept)
    doomed = set(gone(found))
    for one in kept:
        assert f"datasets/{one.data.id}" not in doomed
        assert not {name for name in doomed if name.split("/")[1].startswith(one.tune.id)}
    serving = {last_segment(d["baseModel"]) for d in held.get("deployments", [])}
    serving |= {last_segment(d["model"]) for d in held["deployedModels"]}
    assert not {f"models/{id_}" for id_ in serving} & doomed
    recent = {
        f"{collection}/{last_segment(row['name'])}"
        for collection, rows in held.items()
        for row in rows
        if row.get("createTime") == NEW
    }
    assert not recent & doomed
    # What is left refers to nothing that went.
    for collection, rows in held.items():
        for row in rows:
            name = f"{collection}/{last_segment(row['name'])}"
            if name not in doomed:
                texts = str({key: value for key, value in row.items() if key != "name"})
                assert not [gone_ for gone_ in doomed if f"accounts/-/{gone_}'" in texts]
    # And what could go and was not needed by anything is not kept for nothing.
    for change in found.plan.changes:
        assert (change.action is Action.DELETE) == bool(change.steps)
        assert change.reason.startswith("kept: ") or change.steps


def test_what_is_said_of_what_goes_and_that_it_does_not_come_back() -> None:
    old, new = made("a"), made("b")
    records = together(old.records(), new.records(NEW))
    found = collect("acme", "default", records, [("HEAD", new.state)])
    assert (found.plan.account, found.plan.stack) == ("acme", "default")
    going = [change for change in found.plan.changes if change.action is Action.DELETE]
    assert going
    for change in going:
        assert change.reason == f"no kept commit and no deployment refers to it; of {OLD}"
        assert change.reversible is False
        assert change.id == ", ".join(last_segment(step.name) for step in change.steps)
    for change in found.plan.changes:
        if change not in going:
            assert (change.action, change.steps) == (Action.NO_OP, ())
            assert change.reason.startswith("kept: ")
            assert change.health


def test_a_served_model_keeps_its_job_and_its_data_though_it_does_not_name_its_job():
    records = A.records()
    del records["models"][0]["fineTuningJob"]
    foreign = served(A.serve) | {"annotations": {}, "name": "accounts/-/deployments/theirs"}
    found = ask(records | {"deployments": [foreign]})
    assert gone(found) == []
    assert reasons(found)[f"DPOJob/{A.tune.id}"] == "kept: deployments/theirs refers to it"


def test_what_a_kept_spec_names_in_full_stays_whoever_made_it():
    full = f"accounts/-/models/{A.tune.id}"
    serve = make("Deployment", "serve", {"model": full})
    found = collect("acme", "default", A.records(), [("HEAD", state(serve))], before=BEFORE)
    assert gone(found) == []
    config = {"warmStartFrom": full, "epochs": 1}
    said = {"dataset": "prefs", "trainer": "trl", "weights": "w", "trainingConfig": config}
    warm = make("DPOJob", "more", said, links={"dataset": dataset(text="c")})
    found = collect("acme", "default", A.records(), [("HEAD", state(warm))], before=BEFORE)
    assert gone(found) == []


def test_what_is_recent_stays_though_its_job_is_only_a_trace():
    records = A.records()
    records["dpoJobs"] = [job_record(A.tune, 1, "DELETED", createTime=OLD)]
    records["models"][0]["createTime"] = NEW
    assert f"models/{A.tune.id}" not in gone(ask(records))


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_as_may_go_at_once_may_go(more: int):
    found = collect("acme", "default", {}, [])
    many = replace(found, doomed=MOST + more, marked=1000)
    assert bool(many.refused(None)) is bool(more)
