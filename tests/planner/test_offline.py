"""A plan made from the base branch alone says what the live plan says once base was applied."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds import KINDS, every_kind
from dpo_ops.kinds.facts import Behaviour, fact
from dpo_ops.kinds.pricing import Unpriced
from dpo_ops.kinds.values import look_up
from dpo_ops.kinds.values import same as same_value
from dpo_ops.loader import load
from dpo_ops.observer import observe
from dpo_ops.pairs.prices import prices
from dpo_ops.planner import Action, Change, FieldChange, Plan, plan
from dpo_ops.planner.offline import UNKNOWN_ACCOUNT, dropped, reworded, supposed
from dpo_ops.resource import Address, Health, State
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.laws.worlds import World, edits, worlds
from tests.planner.test_external import SHAPE, by_hand, refers
from tests.planner.test_removal import serving
from tests.rehearsal import Rehearsal
from tests.wanted import BASE, make, state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpo_ops.kinds import Kind
    from tests.laws.worlds import Doc

ROOT = Path(__file__).parents[2]
many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def offline(before: State, after: State, **options: Any) -> Plan:
    return plan(after, supposed(before, after), {}, prices(), **options)


def same(before: State, after: State, *, prune: bool = False) -> Plan:
    """Hold both plans against each other, and return the one made offline."""
    with Rehearsal() as rehearsal:
        report = rehearsal.apply(before)
        assert report.exit_code == 0, [str(end) for end in report.ended]
        there = observe(rehearsal.client, after)
    seen = plan(after, there, {}, prices(), prune=prune)
    made = offline(before, after, prune=prune)
    assert made.warnings == seen.warnings
    assert made.stack == seen.stack
    for mine, its in zip(made.changes, seen.changes, strict=True):
        found = there.resources.get(its.address)
        earlier = found.earlier[-1:] if found else ()
        agree(mine, its, its.record or next(iter(earlier), {}))
    return made


def agree(mine: Change, its: Change, record: Mapping[str, Any]) -> None:
    """Hold that both say the same, but for what only the account's `record` can know."""
    fields = {field.path: field for field in its.fields}
    filled = [field for field in mine.fields if field.path not in fields]
    for field in filled:  # What the platform fills in happens to be what is wanted now.
        row = fact(mine.kind, field.path)
        assert row
        assert row.behaviour is Behaviour.SERVER_DEFAULT
        assert field.before is None
        there = look_up(record, field.path.split("."))
        assert (row.same or same_value)(field.after, there)
    kept = [field for field in mine.fields if field.path in fields]
    for field in kept:
        assert field.before is None or same_value(field.before, fields[field.path].before)
    assert [_blind(field) for field in kept] == [_blind(field) for field in its.fields]
    # What the GPUs cost that a shape chose is not known, nor by how much more of them is dearer.
    assert mine.cost == its.cost or isinstance(mine.cost, Unpriced) or _is_enlarged(mine)
    unknown = {"record": None, "fields": (), "cost": None}
    if filled and mine.action is Action.UPDATE:
        unknown |= {"action": Action.NO_OP, "reason": "", "steps": ()}
    assert replace(mine, **unknown) == replace(its, **unknown)


def _is_enlarged(change: Change) -> bool:
    return change.cost is None and change.action is Action.UPDATE


def _blind(field: FieldChange) -> FieldChange:
    return replace(field, before=None)


def actions(made: Plan) -> dict[str, str]:
    return {str(change.address): str(change.action) for change in made.changes}


@many
@given(worlds().flatmap(lambda world: st.tuples(st.just(world), edits(world))))
def test_it_is_the_plan_of_an_account_that_base_was_applied_to(pair: tuple[World, World]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after = (world.load(Path(folder) / str(n)) for n, world in enumerate(pair))
        same(before, after)


@many
@given(worlds(), worlds(), st.booleans())
def test_whatever_becomes_whatever(one: World, other: World, prune: bool) -> None:
    """Other specs altogether under names that are often the same: with removals and additions."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = (world.load(Path(folder) / str(n)) for n, world in enumerate((one, other)))
        same(before, after, prune=prune)


@many
@given(worlds())
def test_what_is_the_same_does_nothing(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = world.load(Path(folder))
    made = offline(wanted, wanted)
    assert made.in_sync
    assert not made.warnings
    assert {change.action for change in made.changes} == {Action.NO_OP}
    assert dropped(wanted, wanted) == ()


# Every example, edited as people do


def set_at(kind: str, path: str, value: Any) -> Callable[[list[Doc]], list[Doc]]:
    """Return the edit that sets one field of each spec of a kind."""

    def edit(docs: list[Doc]) -> list[Doc]:
        *parts, last = path.split(".")
        for doc in docs:
            if doc["kind"] == kind:
                spec = doc["spec"]
                for part in parts:
                    spec = spec.setdefault(part, {})
                spec[last] = value
        return docs

    return edit


def without(kind: str) -> Callable[[list[Doc]], list[Doc]]:
    return lambda docs: [doc for doc in docs if doc["kind"] != kind]


def renamed(docs: list[Doc]) -> list[Doc]:
    return [
        json.loads(json.dumps(doc).replace('"name": "', '"name": "new-'))
        if doc["kind"] == "Deployment"
        else doc
        for doc in docs
    ]


def in_another_order(docs: list[Doc]) -> list[Doc]:
    return docs[::-1]


EDITS: dict[str, tuple[Callable[[list[Doc]], list[Doc]], dict[str, int]]] = {
    "another order": (in_another_order, {"no-op": 3}),
    "another epoch": (
        set_at("DPOJob", "trainingConfig.epochs", 3),
        {"no-op": 1, "create": 1, "replace": 1},
    ),
    "another loss": (
        set_at("DPOJob", "lossConfig.dpo.beta", 0.3),
        {"no-op": 1, "create": 1, "replace": 1},
    ),
    "own compute": (
        lambda docs: set_at("DPOJob", "weights", "dpo-ops/tiny")(
            set_at("DPOJob", "trainer", "trl")(docs)
        ),
        {"no-op": 1, "create": 1, "replace": 1},
    ),
    "more patience": (set_at("DPOJob", "retry", {"max": 5}), {"no-op": 3}),
    "more replicas": (set_at("Deployment", "maxReplicaCount", 9), {"no-op": 2, "update": 1}),
    "shorter idle": (
        set_at("Deployment", "autoscalingPolicy.scaleToZeroWindow", "7m"),
        {"no-op": 2, "update": 1},
    ),
    "the same otherwise written": (
        set_at("Deployment", "autoscalingPolicy.scaleToZeroWindow", "0h10m"),
        {"no-op": 3},
    ),
    "protected": (set_at("Deployment", "protect", True), {"no-op": 2, "update": 1}),
    "elsewhere": (
        set_at("Deployment", "placement", {"multiRegion": "US"}),
        {"no-op": 2, "replace": 1},
    ),
    "no deployment": (without("Deployment"), {"no-op": 2}),
    "another name": (renamed, {"no-op": 2, "create": 1}),
}


def written(folder: Path, source: Path, edit: Callable[[list[Doc]], list[Doc]] | None) -> Path:
    shutil.copytree(source, folder)
    (folder / ".git").mkdir()
    for path in folder.glob("*.yaml"):
        docs = list(yaml.safe_load_all(path.read_text()))
        path.write_text(yaml.safe_dump_all(edit(docs) if edit else docs, sort_keys=False))
    return folder


SOURCES = {
    "einstein": (ROOT / "examples/einstein", ()),
    "pipeline": (ROOT / "specs/pipeline", (ROOT / "specs/values/staging.yaml",)),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", EDITS)
def test_each_edit_of_an_example_says_what_the_live_plan_says(
    source: str, name: str, tmp_path: Path
) -> None:
    folder, values = SOURCES[source]
    edit, summary = EDITS[name]
    before = load([written(tmp_path / "before", folder, None)], values=values).state
    after = load([written(tmp_path / "after", folder, edit)], values=values).state
    made = same(before, after)
    assert {action: count for action, count in made.summary.items() if count} == summary


def test_other_pairs_of_an_example_train_and_serve_anew(tmp_path: Path) -> None:
    folder, _ = SOURCES["einstein"]
    before = load([written(tmp_path / "before", folder, None)]).state
    data = written(tmp_path / "after", folder, None) / "einstein_dpo.jsonl"
    data.write_text("".join(data.read_text().splitlines(keepends=True)[:-1]))
    made = same(before, load([data.parent]).state)
    assert [str(change.action) for change in made.changes] == ["create", "create", "replace"]
    assert all("changed since" in change.reason for change in made.changes)


def test_another_environment_is_another_stack(tmp_path: Path) -> None:
    folder, _ = SOURCES["pipeline"]
    values = [ROOT / f"specs/values/{name}.yaml" for name in ("staging", "production")]
    before, after = (
        load([written(tmp_path / path.stem, folder, None)], values=[path]).state for path in values
    )
    made = same(before, after)
    # What was trained is the same model in both; what serves is each stack's own.
    assert [str(change.action) for change in made.changes] == ["no-op", "no-op", "create"]


# What is gone, and what is somebody else's


def test_what_is_described_no_more_is_seen(tmp_path: Path) -> None:
    whole = serving(tmp_path, "left", "right")
    none = state(dataset(tmp_path, "other", "".join(ROW % n for n in range(4))))
    made = same(whole, none)
    assert [(f.rule, str(f.where)) for f in made.warnings] == [
        ("stray", "Deployment/left"),
        ("stray", "Deployment/right"),
    ]
    assert [(f.rule, str(f.where)) for f in dropped(whole, none)] == [
        ("dropped", "DPOJob/tune"),
        ("dropped", "Dataset/prefs"),
    ]
    job = whole[Address("DPOJob", "tune")]
    assert dropped(whole, none)[0] == Finding(
        "DPOJob/tune",
        f"is described no more; {job.id} stays in the account",
        "training it again costs money",
        "nothing, or delete it with gc once no commit to keep refers to it",
        "dropped",
        Severity.WARNING,
    )
    pruned = same(whole, none, prune=True)
    assert pruned.summary["delete"] == 2
    assert pruned.warnings == ()


def test_nothing_is_said_of_an_account_that_was_not_asked(tmp_path: Path) -> None:
    whole = serving(tmp_path, "left")
    less = state(*(r for r in whole.values() if r.address.kind == "Dataset"))
    told = reworded(offline(less, whole))
    said = {str(change.address): change.reason for change in told.changes}
    assert said == {
        "Dataset/prefs": "in place: ready",
        "DPOJob/tune": "not in the specs before",
        "Deployment/left": "not in the specs before",
    }
    assert replace(told, changes=()) == replace(offline(less, whole), changes=())


def test_what_was_protected_is_not_pruned(tmp_path: Path) -> None:
    whole = serving(tmp_path, "left", protect=True)
    less = State({a: r for a, r in whole.items() if a.kind != "Deployment"})
    made = same(whole, less, prune=True)
    assert [finding.rule for finding in made.blocked[0].blocked] == ["protected"]


def test_pairs_that_are_only_read_here_leave_nothing_behind(tmp_path: Path) -> None:
    data = dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))
    reading = state(replace(data, stays=True), wanted.own_job(data))
    assert [str(f.where) for f in dropped(reading, state())] == ["DPOJob/tune"]
    # The platform trains from them now, so they are sent.
    made = same(reading, state(data, wanted.job(data)))
    assert actions(made) == {"Dataset/prefs": "create", "DPOJob/tune": "create"}


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_only_referred_to_is_supposed_to_be_there(kind: str) -> None:
    facts = KINDS[kind].elsewhere
    assert facts
    theirs = refers(kind, "theirs", f"accounts/acme/{facts.collection}/theirs-0123456789")
    for before in (state(), state(theirs)):
        made = offline(before, state(theirs))
        assert made.in_sync
        assert [change.health for change in made.changes] == [Health.CURRENT]
    assert dropped(state(theirs), state()) == ()


def test_what_was_only_referred_to_and_is_described_now_is_there_already() -> None:
    data = wanted.dataset()
    theirs = refers("Dataset", "prefs", f"accounts/-/datasets/{data.id}")
    (change,) = offline(state(theirs), state(data)).changes
    assert (change.action, change.id) == (Action.NO_OP, data.id)
    model = wanted.job(data)
    theirs = refers("DPOJob", "tune", f"accounts/-/models/{model.id}")
    assert actions(offline(state(theirs, data), state(model, data))) == {
        "Dataset/prefs": "no-op",
        "DPOJob/tune": "no-op",
    }


def test_what_is_referred_to_and_was_made_here_stays_what_it_is(tmp_path: Path) -> None:
    first = serving(tmp_path, "left")
    old = first[Address("Deployment", "left")]
    keep = refers("Deployment", "old", f"accounts/-/deployments/{old.id}")
    less = State({a: r for a, r in first.items() if a.kind != "Deployment"})
    made = same(first, State({**less, keep.address: keep}), prune=True)
    assert made.in_sync
    # Nor does a new model take it away.
    data = first[Address("Dataset", "prefs")]
    job = wanted.job(data, epochs=2)
    new = wanted.deployment(job, "left", maxReplicaCount=1)
    made = same(first, state(data, job, new, keep))
    assert actions(made)["Deployment/left"] == "create"


def test_what_is_taken_over_gets_its_mark_and_then_is_ours() -> None:
    plain = state(make("Deployment", "serve", {"model": BASE, "maxReplicaCount": 3}))
    taken = state(
        make("Deployment", "serve", {"model": BASE, "maxReplicaCount": 3, "adopt": "old-one"})
    )
    (first,) = offline(state(), taken).changes
    assert (first.action, first.id) == (Action.UPDATE, "old-one")
    marks = [f"annotations.custom/dpo-ops-{key}" for key in ("adopted", "name", "stack")]
    assert sorted(field.path for field in first.fields) == marks
    for after in (taken, plain):
        (then,) = offline(taken, after).changes
        assert (then.action, then.id, then.steps) == (Action.NO_OP, "old-one", ())
    more = state(make("Deployment", "serve", {"model": BASE, "maxReplicaCount": 4}))
    (change,) = offline(taken, more).changes
    assert (change.action, change.id) == (Action.UPDATE, "old-one")
    (field,) = change.fields
    assert (field.path, field.before, field.after) == ("maxReplicaCount", 3, 4)


def test_a_take_over_says_what_the_live_plan_says() -> None:
    said = {"model": BASE, "maxReplicaCount": 1, "adopt": "old-one"}
    before = state(make("Deployment", "serve", said))
    after = state(make("Deployment", "serve", {**said, "placement": {"multiRegion": "US"}}))
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "old-one")
        assert rehearsal.apply(before).exit_code == 0
        there = observe(rehearsal.client, after)
    (its,) = plan(after, there, {}, prices()).changes
    (mine,) = offline(before, after).changes
    assert (mine.action, mine.id, mine.reason) == (its.action, its.id, its.reason)
    assert mine.steps == its.steps
    assert [step.name for step in mine.steps][-1] == "deployments/old-one"


def test_nothing_before_is_an_empty_account(tmp_path: Path) -> None:
    whole = serving(tmp_path, "left")
    made = same(state(), whole)
    assert made.account == UNKNOWN_ACCOUNT
    assert set(actions(made).values()) == {"create"}
    assert supposed(state(), whole, "acme").account == "acme"


def test_a_field_that_the_spec_says_now_was_unknown_before(tmp_path: Path) -> None:
    before, after = serving(tmp_path, "left"), serving(tmp_path, "left", deploymentShape=SHAPE)
    (change,) = [c for c in offline(before, after).changes if c.address.kind == "Deployment"]
    assert [(field.path, field.before) for field in change.fields] == [("deploymentShape", None)]


@pytest.mark.parametrize(
    "kind",
    [*every_kind(), *(k.elsewhere for k in KINDS.values() if k.elsewhere)],
    ids=lambda kind: f"{kind.name} in {kind.collection}",
)
def test_what_is_done_is_current(kind: Kind) -> None:
    assert kind.health(kind.done)[0] is Health.CURRENT
