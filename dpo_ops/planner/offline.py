"""What a change of the specs would do, told without an account: from what they were before.

The account is supposed to hold what the specs before the change describe, all of it applied and
done, and what else the specs refer to. What only the account can know stays unknown: values that
the platform fills in, failed attempts, drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds import every_kind, kind_of
from dpo_ops.kinds.facts import Listing, here
from dpo_ops.planner.standing import accounted, found_in
from dpo_ops.resource import Health

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.planner.plan import Accounted
    from dpo_ops.resource import Json, Resource, State

    _Record = tuple[str, Mapping[str, Json]]
    """A collection, and one of its records."""

UNKNOWN_ACCOUNT: Final = "-"
"""How an account is called that was not asked: as names in bodies call it, `accounts/-/…`."""
_NOTHING: Final = Listing({})
_TAGS: Final = "annotations"


def supposed(before: State, after: State, account: str = UNKNOWN_ACCOUNT) -> Accounted:
    """Return the account as `after` would find it, had all of `before` been applied.

    What either only refers to or takes over is supposed to exist, and to be as its spec says.
    """
    lists: dict[str, dict[str, Mapping[str, Json]]] = {}
    # By name: what was made before is not replaced by what only refers to it.
    for collection, record in (*_referred(after), *_referred(before), *_applied(before)):
        lists.setdefault(collection, {})[record["name"]] = record
    listing = Listing({collection: list(named.values()) for collection, named in lists.items()})
    return accounted(account, after, listing, found_in(listing, after))


def dropped(before: State, after: State) -> tuple[Finding, ...]:
    """Return a warning for each address that is described no more and stays in the account.

    What costs money while it stands is not among them: a plan warns of that itself.
    """
    return tuple(
        _dropped(resource)
        for address, resource in before.items()
        if address not in after and not resource.external and kind_of(resource).claims is None
        if _made(resource)
    )


def _dropped(resource: Resource) -> Finding:
    return Finding(
        str(resource.address),
        f"is described no more; {resource.id} stays in the account",
        kind_of(resource).retained,
        "nothing, or delete it with gc once no commit to keep refers to it",
        "dropped",
        Severity.WARNING,
    )


def _referred(state: State) -> Iterator[_Record]:
    """Yield what is somebody else's, and what is to be taken over and has no mark yet."""
    for resource in state.values():
        if name := resource.external or resource.adopts:
            kind = kind_of(resource)
            body = {key: value for key, value in resource.body.items() if key != _TAGS}
            yield kind.collection, {**body, **kind.done, "name": name}


def _applied(state: State) -> Iterator[_Record]:
    """Yield what was made or taken over once `state` was applied."""
    for resource in state.values():
        kind, id_ = kind_of(resource), _made(resource)
        if not id_:
            continue
        name = resource.adopts or here(kind.collection, id_)
        tags = {**kind.tags(resource.body, {"name": name}), **kind.proof}
        said = {_TAGS: tags} if tags else {}
        yield kind.collection, {**resource.body, **kind.done, **said, "name": name}
        if kind.product:
            done = next(one.done for one in every_kind() if one.collection == kind.product)
            yield kind.product, {**done, "name": here(kind.product, resource.id)}


def _made(resource: Resource) -> str:
    """Return the id that it is made under where there is nothing yet; empty if it is not made."""
    seen = kind_of(resource).find(resource, _NOTHING)
    return "" if resource.external or seen.health is Health.CURRENT else seen.next_id
