"""Which fields of a resource change, and why each does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.kinds.facts import PATCHED, Behaviour, Field, Kind, fact
from dpo_ops.kinds.values import leaves, look_up, same
from dpo_ops.planner.change import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.resource import Json, Recipe

DECIDES = "decides the weights"


def updates(
    kind: Kind, wanted: Mapping[str, Json], record: Mapping[str, Json]
) -> tuple[FieldChange, ...]:
    """Return the fields that an update must change: only those that the spec sets."""
    return tuple(_differences(kind, wanted, record, PATCHED))


def since(
    kind: Kind, wanted: Mapping[str, Json], earlier: Mapping[str, Json]
) -> tuple[FieldChange, ...]:
    """Return the fields in which a new generation differs from an earlier one."""
    return tuple(_differences(kind, wanted, earlier, (*PATCHED, Behaviour.IMMUTABLE)))


def creation(kind: Kind, wanted: Mapping[str, Json]) -> tuple[FieldChange, ...]:
    """Return the fields that a create sets."""
    rows = ((path, value, fact(kind, path)) for path, value in leaves(wanted))
    return tuple(FieldChange(p, None, value, row.reason if row else "") for p, value, row in rows)


def deciding(recipe: Recipe, before: Mapping[str, Json]) -> tuple[FieldChange, ...]:
    """Return in what the recipe differs from `before`, or all of it where that is empty."""
    return tuple(
        FieldChange(path, look_up(before, path.split(".")), value, DECIDES)
        for path, value in leaves(recipe.decides)
        if not same(value, look_up(before, path.split(".")))
    )


def _differences(
    kind: Kind,
    wanted: Mapping[str, Json],
    record: Mapping[str, Json],
    compared: tuple[Behaviour, ...],
) -> Iterator[FieldChange]:
    wholes = [row.path for row in kind.fields if row.whole]
    for path, value in leaves(wanted, wholes=wholes):
        row = fact(kind, path)
        if row is None or row.behaviour not in compared:
            continue
        if value is None and row.behaviour is Behaviour.SERVER_DEFAULT:
            continue  # Cleared, it is the server's to fill: there is no value to compare with.
        before = look_up(record, path.split("."))
        if not _same(row, value, before):
            yield FieldChange(path, before, value, row.reason)


def _same(row: Field, wanted: Json, before: Json) -> bool:
    # A row stands for all below it; its own comparison is only for its own values.
    return row.same(wanted, before) if row.same else same(wanted, before)
