"""What came of what: decided from commits and records as plain values."""

from __future__ import annotations

from typing import Any

import pytest

from dpo_ops.errors import Finding, Place
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Document
from dpo_ops.planner.history import How, Standing, history, maker, settings
from dpo_ops.planner.lineage import Graph, Tree, graph, tree
from dpo_ops.planner.releases import Commit, Release
from dpo_ops.resource import Address, State
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

A, B = dataset(text="a"), dataset(text="b")
JOB_A, JOB_B = job(A), job(B)
SERVE_A, SERVE_B = deployment(JOB_A), deployment(JOB_B)
ONE, TWO = state(A, JOB_A, SERVE_A), state(B, JOB_B, SERVE_B)
TUNE = Address("DPOJob", "tune")


def commit(number: int) -> Commit:
    hash_ = f"{number:040x}"[::-1]
    return Commit(hash_, hash_[:7], f"2026-11-0{number}T00:00:00+00:00", "Ada", f"number {number}")


def past(*states: State | None) -> tuple[Release, ...]:
    """Return releases of these states, given oldest first, in the order of Git."""
    broken = (Finding("a.yaml", "is wrong"),)
    made = [
        Release(commit(n), desired, findings=() if desired is not None else broken)
        for n, desired in enumerate(states, 1)
    ]
    return tuple(reversed(made))


RECORDS: dict[str, list[dict[str, Any]]] = {
    "datasets": [uploaded(A), uploaded(B)],
    "dpoJobs": [job_record(JOB_A, 1, "FAILED"), job_record(JOB_A, 2, "COMPLETED")],
    "models": [
        ready_model(JOB_A)
        | {
            "fineTuningJob": f"accounts/-/dpoJobs/{JOB_A.id}-a2",
            "deployedModelRefs": [{"deployment": f"accounts/-/deployments/{SERVE_A.id}"}],
        }
    ],
    "deployments": [served(SERVE_A)],
    "deployedModels": [],
}


def test_what_each_commit_made_the_newest_first():
    found = history(past(ONE, TWO, ONE, ONE, None), "acme", None)
    assert [entry.commit.subject for entry in found] == [f"number {n}" for n in (5, 4, 3, 2, 1)]
    assert [[made.how for made in entry.made] for entry in found] == [
        [],
        [How.SAME],
        [How.AGAIN],
        [How.NEW],
        [How.NEW],
    ]
    assert found[0].findings
    first = found[-1].made[0]
    assert (first.address, first.model, first.standing, first.serving) == (TUNE, JOB_A.id, None, ())
    assert A.content
    assert first.digest == A.content.digest


def test_a_commit_that_nobody_can_read_forgets_nothing():
    found = history(past(ONE, None, ONE), "acme", None)
    assert [made.how for made in found[0].made] == [How.SAME]


@pytest.mark.parametrize(
    ("records", "standing"),
    [
        ({}, Standing.GONE),
        ({"dpoJobs": [job_record(JOB_A, 1, "RUNNING")]}, Standing.TRAINING),
        ({"dpoJobs": [job_record(JOB_A, 1, "FAILED")]}, Standing.FAILED),
        ({"dpoJobs": [job_record(JOB_A, 1, "NEVER_SEEN")]}, Standing.UNKNOWN),
        (RECORDS, Standing.READY),
    ],
)
def test_how_a_model_is_now(records: dict[str, Any], standing: Standing):
    assert history(past(ONE), "acme", records)[0].made[0].standing is standing


def test_what_a_model_is_and_what_the_account_says_of_it():
    def message(one: dict[str, Any]) -> str:
        return history(past(ONE), "acme", {"dpoJobs": [one]})[0].made[0].message

    assert message(job_record(JOB_A, 1, "RUNNING")) == "training"
    other = job_record(JOB_A, 1, "RUNNING", dataset="accounts/-/datasets/other")
    assert "dataset" in message(other)


def test_a_model_of_somebody_elses_data_has_no_digest():
    facts = KINDS["Dataset"].elsewhere
    assert facts
    spec = facts.spec.model_validate({"external": True, "id": "accounts/acme/datasets/theirs"})
    theirs = facts.desire(
        Document(Address("Dataset", "theirs"), spec, {}, Place("a.yaml"), {}), {}, "default"
    )
    assert history(past(state(theirs, job(theirs))), "acme", None)[0].made[0].digest == ""


def test_what_serves_is_only_what_is_up():
    def serving(**records: Any) -> tuple[str, ...]:
        return history(past(ONE), "acme", RECORDS | records)[0].made[0].serving

    assert serving() == (SERVE_A.id,)
    assert serving(deployments=[served(SERVE_A, "CREATING")]) == ()
    assert serving(deployments=[served(SERVE_A, "DELETED")]) == ()
    other = record("deployments", "shared", state="READY", baseModel="accounts/x/models/base")
    loaded = record(
        "deployedModels",
        "l",
        model=f"accounts/acme/models/{JOB_A.id}",
        deployment="accounts/acme/deployments/shared",
    )
    assert serving(deployments=[other], deployedModels=[loaded]) == ("shared",)
    assert serving(deployments=[], deployedModels=[loaded]) == ()


def names(found: Tree) -> list[Any]:
    return [found.node.id, *map(names, found.under)]


def came_from(found: Graph, name: str) -> list[Any]:
    return names(tree(found, name, found.origins))


def came_of(found: Graph, name: str) -> list[Any]:
    return names(tree(found, name, found.results()))


def test_a_deployment_is_followed_to_its_commit():
    found = graph(past(ONE, TWO), "acme", RECORDS)
    first = commit(1).id
    attempt = f"{JOB_A.id}-a"
    wanted = [
        SERVE_A.id,
        [
            JOB_A.id,
            [f"{attempt}1", [A.id, [first]]],
            [f"{attempt}2", [A.id]],
            [first],
        ],
        [first],
    ]
    assert came_from(found, f"deployments/{SERVE_A.id}") == wanted


def test_data_and_commits_are_followed_to_what_was_made_of_them():
    found = graph(past(ONE), "acme", RECORDS | {"dpoJobs": RECORDS["dpoJobs"][1:]})
    line = [A.id, [f"{JOB_A.id}-a2", [JOB_A.id, [SERVE_A.id]]]]
    assert came_of(found, f"datasets/{A.id}") == line
    assert came_of(found, f"commits/{commit(1).id}") == [commit(1).id, line]


def test_without_the_account_the_specs_say_it():
    found = graph(past(ONE, TWO, ONE), "-", None)
    assert came_from(found, f"deployments/{SERVE_A.id}")[1][:2] == [
        JOB_A.id,
        [A.id, [commit(1).id]],
    ]
    node = found.nodes[f"models/{JOB_A.id}"]
    assert (node.more, node.state, node.address) == (1, "", "DPOJob/tune")
    assert found.nodes[f"models/{JOB_B.id}"].address == ""


def test_a_model_of_ones_own_is_followed_to_its_data_by_its_description():
    tune = own_job(A)
    model = record("models", tune.id, **tune.body, state="READY")
    found = graph(past(state(A)), "acme", {"models": [model]})
    assert came_from(found, f"models/{tune.id}") == [tune.id, [A.id, [commit(1).id]]]
    alone = graph((), "acme", {"models": [model]})
    assert A.content
    assert came_from(alone, f"models/{tune.id}") == [tune.id, [A.content.digest]]
    hostile = model | {"description": 'trained by dpo-ops: {"dataset": {"x": 1}}'}
    assert came_from(graph((), "acme", {"models": [hostile]}), f"models/{tune.id}") == [tune.id]


def test_a_warm_start_comes_from_the_earlier_model():
    training = {
        "warmStartFrom": f"accounts/-/models/{JOB_A.id}",
        "outputModel": "accounts/-/models/w",
    }
    records = RECORDS | {
        "dpoJobs": [*RECORDS["dpoJobs"], record("dpoJobs", "theirs", trainingConfig=training)],
        "models": [
            *RECORDS["models"],
            record("models", "w", fineTuningJob="accounts/-/dpoJobs/theirs"),
        ],
    }
    found = graph(past(ONE), "acme", records)
    line = came_from(found, "models/w")
    assert line == ["w", ["theirs", came_from(found, f"models/{JOB_A.id}")]]


def test_without_the_account_data_and_foreign_models_are_found_in_the_specs():
    tune = own_job(A)
    found = graph(past(state(A, tune)), "-", None)
    first = [commit(1).id]
    assert came_from(found, f"models/{tune.id}") == [tune.id, [A.id, first], first]
    serve = make("Deployment", "serve", {"model": "accounts/-/models/theirs"})
    found = graph(past(state(serve)), "-", None)
    assert found.nodes["models/theirs"].state == ""
    assert came_from(found, f"deployments/{serve.id}") == [serve.id, ["theirs"], first]


def test_what_there_are_no_specs_for_is_followed_where_it_can_be_an_origin():
    """A dataset made by some other service; and what refers the other way is no origin."""
    records = {
        "evaluators": [
            record("evaluators", "e", sees="accounts/-/datasets/d", judges="accounts/-/models/m")
        ],
        "datasets": [
            record("datasets", "d", job="accounts/-/dpoJobs/j", by="accounts/-/evaluators/e")
        ],
        "dpoJobs": [record("dpoJobs", "j", dataset="accounts/-/datasets/d")],
        "models": [record("models", "m")],
    }
    found = graph((), "acme", records)
    assert found.origins == {
        "evaluators/e": {"datasets/d"},
        "datasets/d": {"evaluators/e"},
        "dpoJobs/j": {"datasets/d"},
    }
    assert found.nodes["evaluators/e"].state == ""


def test_what_is_shown_already_is_not_opened_twice():
    found = graph(past(ONE), "acme", RECORDS)
    whole = tree(found, f"models/{JOB_A.id}", found.origins)
    shown = [(one.node.id, one.seen) for job in whole.under for one in job.under]
    assert shown == [(A.id, False), (A.id, True)]
    # A commit came from nothing: there is nothing under it that could be shown elsewhere.
    (data,) = whole.under[0].under
    assert [(one.node.id, one.seen) for one in data.under] == [(commit(1).id, False)]
    assert (whole.under[-1].node.id, whole.under[-1].seen) == (commit(1).id, False)


def test_a_ring_ends():
    records = {
        "models": [
            record("models", "a", peftDetails={"baseModel": "accounts/-/models/b"}),
            record("models", "b", peftDetails={"baseModel": "accounts/-/models/a"}),
        ]
    }
    found = graph((), "acme", records)
    assert came_from(found, "models/a") == ["a", ["b", ["a"]]]


def test_what_can_be_meant():
    found = graph(past(ONE, TWO), "acme", RECORDS)
    model = [f"models/{JOB_A.id}"]
    for asked in (
        JOB_A.id,
        f"models/{JOB_A.id}",
        f"accounts/acme/models/{JOB_A.id}",
        f"accounts/-/models/{JOB_A.id}",
    ):
        assert found.find(asked) == model
    assert found.find("DPOJob/tune") == [f"models/{JOB_B.id}"]
    assert found.find("tune") == [f"models/{JOB_B.id}"]
    assert found.find(commit(1).id[:7]) == [f"commits/{commit(1).id}"]
    assert A.content
    assert found.find(A.content.digest[:12]) == [f"datasets/{A.id}"]
    # The beginning of a hash will do, if it is not too short to mean one.
    assert found.find(commit(1).id[:4]) == [f"commits/{commit(1).id}"]
    assert found.find(commit(1).id[:3]) == []
    assert found.find(A.content.digest[:10]) == [f"datasets/{A.id}"]
    assert found.find(A.content.digest[:9]) == []
    assert found.find("accounts/other/models/x") == []
    assert found.find("") == []


def test_the_part_around_a_node_has_no_other_branches():
    found = graph(past(ONE, TWO), "acme", RECORDS).around(f"models/{JOB_A.id}")
    assert f"datasets/{A.id}" in found.nodes
    last = graph(past(ONE, TWO), "acme", RECORDS).around(f"datasets/{A.id}")
    assert f"deployments/{SERVE_A.id}" in last.nodes
    assert not {f"datasets/{B.id}", f"models/{JOB_B.id}"} & set(found.nodes)


def test_the_first_commit_that_wants_a_model_made_it():
    found = maker(past(TWO, ONE, ONE), f"models/{JOB_A.id}")
    assert found
    release, resource = found
    assert (release.commit, resource.id) == (commit(2), JOB_A.id)
    assert maker(past(ONE), "models/other") is None


def test_settings_are_what_was_sent_and_what_the_platform_filled_in():
    sent = JOB_A.body
    shown = {
        "trainingConfig": {
            **sent["trainingConfig"],
            "learningRate": 2e-5,
            "maxContextLength": 0,
            "warmStartFrom": "",
            "loraTargetModules": [],
            "optimizerWeightDecay": None,
        },
        "lossConfig": {"method": "DPO", "dpo": {"beta": 0.1}, "orpo": {"lambda": "X_UNSPECIFIED"}},
        "displayName": "x",
        "state": "JOB_STATE_COMPLETED",
    }
    found = settings(KINDS["DPOJob"], sent, shown, "acme")
    assert [(path, value, said) for path, value, said in found if not said] == [
        ("lossConfig.dpo.beta", 0.1, False),
        ("trainingConfig.learningRate", 2e-5, False),
    ]
    paths = [path for path, _, said in found if said]
    assert paths == [
        "lossConfig.method",
        "trainingConfig.baseModel",
        "trainingConfig.epochs",
        "trainingConfig.loraRank",
    ]
    assert {said for *_, said in settings(KINDS["DPOJob"], None, shown, "acme")} == {None}


def test_the_whole_of_what_came_of_what() -> None:
    """Commits, what they wanted, and what the account holds of it, or does not hold any more."""
    day = "2026-11-0{}T00:00:00Z"
    loaded = record(
        "deployedModels",
        "tune-on-serve",
        state="DEPLOYED",
        model=f"accounts/acme/models/{JOB_A.id}",
        deployment=f"accounts/acme/deployments/{SERVE_A.id}",
    )
    old = record(
        "dpoJobs", "old-0-a1", state="JOB_STATE_COMPLETED", dataset="accounts/-/datasets/x"
    )
    records = {
        collection: [{**row, "createTime": day.format(n)} for n, row in enumerate(rows, 1)]
        for collection, rows in {**RECORDS, "deployedModels": [loaded]}.items()
    }
    records["dpoJobs"].append(old)
    found = graph(past(ONE, TWO, None, ONE), "acme", records)
    model, data, serve = f"models/{JOB_A.id}", f"datasets/{A.id}", f"deployments/{SERVE_A.id}"
    other, rows, idle = f"models/{JOB_B.id}", f"datasets/{B.id}", f"deployments/{SERVE_B.id}"
    commits = [f"commits/{commit(n).id}" for n in (1, 2, 3, 4)]
    nodes = {
        name: (node.address, node.state, node.created, node.more)
        for name, node in found.nodes.items()
        if not node.commit
    }
    assert nodes == {
        model: ("DPOJob/tune", "its adapter is in the account", day.format(1), 1),
        data: ("Dataset/prefs", "ready", day.format(1), 1),
        serve: ("Deployment/serve", "ready", day.format(1), 1),
        other: ("", "not in the account", "", 0),
        rows: ("", "ready", day.format(2), 0),
        idle: ("", "not in the account", "", 0),
        f"dpoJobs/{JOB_A.id}-a1": ("", "failed", day.format(1), 0),
        f"dpoJobs/{JOB_A.id}-a2": ("", "completed", day.format(2), 0),
        "dpoJobs/old-0-a1": ("", "completed", "", 0),
        "datasets/x": ("", "not in the account", "", 0),
        "deployedModels/tune-on-serve": ("", "deployed", day.format(1), 0),
    }
    assert [name for name, node in found.nodes.items() if node.commit] == commits
    assert {found.nodes[name].state for name in commits} == {""}
    assert A.content
    assert (found.nodes[data].digest, found.nodes[data].rows) == (A.content.digest, 3)
    assert found.origins == {
        data: {commits[0]},
        model: {commits[0], data, f"dpoJobs/{JOB_A.id}-a1", f"dpoJobs/{JOB_A.id}-a2"},
        serve: {commits[0], model},
        rows: {commits[1]},
        other: {commits[1], rows},
        idle: {commits[1], other},
        f"dpoJobs/{JOB_A.id}-a1": {data},
        f"dpoJobs/{JOB_A.id}-a2": {data},
        "dpoJobs/old-0-a1": {"datasets/x"},
        "deployedModels/tune-on-serve": {model, serve},
    }
    part = found.around("datasets/x")
    assert (part.account, list(part.nodes)) == ("acme", ["dpoJobs/old-0-a1", "datasets/x"])
    assert part.origins == {"dpoJobs/old-0-a1": {"datasets/x"}, "datasets/x": set()}


def test_a_model_whose_data_no_commit_knows_comes_from_its_digest() -> None:
    made = own_job(A)
    told = record("models", made.id, **made.body, state="READY")
    found = graph((), "acme", {"models": [told]})
    assert A.content
    data = f"data/{A.content.digest}"
    assert found.origins == {f"models/{made.id}": {data}}
    assert found.nodes[data].digest == A.content.digest
