"""Nodes to text: two spaces a level, one way to write each thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeGuard

from dpo_ops.loader.layout.comments import Stand
from dpo_ops.loader.layout.nodes import Alias, Block, Document, Empty, Flow, Item, Node, Scalar
from dpo_ops.loader.layout.scalars import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.loader.layout.comments import Comment

_STEP: Final = 2
_GAP: Final = 2
"""The spaces before a comment behind something, at least."""
_LONGEST_KEY: Final = 1000
"""libyaml looks 1,024 characters ahead for the colon that makes a text a key."""


def written(documents: Sequence[Document]) -> str:
    """Return the text of a file, with one line break at its end."""
    writer = _Writer()
    for number, document in enumerate(documents):
        writer.document(document, first=number == 0)
    text = "\n".join(writer.lines)
    return f"{text}\n" if text else ""


def _is_compact(node: Node | None) -> TypeGuard[Block]:
    """Return whether a collection can begin behind the dash of the entry that it is."""
    return isinstance(node, Block) and not (node.props or node.pre or node.items[0].head)


class _Writer:
    """Writes from top to bottom; the last of `lines` is the one being written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, column: int, *, blank: bool = False) -> None:
        """Begin a line."""
        if blank and self.lines:
            self.lines.append("")
        self.lines.append(" " * column)

    def put(self, text: str) -> None:
        """Go on in the current line."""
        self.lines[-1] += text

    def side(self, comments: Sequence[Comment]) -> None:
        """Write the comment behind a line, and those that go on with it."""
        if not comments:
            return
        column = self._column(comments[0])
        self.lines[-1] = self.lines[-1].ljust(column) + comments[0].text
        self.lines += [" " * column + comment.text for comment in comments[1:]]

    def _column(self, comment: Comment) -> int:
        """Return where a comment goes: as far from the line's first letter as before."""
        line = self.lines[-1]
        if comment.gap < _GAP:
            return len(line) + _GAP
        return max(len(line) + _GAP, len(line) - len(line.lstrip()) + comment.offset)

    def own(self, comments: Sequence[Comment], column: int, *, first: bool = False) -> None:
        """Write comments on lines of their own; no blank line above the `first` of something."""
        for number, comment in enumerate(comments):
            self.start(column, blank=comment.blank and not (first and number == 0))
            self.put(comment.text)

    def document(self, document: Document, *, first: bool) -> None:
        if document.directives and not first:
            self.lines.append("...")
        for part in document.prolog:
            if isinstance(part, str):
                self.lines.append(part)
            else:
                self.own([part], 0, first=not self.lines)
        marked = document.explicit or not first
        if marked:
            self.lines.append("---")
            self.side(document.marker)
        bare = isinstance(document.root, Empty) and not document.root.props
        if not bare:
            self.root(document.root)
        self.side(document.trailing)
        self.own(document.foot, 0, first=bare)

    def root(self, root: Node) -> None:
        if isinstance(root, Block):
            if root.props:
                self.lines.append(root.props)
                self.side(root.pre)
            self.items(root, 0)
            return
        self.own(root.pre, 0, first=True)
        self.start(0)
        self.content(root, 0, _STEP, flow=False)

    def items(self, block: Block, column: int, *, inline: bool = False) -> None:
        """Write a line for each entry; the first goes on in the current line if `inline`."""
        for number, item in enumerate(block.items):
            if number or not inline:
                self.own(item.head, column, first=not number)
                self.start(column, blank=item.blank and bool(number or item.head))
            self.item(item, column)
        self.own(block.foot, column)

    def item(self, item: Item, column: int) -> None:
        if item.key is None:
            self.put("-")
            if _is_compact(item.value):
                self.put(" ")
                self.items(item.value, column + _STEP, inline=True)
            else:
                self.value(item.value, column, column + _STEP)
        else:
            self.pair(item, column, flow=False)
        self.side(item.trailing)

    def pair(self, item: Item, column: int, *, flow: bool) -> None:
        assert item.key  # noqa: S101  -- an entry of a mapping has one
        lines = self.key(item.key, column, flow=flow)
        is_short = len(lines) == 1 and len(lines[0]) <= _LONGEST_KEY
        if is_short:
            self.put(lines[0])
        else:
            self.put(f"? {lines[0]}")
            self.lines += lines[1:]
            if item.value is not None:
                self.start(column)
        if item.value is not None:
            self.put(":")
            self.value(item.value, column, column, flow=flow)

    def key(self, key: Node, column: int, *, flow: bool) -> list[str]:
        """Return the lines of a key."""
        writer = _Writer()
        writer.start(0)
        writer.content(key, column, column + _STEP, flow=flow)
        if isinstance(key, Alias) or (isinstance(key, Empty) and key.props):
            writer.put(" ")  # A colon could be a part of its name.
        return writer.lines

    def value(self, node: Node | None, column: int, bracket: int, *, flow: bool = False) -> None:
        """Write a value behind its key or dash, which stands in `column`.

        `bracket` is the column where a bracket that it opens is closed.
        """
        assert node  # noqa: S101  -- an entry of a list has a value
        side = [comment for comment in node.pre if comment.stand is not Stand.OWN]
        inside, has_text = column + _STEP, not isinstance(node, Block | Empty)
        if has_text and not node.pre:
            self.put(" ")
            self.content(node, bracket, inside, flow=flow)
            return
        if not has_text and (node.props or flow):
            # In brackets, a colon right before a comma is not the end of a key.
            self.put(f" {node.props}")
        self.side(side)
        self.own(node.pre[len(side) :], inside, first=True)
        if isinstance(node, Block):
            self.items(node, inside)
        elif has_text:
            self.start(inside)
            self.content(node, inside, inside, flow=flow)

    def content(self, node: Node, bracket: int, inside: int, *, flow: bool) -> None:
        """Write what a node is, in the current line and those below it."""
        if node.props:
            self.put(node.props if isinstance(node, Empty) else f"{node.props} ")
        if isinstance(node, Alias):
            self.put(node.text)
        elif isinstance(node, Scalar):
            first, *rest = lines_of(node, inside, flow=flow)
            self.put(first)
            self.lines += rest
        elif isinstance(node, Flow):
            self.flow(node, bracket)

    def flow(self, flow: Flow, column: int) -> None:
        if flow.pair:
            self.pair(flow.items[0], column, flow=True)
            return
        opening, closing = tuple(flow.brackets)
        if not flow.wide:
            # Put together at once: a line that grows by entries would be copied for each.
            entries = (self.line(item, column) for item in flow.items)
            self.put(f"{opening}{', '.join(entries)}{closing}")
            return
        self.put(opening)
        self.side(flow.opening)
        self.wide(flow, column + _STEP)
        self.start(column)
        self.put(closing)

    def line(self, item: Item, column: int) -> str:
        """Return an entry that has one line."""
        writer = _Writer()
        writer.start(0)
        writer.entry(item, column)
        return writer.lines[0]

    def wide(self, flow: Flow, column: int) -> None:
        """Write a line for each entry between two brackets."""
        for number, item in enumerate(flow.items):
            self.own(item.head, column, first=not number)
            self.start(column, blank=item.blank and bool(number or item.head))
            self.entry(item, column)
            self.put(",")
            self.side(item.trailing)
        self.own(flow.foot, column, first=not flow.items)

    def entry(self, item: Item, column: int) -> None:
        if item.key is not None:
            self.pair(item, column, flow=True)
        elif item.value is not None:
            self.content(item.value, column, column + _STEP, flow=True)
