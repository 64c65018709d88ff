"""Which spec was last applied to a record, as a whole and field by field.

It is written in two annotations of the record. The first is a digest of all that the spec said.
The second begins with the same one, and has a few hex digits for each field that an update can
change; so a digest that an earlier version wrote later on does not go with them any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops.kinds.facts import PATCHED, fact_in
from dpo_ops.kinds.values import leaves, same
from dpo_ops.resource import Json, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpo_ops.kinds.facts import Field

APPLIED: Final = "custom/dpo-ops-applied"
FIELDS: Final = "custom/dpo-ops-applied-fields"
TAGS: Final = "annotations"
_LONGEST: Final = 128
"""What the platform takes as the value of an annotation."""
_DIGITS: Final = 4


def stamp(said: str, body: Mapping[str, Json], rows: Sequence[Field]) -> dict[str, str]:
    """Return the annotations that say what was applied: `said`, and each field of `body`.

    Only what an update compares is in them, so no secret is. Where there are more fields than
    fit, only the whole is told.
    """
    each = "".join(sorted(_marks(body, rows)))
    return {APPLIED: said, FIELDS: said + each if len(said + each) <= _LONGEST else said}


def applied(said: str, record: Mapping[str, Json], path: str, wish: Json) -> bool | None:
    """Return whether what a spec wishes at `path` was applied; None where nothing tells.

    A record that tells nothing of its fields tells the same of each: whether the whole spec,
    whose digest is `said`, was applied.
    """
    tags = record.get(TAGS) or {}
    then, each = (str(tags.get(key) or "") for key in (APPLIED, FIELDS))
    if not then:
        return None
    if then == said or not each.startswith(then):
        return then == said
    marks = each.removeprefix(then)
    at = range(0, len(marks), _DIGITS)
    return _mark(path, wish) in {marks[n : n + _DIGITS] for n in at}


def _marks(body: Mapping[str, Json], rows: Sequence[Field]) -> Iterator[str]:
    for path, value in leaves(body, wholes=[row.path for row in rows if row.whole]):
        row = fact_in(rows, path)
        if row and (row.behaviour in PATCHED or row.path == TAGS):
            yield _mark(path, value)


def _mark(path: str, value: Json) -> str:
    return digest([path, None if same(value, None) else value])[:_DIGITS]
