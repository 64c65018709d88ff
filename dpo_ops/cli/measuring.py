"""Where the metrics of a job are: in the account, or in a folder of this machine."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dpo_ops.cli.places import TRAINING
from dpo_ops.errors import DpoOpsError, NotFound
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import ID_PATTERN
from dpo_ops.observer import observe
from dpo_ops.reporters import Readings, read_metrics
from dpo_ops.reporters.metrics import Metrics
from dpo_ops.resource import Health, State, qualify
from dpo_ops.trainers.contract import METRICS, trained

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dpo_ops.client import Client
    from dpo_ops.kinds import Kind
    from dpo_ops.planner import Accounted
    from dpo_ops.resource import Address, Observed, Resource

_AT_ONCE = 4
_FULL = re.compile(r"accounts/(?P<account>[^/]+)/(?P<collection>[^/]+)/[^/]+")


@dataclass(frozen=True, slots=True)
class Job:
    """A job whose metrics can be asked for; `remote` is its full name in the account.

    Where there is none, `health` and `state` say what is known of it.
    """

    name: str
    remote: str = ""
    health: Health = Health.UNKNOWN
    state: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """A job on this machine and the file of its metrics."""

    name: str
    path: Path


def local_metrics(model: str) -> Path | None:
    """Return the metrics of the model that is or was trained on this machine, if it was."""
    path = TRAINING / model / METRICS
    return path if re.fullmatch(ID_PATTERN, model) and path.is_file() else None


def account_in(job: str) -> str | None:
    """Return the account that a job's full name names; None for any other name."""
    full = _FULL.fullmatch(job)
    return full["account"] if full else None


def find_here(wanted: State, job: str) -> Local | None:
    """Return the job that is meant if it is one of this machine, so that no account is asked.

    Errors: DpoOpsError where it should be, and is not.
    """
    address = _named(wanted, job)
    resource = wanted[address] if address else None
    path = local_metrics(resource.id if resource else job)
    if address is None or resource is None or resource.recipe is None:
        return Local(job, path) if path and address is None else None
    if path is None:
        raise DpoOpsError(
            f"there are no metrics of {address}",
            why="it has not been trained on this machine",
            fix="apply the specs to train it, or look where it was trained",
        )
    return Local(str(address), path)


def find_job(client: Client, wanted: State, job: str) -> Job:
    """Return the job that is meant: a name or address in `wanted`, a full name, or an id.

    Errors: DpoOpsError where there is none, ApiError.
    """
    if full := _FULL.fullmatch(job):
        if full["collection"] not in {kind.collection for kind in _training()}:
            raise _none(job, wanted, why=f"{full['collection']} have no metrics")
        return Job(job, remote=job)
    if address := _named(wanted, job):
        return _specified(client, wanted, address)
    if not re.fullmatch(ID_PATTERN, job):
        raise _none(job, wanted)
    for kind in _training():
        name = f"accounts/{client.account}/{kind.collection}/{job}"
        try:
            client.get(name)
        except NotFound:
            continue
        return Job(job, remote=name)
    raise _none(job, wanted, why="neither is there a job of this id in the account")


def _named(wanted: State, job: str) -> Address | None:
    meant = (a for a in wanted if KINDS[a.kind].trains and job in (a.name, str(a)))
    return next(meant, None)


def _specified(client: Client, wanted: State, address: Address) -> Job:
    alone = wanted.holding({address: wanted[address]})
    seen = observe(client, alone).resources[address]
    state = seen.message or "not in the account"
    remote = qualify(_record_name(KINDS[address.kind], seen), client.account)
    return Job(str(address), remote, seen.health, state)


def _record_name(kind: Kind, seen: Observed) -> str:
    """Return the full name of the job that was seen, or nothing where only its model was."""
    name = str((seen.record or {}).get("name") or "")
    return name if f"/{kind.collection}/" in name else ""


def _none(job: str, wanted: State, *, why: str = "") -> DpoOpsError:
    known = [str(address) for address in wanted if KINDS[address.kind].trains]
    short = {name.partition("/")[2]: name for name in known}
    near = get_close_matches(job, [*known, *short], 1)
    return DpoOpsError(
        f"there is no job {job!r} in the specs",
        why=why,
        fix=f"did you mean {short.get(near[0], near[0])}?"
        if near
        else f"name one of: {', '.join(known)}"
        if known
        else "name its id, or its full name such as accounts/…",
    )


def look(client: Client, job: Job) -> tuple[Metrics, bytes]:
    """Return what has been measured so far, and the file as it is.

    Errors: DpoOpsError where there never was such a training, StorageError, ApiError.
    """
    if not job.remote:
        gone = job.health is Health.CURRENT  # A model may outlive its job.
        fix = "the job that measured them is gone" if gone else "apply the specs to train it"
        raise DpoOpsError(f"there are no metrics of {job.name}", why=job.state, fix=fix)
    record = client.get(job.remote)
    collection = job.remote.split("/")[2]
    kind = next(kind for kind in _training() if kind.collection == collection)
    health, state = kind.health(record)
    data = client.metrics(job.remote) or b""
    return Metrics(job.name, job.remote, health, state, read_metrics(data)), data


def look_here(job: Local) -> tuple[Metrics, bytes]:
    """Return the same of a job on this machine. Errors: DpoOpsError."""
    path = job.path
    try:
        data, done = path.read_bytes(), trained(path.parent)
    except OSError as error:
        what = "the metrics can't be read"
        raise DpoOpsError(what, where=str(path), why=error.strerror or str(error)) from error
    health = Health.CURRENT if done else Health.IN_PROGRESS
    state = "trained on this machine" if done else "under way on this machine, or left unfinished"
    return Metrics(job.name, path.as_posix(), health, state, read_metrics(data)), data


def measured(
    client: Client, wanted: State, observed: Accounted, *, also_done: bool
) -> dict[Address, Readings]:
    """Return the metrics of what trains, and where `also_done` of what has been trained.

    What can't be fetched is left out: this only adds to what is known of a job.
    """
    healths = {Health.IN_PROGRESS, *([Health.CURRENT] if also_done else [])}
    asked = [a for a, seen in observed.resources.items() if _may(wanted[a], seen, healths)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda a: _glance(client, wanted[a], observed.resources[a]), asked)
        return {a: readings for a, readings in zip(asked, found, strict=True) if readings}


def _may(resource: Resource, seen: Observed, healths: Iterable[Health]) -> bool:
    """Say whether a resource may have metrics; while it trains here, the account knows nothing."""
    if not KINDS[resource.address.kind].trains:
        return False
    here = resource.recipe is not None and seen.health is Health.NOT_FOUND
    return here or seen.health in healths


def _glance(client: Client, resource: Resource, seen: Observed) -> Readings | None:
    try:
        if resource.recipe:
            path = local_metrics(resource.id)
            return read_metrics(path.read_bytes()) if path else None
        name = _record_name(KINDS[resource.address.kind], seen)
        data = client.metrics(qualify(name, client.account), attempts=1) if name else None
    except (DpoOpsError, OSError):
        return None
    return read_metrics(data) if data else None


def _training() -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.trains]
