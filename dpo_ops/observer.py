"""See what the account holds, by a few list calls however many specs there are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import ApiError, NotFound, Unauthorized
from dpo_ops.kinds import KINDS, every_kind, kind_of
from dpo_ops.kinds.facts import Answer, Listing, Question, lists_of
from dpo_ops.planner.standing import accounted, found_in
from dpo_ops.resource import HERE, localise, qualify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dpo_ops.client import Client
    from dpo_ops.kinds.facts import Traffic
    from dpo_ops.planner import Accounted
    from dpo_ops.resource import Address, Json, Observed, State

_AT_ONCE = 4
_COLLECTION = 2  # accounts/<account>/<collection>/<id>


def observe(client: Client, desired: State) -> Accounted:
    """Return what the account holds for each address of `desired`.

    Raises:
        ApiError: the account could not be seen. Nothing is ever concluded from that.
    """
    wanted = {(a.kind, bool(r.recipe), bool(r.external)): kind_of(r) for a, r in desired.items()}
    made = {name for name, recipe, external in wanted if not (recipe or external)}
    marked = [kind for kind in KINDS.values() if kind.claims and kind.name not in made]
    kinds = [*wanted.values(), *marked]
    records = client.lists(lists_of(kinds))
    records = {name: localise(rows, client.account) for name, rows in records.items()}
    listing = Listing(records)
    found = found_in(listing, desired)
    if doubted := {a: seen.confirm for a, seen in found.items() if seen.confirm}:
        found |= _confirmed(client, desired, records, doubted)
    return accounted(client.account, desired, listing, found)


def survey(client: Client) -> dict[str, Sequence[Mapping[str, Json]]]:
    """Return all that the account holds of any kind, and what is loaded onto it, by collection.

    Raises:
        ApiError: the account could not be seen. Nothing is ever concluded from that.
    """
    kinds = every_kind()
    loaded: dict[str, dict[str, str]] = {kind.loads: {} for kind in kinds if kind.loads}
    records = client.lists(lists_of(kinds) | loaded)
    return {name: localise(rows, client.account) for name, rows in records.items()}


def preflight(client: Client, questions: Iterable[Question]) -> dict[Question, Answer]:
    """Ask, before any spend, which base models can be tuned and what can serve the result.

    And on which hardware a shape runs that a spec names.
    """
    asked = sorted(questions)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(asked, pool.map(lambda q: _ask(client, q), asked), strict=True))


def idle(client: Client, desired: State, observed: Accounted) -> frozenset[Address]:
    """Return what runs though nobody has asked it for a day, as far as the platform tells.

    What it does not tell is not idle: whatever goes wrong here is no failure of its own.
    """
    running = [
        (address, traffic, str(record["name"]))
        for address in desired
        if (traffic := kind_of(desired[address]).traffic)
        and (record := observed.resources[address].record)
        and traffic.runs(record)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        unused = pool.map(lambda one: _unused(client, one[1], one[2]), running)
        found = zip(running, unused, strict=True)
        return frozenset(address for (address, _, _), nobody in found if nobody)


def _unused(client: Client, traffic: Traffic, name: str) -> bool:
    try:
        # Once: what it says is good to know, but nothing to wait for.
        path = qualify(name + traffic.path, client.account)
        answer = client.get(path, traffic.params, attempts=1)
    except ApiError:
        return False
    return traffic.unused(answer)


def _confirmed(
    client: Client,
    desired: State,
    records: Mapping[str, Sequence[Mapping[str, Json]]],
    doubted: Mapping[Address, str],
) -> dict[Address, Observed]:
    """Look again at what the lists leave in doubt, with its name asked for directly."""
    fresh = {collection: list(rows) for collection, rows in records.items()}
    missing = []
    for name in doubted.values():
        record = _get(client, name) if name.startswith(HERE) else _abroad(client, name)
        if record is None:
            missing.append(name)
        else:
            fresh.setdefault(name.split("/")[_COLLECTION], []).append(record)
    listing = Listing(fresh, missing)
    return {a: kind_of(desired[a]).find(desired[a], listing) for a in doubted}


def _ask(client: Client, question: Question) -> Answer:
    if question.shape:
        shape = _abroad(client, question.shape)
        # A version of a shape holds the shape; the shape itself answers with its newest version.
        return Answer(None, ({"snapshot": shape, **shape},) if shape else ())
    deployment: dict[str, Any] = {"baseModel": qualify(question.base_model, client.account)}
    if question.addons:
        deployment["enableAddons"] = True
    model = _get(client, question.base_model)
    if model is None:
        return Answer(None, ())
    parent = f"accounts/{client.account}"
    answer = client.post(
        f"{parent}/deploymentShapeVersions:match",
        {"createDeploymentRequest": {"parent": parent, "deployment": deployment}},
        repeatable=True,
    )
    shapes = answer.get("deploymentShapeVersions") or ()
    return Answer(model, tuple(shape for shape in shapes if isinstance(shape, dict)))


def _abroad(client: Client, name: str) -> Mapping[str, Json] | None:
    """Return what another account holds; there, to be refused says as little as to find nothing."""
    try:
        return _get(client, name)
    except Unauthorized:
        return None


def _get(client: Client, name: str) -> Mapping[str, Json] | None:
    try:
        record: Mapping[str, Json] = localise(
            client.get(qualify(name, client.account)), client.account
        )
    except NotFound:
        return None
    return record
