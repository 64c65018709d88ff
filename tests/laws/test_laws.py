"""What always holds, over every example and over generated worlds."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpo_ops.loader import load
from dpo_ops.planner import fingerprint
from tests.laws.worlds import World, edits, worlds
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from dpo_ops.resource import State

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if list(path.glob("*.yaml")))
many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def converge(rehearsal: Rehearsal, desired: State) -> None:
    report = rehearsal.apply(desired)
    assert report.exit_code == 0, [str(end) for end in report.ended]


def in_place(rehearsal: Rehearsal, desired: State) -> None:
    """Laws 1, 2 and 8: nothing is left to do, a second apply writes nothing, nor does a plan."""
    rehearsal.forget_requests()
    again = rehearsal.plan(desired)
    assert again.in_sync, [(str(c.address), c.reason) for c in again.changes if c.steps]
    assert rehearsal.run(again).exit_code == 0
    assert rehearsal.writes() == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_in_place_once_applied(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / example.name
    shutil.copytree(example, folder)
    desired = load([folder]).state
    with Rehearsal() as rehearsal:
        converge(rehearsal, desired)
        in_place(rehearsal, desired)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_this_repositorys_own_specs_are_in_place_once_applied(environment: str) -> None:
    values = [ROOT / f"specs/values/{environment}.yaml"]
    desired = load([ROOT / "specs/pipeline"], values=values).state
    with Rehearsal() as rehearsal:
        converge(rehearsal, desired)
        in_place(rehearsal, desired)


def test_two_environments_in_one_account_share_the_model_and_not_the_deployment() -> None:
    with Rehearsal() as rehearsal:
        for environment in ("staging", "production"):
            values = [ROOT / f"specs/values/{environment}.yaml"]
            converge(rehearsal, load([ROOT / "specs/pipeline"], values=values).state)
        assert len(rehearsal.jobs()) == 1
        assert len(rehearsal.client.list("deployments")) == 2


@many
@given(world=worlds())
def test_laws_1_2_8_after_apply_there_is_nothing_to_do(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder, Rehearsal() as rehearsal:
        desired = world.load(Path(folder))
        converge(rehearsal, desired)
        in_place(rehearsal, desired)


@many
@given(data=st.data(), world=worlds())
def test_law_6_there_and_back_again_uploads_and_trains_nothing(
    data: st.DataObject, world: World
) -> None:
    changed = data.draw(edits(world))
    with (
        tempfile.TemporaryDirectory() as here,
        tempfile.TemporaryDirectory() as there,
        Rehearsal() as rehearsal,
    ):
        first, second = world.load(Path(here)), changed.load(Path(there))
        converge(rehearsal, first)
        converge(rehearsal, second)
        in_place(rehearsal, second)
        rehearsal.forget_requests()
        trained = len(rehearsal.apprentice.orders)
        converge(rehearsal, first)
        made = ("/datasets", "/dpoJobs", "/models")
        assert not [w for w in rehearsal.writes() if any(part in w for part in made)]
        assert len(rehearsal.apprentice.orders) == trained
        in_place(rehearsal, first)


@many
@given(world=worlds(), seed=st.integers(0, 2**32))
def test_law_13_the_order_of_files_and_documents_changes_nothing(world: World, seed: int) -> None:
    shuffled = random.Random(seed)  # noqa: S311  -- an order, not a secret
    with (
        tempfile.TemporaryDirectory() as here,
        tempfile.TemporaryDirectory() as there,
        Rehearsal() as rehearsal,
    ):
        one = rehearsal.plan(world.load(Path(here)))
        other = rehearsal.plan(world.load(Path(there), shuffled))
        assert fingerprint(one) == fingerprint(other)
        assert [c.address for c in one.changes] == [c.address for c in other.changes]
