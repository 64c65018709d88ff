"""A YAML file as it is written: its values with their text, and the comments at each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.loader.layout.comments import Comment


@dataclass(slots=True, kw_only=True)
class Node:
    """A value. `pre` are the comments before it, `props` its anchor and tag as written."""

    pre: list[Comment] = field(default_factory=list)
    props: str = ""


@dataclass(slots=True)
class Empty(Node):
    """Nothing, which means null."""


@dataclass(slots=True)
class Alias(Node):
    """A value that stands elsewhere: `*name`."""

    text: str


@dataclass(slots=True)
class Scalar(Node):
    """A text, a number or a word. `column` is that of the collection that it is in, or -1."""

    text: str
    value: str
    style: str | None
    column: int
    open_end: bool


@dataclass(slots=True)
class Item:
    """One entry of a collection.

    `head` are the comments on the lines above it, `trailing` those behind its end. `blank` says
    that a blank line stands right above it. Without `key` it is an entry of a list; without
    `value` a key on its own.
    """

    head: list[Comment]
    blank: bool
    key: Node | None = None
    value: Node | None = None
    trailing: list[Comment] = field(default_factory=list)


@dataclass(slots=True)
class Block(Node):
    """A mapping or a list with a line for each entry. `foot` are comments after the last."""

    items: list[Item] = field(default_factory=list)
    foot: list[Comment] = field(default_factory=list)


@dataclass(slots=True)
class Flow(Node):
    """A mapping or a list in brackets; `pair` for one key in a list, which has none.

    `opening` are the comments behind its bracket. `wide` says that it has more than one line.
    """

    brackets: str = "{}"
    pair: bool = False
    wide: bool = False
    opening: list[Comment] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    foot: list[Comment] = field(default_factory=list)


Collection: TypeAlias = Block | Flow


@dataclass(slots=True)
class Document:
    """One document. `prolog` is what stands above its `---`; `marker` the comments behind that."""

    prolog: list[Comment | str] = field(default_factory=list)
    explicit: bool = False
    marker: list[Comment] = field(default_factory=list)
    root: Node = field(default_factory=Empty)
    trailing: list[Comment] = field(default_factory=list)
    foot: list[Comment] = field(default_factory=list)

    @property
    def directives(self) -> bool:
        """Whether the document begins with a line such as `%YAML 1.2`."""
        return any(isinstance(part, str) for part in self.prolog)


def below(node: Node | None) -> Iterator[Node]:
    """Yield a node and all nodes in it."""
    if node is None:
        return
    yield node
    if isinstance(node, Block | Flow):
        for item in node.items:
            yield from below(item.key)
            yield from below(item.value)
