"""A YAML document as nodes that remember where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.errors import Place
    from dpo_ops.loader.source import Source

BROKEN: Final = object()
"""The value of a node about which something was reported already: nothing more is said of it."""


@dataclass(slots=True, eq=False)
class Node:
    """One value: a scalar, a list of nodes, a dict of entries, or `BROKEN`.

    `index` is where it begins in its source, in characters from 0. `size` counts the nodes in
    it with aliases followed, `height` the levels below it.
    """

    source: Source
    index: int
    value: Any
    size: int = 1
    height: int = 0

    @property
    def place(self) -> Place:
        """Where the value begins."""
        return self.source.place(self.index)


@dataclass(slots=True, eq=False)
class Entry:
    """One key of a mapping, where it stands, and its value."""

    source: Source
    index: int
    node: Node

    @property
    def place(self) -> Place:
        """Where a reader looks for it: a scalar at its value, anything larger at its key."""
        if isinstance(self.node.value, dict | list):
            return self.key_place
        return self.node.place

    @property
    def key_place(self) -> Place:
        """Where the key begins."""
        return self.source.place(self.index)


Path: TypeAlias = "Sequence[str | int]"


def plain(node: Node) -> Any:
    """Return the value without places: None, bool, int, float, str, list, dict or `BROKEN`."""
    value = node.value
    if type(value) is dict:
        return {key: plain(entry.node) for key, entry in value.items()}
    if type(value) is list:
        return [plain(item) for item in value]
    return value


def places(entry: Entry, above: str = "") -> Iterator[tuple[str, Place]]:
    """Yield the dotted path and the place of every value below `entry`."""
    value = entry.node.value
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{above}.{key}" if above else key
            yield path, inner.place
            yield from places(inner, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            path = f"{above}.{number}" if above else str(number)
            yield path, item.place
            yield from places(Entry(item.source, item.index, item), path)


def secrets_in(node: Node) -> Iterator[str]:
    """Yield each environment variable that a `secretRef` below `node` names."""
    value = node.value
    if isinstance(value, list):
        for item in value:
            yield from secrets_in(item)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from secrets_in(entry.node)
            name = entry_at(entry, ("env",)) if key == "secretRef" else None
            if name is not None and isinstance(name.node.value, str):
                yield name.node.value


def entry_at(entry: Entry, path: Path) -> Entry | None:
    """Return what stands at `path` below `entry`, or None where there is nothing."""
    for step in path:
        value = entry.node.value
        if isinstance(value, dict) and step in value:
            entry = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            entry = Entry(value[step].source, value[step].index, value[step])
        else:
            return None
    return entry


def nearest(entry: Entry, path: Path) -> Place:
    """Return the place of `path`, or of the nearest part above it that exists."""
    for length in range(len(path), -1, -1):
        if found := entry_at(entry, path[:length]):
            return found.place
    return entry.place


def merge(under: Node, over: Node) -> Node:
    """Return `over` with the keys that only `under` has; mappings merge, anything else wins whole.

    An explicit null in `over` wins too.
    """
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    merged = dict(under.value)
    for key, entry in over.value.items():
        below = merged.get(key)
        node = merge(below.node, entry.node) if below else entry.node
        merged[key] = Entry(entry.source, entry.index, node)
    return Node(over.source, over.index, merged)
