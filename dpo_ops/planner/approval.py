"""What was reviewed of a plan, change by change, and a plan held to it.

An approval is bound to what a change writes, to the values that it rests on and to what its spec
wants in full; not to a commit, a path or the order in which things were merged. So a squash merge
keeps it, and somebody else's change in between breaks it for exactly what that change touched.
"""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import Finding, PlanError
from dpo_ops.planner.change import WAITING, Action, Change, Plan
from dpo_ops.planner.document import bound
from dpo_ops.resource import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.resource import Json, Resource, State

STALE: Final = "stale"
"""The rule of a finding which says that a change is not the one that was reviewed."""
PLANNED, NOW = "planned was ", "; now it would be "
"""What stands before what was reviewed, and before what it would be now, in such a finding."""
_HEX: Final = 32
_SHOWN: Final = 3
_LONG: Final = 40
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Approval:
    """What was reviewed of one change.

    `id` is the remote id after it, `writes` the steps that write, in their order. `rests_on` and
    `wants` are digests: of all that the change shows, and of what its spec says. `said` is the
    change in words.
    """

    id: str
    writes: tuple[str, ...]
    rests_on: str
    wants: str
    said: str


Approved = dict[str, Approval]
"""The approvals of one plan, by address."""


def approvals(approved: Mapping[str, Mapping[str, Json]], desired: State) -> Approved:
    """Return the approvals of a plan for `desired`; `approved` is `bound` of each change."""
    resources = {str(address): resource for address, resource in desired.items()}
    return {
        address: Approval(
            said["id"],
            tuple(said["writes"]),
            _cut(said),
            _wants(resources.get(address)),
            _words(said),
        )
        for address, said in approved.items()
    }


def hold(fresh: Plan, desired: State, approved: Sequence[Approved]) -> Plan:
    """Return the plan for `desired` with each change held that none of these approves.

    What has nothing left to write needs no approval: somebody did it already, or only waiting is
    left. What depends on a held change is skipped when the plan is carried out.
    """
    held = {change.address for change in unapproved(fresh, desired, approved)}
    return replace(
        fresh, changes=tuple(_held(c, approved) if c.address in held else c for c in fresh.changes)
    )


def unapproved(fresh: Plan, desired: State, approved: Sequence[Approved]) -> tuple[Change, ...]:
    """Return the changes that `hold` holds."""
    return tuple(
        change
        for change in fresh.changes
        if not change.blocked
        and any(step.verb not in WAITING for step in change.steps)
        and not any(
            _same(one, change, _wants(desired.get(change.address))) for one in _of(change, approved)
        )
    )


def _of(change: Change, approved: Sequence[Approved]) -> list[Approval]:
    return [one[str(change.address)] for one in approved if str(change.address) in one]


def _held(change: Change, approved: Sequence[Approved]) -> Change:
    before = next((approval.said for approval in _of(change, approved)), "nothing")
    finding = Finding(
        change.where(),
        "held: it changed since the plan was made",
        f"{PLANNED}{before}{NOW}{_words(bound(change))}",
        "plan again and have that reviewed",
        STALE,
    )
    return change.stopped(finding)


def _same(approval: Approval, change: Change, wants: str) -> bool:
    """Say whether what is to be written now is what was approved, or the rest of it."""
    now = bound(change)
    if approval.wants != wants:
        return False
    if approval.rests_on == _cut(now):
        return True
    # Where a run was stopped in between, the rest of the same is left. The bodies need not be
    # compared: both come from one spec, and what was pinned was pinned to create.
    done = len(approval.writes) - len(now["writes"])
    rest = done > 0 and list(approval.writes[done:]) == now["writes"]
    return rest and approval.id == now["id"] and not now["fields"]


def _wants(resource: Resource | None) -> str:
    """Return a digest of what a spec says; empty where there is none."""
    if resource is None:
        return ""
    return _cut(
        {
            "id": resource.id,
            "body": resource.body,
            "options": resource.options,
            "content": resource.content.digest if resource.content else "",
            "recipe": resource.recipe.decides if resource.recipe else {},
        }
    )


def _cut(value: Json) -> str:
    return digest(value)[:_HEX]


def _words(said: Mapping[str, Json]) -> str:
    """Say what a change does, in one line."""
    fields = [
        f"{path} {_short(before)} → {_short(after)}" for path, before, after in said["fields"]
    ]
    more = f" and {len(fields) - _SHOWN} more" if len(fields) > _SHOWN else ""
    what = f"{said['action']} {said['id']}"
    shown = ", ".join(fields[:_SHOWN]) + more
    return f"{what} ({shown})" if fields and said["action"] == Action.UPDATE else what


def _short(value: Json) -> str:
    text = "unset" if value in (None, "") else str(value)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def pack(approved: Approved, limit: int) -> str:
    """Return the approvals of all that writes as at most `limit` letters, digits, `-` and `_`.

    Empty where they need more: then nothing is approved by it.
    """
    rows = [
        [address, one.id, one.writes, one.rests_on, one.wants, one.said]
        for address, one in approved.items()
        if one.writes
    ]
    packed = urlsafe_b64encode(zlib.compress(json.dumps(rows).encode())).decode().rstrip("=")
    return packed if len(packed) <= limit else ""


def unpack(packed: str) -> Approved:
    """Return what `pack` was given. Errors: PlanError where it is nothing that `pack` returns."""
    try:
        data = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        reader = zlib.decompressobj()
        text = reader.decompress(data, _LARGEST)
        if not reader.eof:
            raise ValueError("cut short, or too large")  # noqa: TRY301  -- told as the others are
        return {
            str(address): Approval(
                str(id_), tuple(map(str, writes)), str(rests_on), str(wants), str(said)
            )
            for address, id_, writes, rests_on, wants, said in json.loads(text)
        }
    except (ValueError, TypeError, binascii.Error, zlib.error) as error:
        raise PlanError(
            "the approval can't be read", why=str(error), fix="plan again and have that reviewed"
        ) from error
