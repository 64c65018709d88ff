"""Laws 3 and 5 with real processes: SIGKILL at every write, and several applies at once.

Every day a sample; all of it with `pytest tests/laws --hypothesis-profile=long`, or `-m long`.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.loader import load
from dpo_ops.trainers import Training
from tests.apprentice import Apprentice
from tests.laws.killing import ROOT, Served, served
from tests.laws.worlds import BASES, World, doc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.laws.hazards import When

TRAINING = {"baseModel": BASES[0], "epochs": 1}


def einstein(folder: Path) -> None:
    shutil.copytree(ROOT / "examples/einstein", folder)
    (folder / ".git").mkdir()


def two(folder: Path) -> None:
    """Two datasets, two jobs and two deployments, which are made side by side."""
    docs = []
    for n in ("one", "two"):
        docs += [
            doc("Dataset", f"data-{n}", {"source": f"{n}.jsonl"}),
            doc("DPOJob", f"tune-{n}", {"dataset": f"data-{n}", "trainingConfig": TRAINING}),
            doc("Deployment", n, {"model": {"dpoJob": f"tune-{n}"}, "minReplicaCount": 0}),
        ]
    World(tuple(docs), {"one.jsonl": (1, 2, 3), "two.jsonl": (4, 5, 6)}).write(folder)


def own(folder: Path) -> None:
    """One model trained on one's own compute; that it was trained already costs no time here."""
    said = {"dataset": "data", "trainer": "trl", "weights": "dpo-ops/tiny"}
    docs = (
        doc("Dataset", "data", {"source": "data.jsonl"}),
        doc("DPOJob", "tune", {**said, "trainingConfig": TRAINING}),
        doc("Deployment", "serve", {"model": {"dpoJob": "tune"}, "minReplicaCount": 0}),
    )
    World(docs, {"data.jsonl": (1, 2, 3)}).write(folder)
    for resource in load([folder]).state.values():
        if recipe := resource.recipe:
            out = folder / ".dpo-ops/training" / resource.id
            out.mkdir(parents=True)
            rows = (folder / "data.jsonl",)
            Apprentice().train(Training(rows, recipe.weights, recipe.settings, recipe.loss, out))


def generation(folder: Path, *rows: int, **training: Any) -> None:
    docs = (
        doc("Dataset", "data", {"source": "data.jsonl"}),
        doc("DPOJob", "tune", {"dataset": "data", "trainingConfig": {**TRAINING, **training}}),
        doc("Deployment", "serve", {"model": {"dpoJob": "tune"}, "minReplicaCount": 0}),
    )
    World(docs, {"data.jsonl": rows}).write(folder)


def first(folder: Path) -> None:
    generation(folder, 1, 2, 3)


def second(folder: Path) -> None:
    """Other data and another setting: all is made anew, and the old deployment goes."""
    generation(folder, 1, 2, 3, 4, epochs=2)


@dataclass(frozen=True)
class Stack:
    """How it is written, how many writes its apply sends, and what is there then.

    `earlier` writes what was applied before. `deployments` are those that serve, `replaced` those
    that went for them.
    """

    write: Callable[[Path], None]
    writes: int
    datasets: int
    jobs: int
    models: int
    deployments: tuple[str, ...]
    earlier: Callable[[Path], None] | None = None
    replaced: int = 0


STACKS = {
    "einstein": Stack(einstein, 5, 1, 1, 1, ("einstein",)),
    "two": Stack(two, 10, 2, 2, 2, ("one", "two")),
    "own": Stack(own, 6, 0, 0, 1, ("serve",)),
    "second": Stack(second, 6, 2, 2, 2, ("serve",), earlier=first, replaced=1),
}
SAMPLE = {
    ("einstein", 3, "after"),
    ("own", 2, "after"),
    ("second", 6, "before"),
}
KILLS = [
    pytest.param(
        stack,
        nth,
        when,
        id=f"{name}-{nth}-{when}",
        marks=() if (name, nth, when) in SAMPLE else pytest.mark.long,
    )
    for name, stack in STACKS.items()
    for nth in range(1, stack.writes + 1)
    for when in ("before", "after")
]


@contextmanager
def released(stack: Stack, folder: Path) -> Iterator[Served]:
    (stack.earlier or stack.write)(folder / "stack")
    with served(folder / "stack", folder / "emulator") as there:
        if stack.earlier:
            there.converges()
            stack.write(folder / "stack")
            there.emulator.writes = 0
        yield there


def holds(there: Served, stack: Stack) -> None:
    """One of each generation, and nothing else: paid once, and nothing orphaned."""
    jobs = there.rows("dpoJobs")
    assert len(jobs) == stack.jobs, jobs
    assert all(id_.endswith("-a1") for id_ in jobs)
    assert all(job["state"] == "JOB_STATE_COMPLETED" for job in jobs.values())
    assert len(there.rows("datasets")) == stack.datasets
    assert len(there.rows("models")) == stack.models
    assert there.live() == list(stack.deployments)
    assert len(there.rows("deployments")) == len(stack.deployments) + stack.replaced


@pytest.mark.parametrize(
    "name",
    ["einstein", *(pytest.param(n, marks=pytest.mark.long) for n in ("two", "own", "second"))],
)
def test_each_stack_has_as_many_writes_as_are_struck(name: str, tmp_path: Path) -> None:
    stack = STACKS[name]
    with released(stack, tmp_path) as there:
        there.converges()
        assert there.emulator.writes == stack.writes
        holds(there, stack)


@pytest.mark.parametrize(("stack", "nth", "when"), KILLS)
def test_law_3_a_process_killed_at_a_write_is_made_good_by_the_next(
    stack: Stack, nth: int, when: When, tmp_path: Path
) -> None:
    with released(stack, tmp_path) as there:
        there.killed(nth, when)
        there.converges()
        holds(there, stack)


@pytest.mark.parametrize("runs", [2, pytest.param(8, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "name",
    ["einstein", *(pytest.param(n, marks=pytest.mark.long) for n in ("two", "own", "second"))],
)
def test_law_5_several_processes_at_once_end_with_one_of_each(
    name: str, runs: int, tmp_path: Path
) -> None:
    stack = STACKS[name]
    with released(stack, tmp_path) as there:
        started = [there.start("apply", "--auto-approve") for _ in range(runs)]
        said = []
        for process in started:
            with process:
                out, _ = process.communicate(timeout=240)
            said.append((process.returncode, out.decode()))
        assert {code for code, _ in said} <= {0, 3}, "\n".join(out for code, out in said if code)
        holds(there, stack)
        there.converges()
