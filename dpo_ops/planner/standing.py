"""What of an account stands for each wanted address, from what its lists say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.kinds import every_kind, kind_of
from dpo_ops.planner.plan import Accounted
from dpo_ops.resource import Address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from dpo_ops.kinds.facts import Listing
    from dpo_ops.resource import Json, Observed, State


def found_in(listing: Listing, desired: State) -> dict[Address, Observed]:
    """Return for each address what the lists say of it."""
    return {address: kind_of(wanted).find(wanted, listing) for address, wanted in desired.items()}


def accounted(
    account: str, desired: State, listing: Listing, found: Mapping[Address, Observed]
) -> Accounted:
    """Return what was found, each record for one address only, and what no spec describes."""
    held = {str(seen.record["name"]) for seen in found.values() if seen.record}
    held |= {resource.external for resource in desired.values()}
    # What a spec wants to take over is no stray, though it may be refused to it for now.
    named = held | {resource.adopts for resource in desired.values()}
    left = tuple((a, r) for a, r in _strays(desired, listing) if r["name"] not in named)
    return Accounted(account, {a: _without(seen, held) for a, seen in found.items()}, left)


def _without(seen: Observed, held: Collection[str]) -> Observed:
    """Return it without the earlier generations that another spec refers to: those stay."""
    if not seen.earlier:
        return seen
    return replace(seen, earlier=tuple(r for r in seen.earlier if r["name"] not in held))


def _strays(desired: State, listing: Listing) -> Iterator[tuple[Address, Mapping[str, Json]]]:
    """Yield what a spec that is gone has left behind."""
    for kind in every_kind():
        if kind.claims is None:
            continue
        for record in listing.all(kind.collection):
            stack, name = kind.claims(record)
            address = Address(kind.name, name)
            if stack == desired.stack and address not in desired:
                yield address, record
