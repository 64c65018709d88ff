"""How a deployment moves as emulated time passes: start-up, roll-out, idling, removal.

Each deployment has one next event; when it is due the event happens and the next one is
worked out from what the deployment has become.
"""

import fnmatch
from collections.abc import Iterator
from typing import Final

from . import deployed_models
from .clock import duration, nanoseconds
from .store import Row
from .world import OK, World

# State -> (emulated seconds in it, the next one). A state that is not here stays.
TRANSITIONS: Final = {"CREATING": (210.0, "READY"), "UPDATING": (90.0, "READY")}
SCALE_UP: Final = 75.0
IDLE_LIFE: Final = 7 * 86_400.0
# How long a softly deleted deployment is kept is undocumented.
PURGE_AFTER: Final = 7 * 86_400.0
TRAFFIC_KEPT: Final = 86_400.0
_MINUTE: Final = 60.0


def start(world: World, row: Row) -> None:
    """Begin to create a deployment; it comes up with at least one replica."""
    row.hidden.update({"lastTraffic": None, "idleSince": world.now, "scaleUpAt": None})
    _enter(row, "CREATING", world.now)
    _set_replicas(row, ready=0, wanted=max(row.fields["minReplicaCount"], 1))
    row.due = _next(row)


def change(world: World, row: Row, *, rolling: bool) -> None:
    """Take up changed fields; `rolling` ones replace the replicas one by one."""
    if rolling and row.fields["state"] == "READY":
        _enter(row, "UPDATING", world.now)
    least, most = row.fields["minReplicaCount"], row.fields["maxReplicaCount"]
    wanted = min(max(row.fields["desiredReplicaCount"], least), most)
    scale(world, row, wanted)


def scale(world: World, row: Row, count: int) -> None:
    """Want `count` replicas: fewer stop at once, more take their time."""
    ready = row.fields["replicaCount"]
    if count <= ready:
        row.hidden["scaleUpAt"] = None
        _set_replicas(row, ready=count, wanted=count)
    else:
        _set_replicas(row, ready=ready, wanted=count)
        if row.fields["state"] != "CREATING":
            row.hidden["scaleUpAt"] = row.hidden["scaleUpAt"] or world.now + SCALE_UP
    row.due = _next(row)


def traffic(world: World, row: Row) -> None:
    """Note a request; one that finds no replica brings the first one up."""
    row.hidden.update({"lastTraffic": world.now, "idleSince": world.now})
    row.hidden["requests"] = _counted(row, world.now)
    if row.fields["replicaCount"] == 0 and row.fields["maxReplicaCount"] > 0:
        scale(world, row, max(1, row.fields["desiredReplicaCount"]))
    row.due = _next(row)
    world.store.put(row)


def requests(row: Row, since: float) -> int:
    """Return how many requests came since the emulated second `since`, to the minute."""
    return sum(count for at, count in row.hidden.get("requests", ()) if at > since - _MINUTE)


def _counted(row: Row, now: float) -> list[list[float]]:
    """Return the requests by the minute, the last one too; what is older than a day is dropped."""
    minute = now // _MINUTE * _MINUTE
    kept = [[at, n] for at, n in row.hidden.get("requests", ()) if at > now - TRAFFIC_KEPT]
    if kept and kept[-1][0] == minute:
        return [*kept[:-1], [minute, kept[-1][1] + 1]]
    return [*kept, [minute, 1]]


def bury(world: World, row: Row, at: float) -> None:
    """Delete softly: the record stays until it is purged."""
    row.fields |= {
        "deleteTime": nanoseconds(at),
        "purgeTime": nanoseconds(at + PURGE_AFTER),
        "updateTime": nanoseconds(at),
    }
    _enter(row, "DELETED", at)
    _set_replicas(row, ready=0, wanted=0)
    row.due = _next(row)
    deployed_models.unload_all(world, row.name)


def settle(world: World, row: Row, at: float) -> None:
    """Let the event happen that was due at the emulated second `at`."""
    event = min(_events(row))[1]
    if event == "purge":
        world.store.drop(row.name)
        return
    if event == "idle":
        bury(world, row, at)
    elif event == "zero":
        _set_replicas(row, ready=0, wanted=0)
    elif event == "up":
        row.hidden["scaleUpAt"] = None
        _set_replicas(row, ready=row.fields["desiredReplicaCount"])
    else:
        _finish(world, row, at)
    row.due = _next(row)
    world.store.put(row)


def _finish(world: World, row: Row, at: float) -> None:
    overrides = world.settings.get("deploymentOverrides", [])
    for held in overrides:
        if fnmatch.fnmatchcase(row.id, held.get("deployment", "*")):
            _enter(row, held["state"], at)
            row.fields["status"] = held.get("status", dict(OK))
            return
    if row.fields["state"] == "CREATING":
        _set_replicas(row, ready=row.fields["desiredReplicaCount"])
        row.hidden["idleSince"] = at
    _enter(row, TRANSITIONS[row.fields["state"]][1], at)


def _enter(row: Row, state: str, at: float) -> None:
    row.fields |= {"state": state, "status": dict(OK)}
    row.hidden["since"] = at


def _next(row: Row) -> float | None:
    return min((at for at, _ in _events(row)), default=None)


def _events(row: Row) -> Iterator[tuple[float, str]]:
    """What lies ahead of a deployment, each with its emulated second."""
    state, hidden = row.fields["state"], row.hidden
    if state in TRANSITIONS:
        yield hidden["since"] + TRANSITIONS[state][0], "finish"
    if state == "DELETED":
        yield hidden["since"] + PURGE_AFTER, "purge"
        return
    if hidden["scaleUpAt"] is not None:
        yield hidden["scaleUpAt"], "up"
    if row.fields["minReplicaCount"] == 0 and state != "CREATING":
        yield hidden["idleSince"] + IDLE_LIFE, "idle"
        if row.fields["replicaCount"] > 0:
            window = row.fields["autoscalingPolicy"]["scaleToZeroWindow"]
            yield hidden["idleSince"] + duration(window, "scaleToZeroWindow"), "zero"


def _set_replicas(row: Row, *, ready: int, wanted: int | None = None) -> None:
    if wanted is not None:
        row.fields["desiredReplicaCount"] = wanted
    row.fields["replicaCount"] = ready
    missing = row.fields["desiredReplicaCount"] - ready
    row.fields["replicaStats"] = {
        "readyReplicaCount": ready,
        "initializingReplicaCount": max(missing, 0),
    }
