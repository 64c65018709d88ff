"""How a DPO job moves from state to state as emulated time passes."""

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import datasets, models, publishing
from .clock import nanoseconds
from .engine import TrainingOrder
from .preferences import RowError, check_files
from .store import Row
from .world import World

# State -> (emulated seconds in it, the next one). A state that is not here stays.
TRANSITIONS: Final[Mapping[str, tuple[float, str]]] = {
    "JOB_STATE_VALIDATING": (5, "JOB_STATE_PENDING"),
    "JOB_STATE_PENDING": (10, "JOB_STATE_CREATING"),
    "JOB_STATE_CREATING": (45, "JOB_STATE_RUNNING"),
    "JOB_STATE_RUNNING": (240, "JOB_STATE_WRITING_RESULTS"),
    "JOB_STATE_WRITING_RESULTS": (15, "JOB_STATE_COMPLETED"),
    "JOB_STATE_CANCELLING": (5, "JOB_STATE_CANCELLED"),
    "JOB_STATE_DELETING": (5, "JOB_STATE_DELETING_CLEANING_UP"),
    "JOB_STATE_DELETING_CLEANING_UP": (10, "JOB_STATE_DELETED"),
}
# How long to wait before asking the engine, or a held state, again.
_ASK_AGAIN: Final = 1.0
_WITH_METRICS: Final = frozenset(
    f"JOB_STATE_{s}" for s in ("RUNNING", "WRITING_RESULTS", "COMPLETED", "EARLY_STOPPED")
)


def enter(row: Row, state: str, at: float) -> Row:
    """Return the job in `state` since the emulated second `at`."""
    row.fields["state"] = state
    step = TRANSITIONS.get(state)
    row.due = at + step[0] if step else None
    return row


def begin(world: World, row: Row) -> Row:
    """Return a new job in its first state."""
    enter(row, "JOB_STATE_VALIDATING", world.now)
    _apply_override(world, row, world.now)
    return row


def settle(world: World, row: Row, at: float) -> None:
    """Take the step that was due at the emulated second `at`."""
    state = row.fields["state"]
    held = _override(world, row)
    if held and held["state"] == state:
        # Held where it is, or where an override put it: look again when asked again.
        row.due = world.now + _ASK_AGAIN
    elif state == "JOB_STATE_VALIDATING":
        _validate(world, row, at)
    elif state == "JOB_STATE_RUNNING":
        _follow_engine(world, row, at)
    else:
        _move(world, row, TRANSITIONS[state][1], at)
    if row.fields["state"] != "JOB_STATE_DELETED":
        world.store.put(row)


def metrics(world: World, row: Row) -> bytes | None:
    """Return a job's metrics file, None while there is none."""
    if row.fields["state"] not in _WITH_METRICS:
        return None
    return world.config.engine.metrics(order(world, row))


def order(world: World, row: Row) -> TrainingOrder:
    """Return what the engine is asked to train for a job."""
    training = row.fields["trainingConfig"]
    warm = models.find(world, training.get("warmStartFrom", ""))
    base = models.base_of(world, training.get("baseModel") or training.get("warmStartFrom", ""))
    dataset = world.store.get(row.fields["dataset"])
    return TrainingOrder(
        job=row.name,
        base_model=base,
        adapter=models.folder(world, warm) if warm else None,
        rows=tuple(datasets.paths(world, dataset).values()) if dataset else (),
        settings=training,
        loss=row.fields.get("lossConfig", {}),
        out=_out(world, row),
    )


def _out(world: World, row: Row) -> Path:
    folder = world.store.folder / publishing.folder(row)
    folder.mkdir(exist_ok=True)
    return folder


def _validate(world: World, row: Row, at: float) -> None:
    problem = _dataset_problem(world, row.fields["dataset"])
    if problem:
        _end(row, "JOB_STATE_FAILED", at, "INVALID_ARGUMENT", problem)
    else:
        _move(world, row, "JOB_STATE_PENDING", at)


def _dataset_problem(world: World, name: str) -> str:
    dataset = world.store.get(name)
    if dataset is None:
        return f"dataset {name} not found"
    # Rows in a bucket of the caller's own are out of the emulator's sight.
    if dataset.fields.get("externalUrl"):
        return ""
    try:
        check_files(list(datasets.paths(world, dataset).items()))
    except RowError as error:
        return str(error)
    return ""


def _follow_engine(world: World, row: Row, at: float) -> None:
    progress = world.config.engine.progress(order(world, row))
    if progress.state == "running":
        row.due = world.now + _ASK_AGAIN
    elif progress.state == "failed":
        _end(row, "JOB_STATE_FAILED", at, progress.code, progress.message)
    else:
        _move(world, row, "JOB_STATE_WRITING_RESULTS", at)


def _move(world: World, row: Row, state: str, at: float) -> None:
    enter(row, state, at)
    if state == "JOB_STATE_RUNNING":
        world.config.engine.train(order(world, row))
        if world.config.engine.real:
            # It lasts as long as it takes, not as long as the platform's would.
            row.due = at
    elif state == "JOB_STATE_COMPLETED":
        _complete(world, row, at)
    elif state == "JOB_STATE_CANCELLED":
        row.fields["completedTime"] = nanoseconds(at)
    elif state == "JOB_STATE_DELETED":
        world.store.drop(row.name)
    _apply_override(world, row, at)


def _complete(world: World, row: Row, at: float) -> None:
    """Publish the model. What happens when its name was taken meanwhile is not documented."""
    row.fields["completedTime"] = nanoseconds(at)
    if not publishing.publish(world, row, at):
        taken = row.fields["trainingConfig"]["outputModel"]
        _end(row, "JOB_STATE_FAILED", at, "ALREADY_EXISTS", f"model already exists: {taken}")


def _end(row: Row, state: str, at: float, code: str, message: str) -> None:
    enter(row, state, at)
    row.fields["status"] = {"code": code, "message": message}
    row.fields["completedTime"] = nanoseconds(at)


def _override(world: World, row: Row) -> Mapping[str, Any] | None:
    """The admin's override for a job; a job that was resumed by hand is past it."""
    if row.hidden.get("resumed"):
        return None
    overrides = world.settings.get("jobOverrides", [])
    return next((o for o in overrides if fnmatch.fnmatchcase(row.id, o.get("job", "*"))), None)


def _apply_override(world: World, row: Row, at: float) -> None:
    """Put a job into the state that an override wants, once it reaches the override's place."""
    held = _override(world, row)
    if not held or row.fields["state"] != held.get("at", "JOB_STATE_RUNNING"):
        return
    if held["state"] == row.fields["state"]:
        return
    enter(row, held["state"], at)
    if "status" in held:
        row.fields["status"] = held["status"]
    if "FAILED" in held["state"]:
        row.fields["completedTime"] = nanoseconds(at)
