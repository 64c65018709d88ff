"""Whether the files that a plan would read are still those that it was made from.

Looked at before anything is written, so that no dataset is left behind without its rows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import Finding
from dpo_ops.planner import Verb
from dpo_ops.planner.approval import NOW, PLANNED, STALE

if TYPE_CHECKING:
    from dpo_ops.executor import Workshop
    from dpo_ops.pairs.cache import Cache
    from dpo_ops.planner import Change, Plan
    from dpo_ops.resource import Content

EDITED: Final = "file-edited"
"""The rule of a finding about a file that was edited while the command ran."""
_ANEW: Final = "put the planned file back, or plan again and have that reviewed"
_AGAIN: Final = "run the same command again: it plans with the file as it is"


def intact(proposed: Plan, shop: Workshop, known: Cache, *, saved: bool) -> Plan:
    """Return the plan with each change held whose file is not the one that was planned.

    What needs a held change is skipped when the plan is carried out. `saved` says that the plan
    was made by an earlier command, so that to run this one again makes no other.
    """
    changes = (_held(change, shop, known, saved=saved) for change in proposed.changes)
    return replace(proposed, changes=tuple(changes))


def _held(change: Change, shop: Workshop, known: Cache, *, saved: bool) -> Change:
    content = _to_read(change, shop)
    if content is None:
        return change
    try:
        digest = known.digest(Path(content.path))
        now = f"sha256 {digest}"
    except OSError as error:
        digest, now = "", f"nothing: {error.strerror}"
    if digest == content.digest:
        return change
    rule, fix = (STALE, _ANEW) if saved else (EDITED, _AGAIN)
    what = f"held: {content.path} is not the file that was planned"
    why = f"{PLANNED}sha256 {content.digest}{NOW}{now}"
    return change.stopped(Finding(change.where(), what, why, fix, rule))


def _to_read(change: Change, shop: Workshop) -> Content | None:
    """Return the file that carrying the change out would read, if any."""
    verbs, resource = {step.verb for step in change.steps}, change.resource
    if resource is None:
        return None
    if resource.recipe:
        return shop.to_read(resource) if Verb.TRAIN in verbs else None
    return resource.content if Verb.UPLOAD in verbs else None
