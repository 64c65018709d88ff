"""Which commit made which model, how that is now, and what serves it.

Pure: it is told what each commit wanted and, where there is one, all that an account holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS, every_kind, kind_of
from dpo_ops.kinds.facts import Behaviour, Listing, Origin, fact
from dpo_ops.kinds.values import leaves
from dpo_ops.planner.mentions import mentions
from dpo_ops.resource import Address, Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.errors import Finding
    from dpo_ops.kinds import Kind
    from dpo_ops.planner.mentions import Records
    from dpo_ops.planner.releases import Commit, Release
    from dpo_ops.resource import Content, Json, Resource, State


class Standing(StrEnum):
    """How a model is in the account."""

    READY = "ready"
    TRAINING = "training"
    FAILED = "failed"
    GONE = "gone"
    UNKNOWN = "unknown"


_STANDINGS = {
    Health.CURRENT: Standing.READY,
    Health.IN_PROGRESS: Standing.TRAINING,
    Health.FAILED: Standing.FAILED,
    Health.NOT_FOUND: Standing.GONE,
    Health.TERMINATING: Standing.GONE,
}


class How(StrEnum):
    """What a commit did to a model: made it, went back to an earlier one, or left it."""

    NEW = "new"
    AGAIN = "again"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Made:
    """A model that a commit wants. `digest` is that of its data, empty where it is not known.

    `standing` is None where the account was not asked; `serving` are the ids of the deployments
    that serve it now.
    """

    address: Address
    model: str
    how: How
    digest: str
    standing: Standing | None = None
    message: str = ""
    serving: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A commit and the models that it wants, or the findings for which nobody can tell."""

    commit: Commit
    made: tuple[Made, ...]
    findings: tuple[Finding, ...] = ()


def history(releases: Sequence[Release], account: str, records: Records | None) -> list[Entry]:
    """Return what each commit made, the newest first; without `records`, offline.

    The releases come newest first, and their own names are written `accounts/-/…`.
    """
    listing = Listing(records or {})
    serving = serving_in(account, records or {})
    before: dict[Address, str] = {}
    ever: set[str] = set()
    entries = []
    for release in reversed(releases):
        found = []
        for resource in trained_in(release.desired):
            how = How.AGAIN if resource.id in ever else How.NEW
            if before.get(resource.address) == resource.id:
                how = How.SAME
            content = data_of(resource, release.desired)
            made = Made(resource.address, resource.id, how, content.digest if content else "")
            if records is not None:
                made = _standing(made, resource, listing, serving)
            found.append(made)
        if release.desired is not None:
            before = {made.address: made.model for made in found}
            ever |= set(before.values())
        entries.append(Entry(release.commit, tuple(found), release.findings))
    return entries[::-1]


def trained_in(desired: State | None) -> list[Resource]:
    """Return what a state wants to be trained."""
    return [r for r in (desired or {}).values() if KINDS[r.address.kind].trains]


def data_of(resource: Resource, desired: State | None) -> Content | None:
    """Return the file that a resource is trained on; None where no spec describes it."""
    if resource.recipe:
        return resource.recipe.pairs
    described: Mapping[Address, Resource] = desired or {}
    needs = (described[need] for need in resource.needs if need in described)
    return next((need.content for need in needs if need.content), None)


def name_in(resource: Resource) -> str:
    """Return `collection/id` of what a resource is, or of what it makes."""
    kind = kind_of(resource)
    return f"{kind.product or kind.collection}/{resource.id}"


def standing_of(resource: Resource, listing: Listing) -> tuple[Standing, str]:
    """Return how a resource is in the account, and what there is to say of it."""
    seen = kind_of(resource).find(resource, listing)
    return _STANDINGS.get(seen.health, Standing.UNKNOWN), seen.conflict or seen.message


def _standing(
    made: Made, resource: Resource, listing: Listing, serving: Mapping[str, Sequence[str]]
) -> Made:
    standing, message = standing_of(resource, listing)
    now = tuple(serving.get(name_in(resource), ()))
    return replace(made, standing=standing, message=message, serving=now)


def serving_in(account: str, records: Records) -> dict[str, list[str]]:
    """Return, by what is served, the ids of the deployments that are up."""
    found: dict[str, list[str]] = {}
    for kind in every_kind():
        if not kind.answers:
            continue
        up = {
            last_segment(str(record.get("name")))
            for record in records.get(kind.collection, ())
            if kind.health(record)[0] is Health.CURRENT
        }
        rows = [*records.get(kind.collection, ()), *records.get(kind.loads, ())]
        for row in rows:
            named = mentions(row, account)
            own = {last_segment(n) for n in named if n.startswith(f"{kind.collection}/")} & up
            for name in named if own else ():
                found.setdefault(name, []).extend(own)
    return {name: sorted(set(ids)) for name, ids in found.items()}


def maker(releases: Sequence[Release], name: str) -> tuple[Release, Resource] | None:
    """Return the first commit that wants what is called `name`, and how it wants it."""
    for release in reversed(releases):
        for resource in trained_in(release.desired):
            if name_in(resource) == name:
                return release, resource
    return None


def settings(
    kind: Kind, body: Mapping[str, Json] | None, record: Mapping[str, Json], account: str
) -> list[tuple[str, Json, bool | None]]:
    """Return what decided a training: path, value, and whether the spec said so.

    What the record says beyond the spec is the platform's own. Without a body nobody can tell.
    """
    said = dict(leaves(body or {}))
    there = {path: value for path, value in leaves(record) if not _is_unset(value)}
    found: list[tuple[str, Json, bool | None]] = []
    for path, value in sorted({**said, **there}.items()):
        row = fact(kind, path)
        fixed = row and row.behaviour is Behaviour.IMMUTABLE and row.origin is Origin.SPEC
        if fixed and not mentions(value, account):
            found.append((path, value, path in said if body is not None else None))
    return found


def _is_unset(value: Json) -> bool:
    return value in (None, "", 0, []) or str(value).endswith("_UNSPECIFIED")
