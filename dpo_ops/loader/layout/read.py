"""Tokens to nodes: YAML's grammar as libyaml has it, with a place for each comment.

It reads only what the loader's parser has accepted, which bounds the depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from dpo_ops.loader.layout.comments import Comment, Stand, behind, on_own_lines, settled
from dpo_ops.loader.layout.heads import into_first, without_marker
from dpo_ops.loader.layout.nodes import Alias, Block, Document, Empty, Flow, Item, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.loader.layout.lexemes import Lexeme

_PROPS: Final = (yaml.AnchorToken, yaml.TagToken)
_STARTS: Final = (
    *_PROPS,
    yaml.AliasToken,
    yaml.ScalarToken,
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_NO_TEXT: Final = (
    yaml.BlockEndToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_FLOW_ENDS: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_DOCUMENT_ENDS: Final = (
    yaml.DocumentStartToken,
    yaml.DocumentEndToken,
    yaml.DirectiveToken,
    yaml.StreamEndToken,
)


def documents(tokens: list[Lexeme]) -> list[Document]:
    """Return the documents of a file; the comments are taken out of its tokens."""
    return _Reader(tokens).documents()


class _Reader:
    def __init__(self, tokens: list[Lexeme]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def here(self) -> Lexeme:
        return self.tokens[self.at]

    def is_at(self, *kinds: type[yaml.Token]) -> bool:
        return isinstance(self.here.token, kinds)

    def next(self) -> Lexeme:
        """Go on; comments that nobody has taken go along."""
        left = self.here
        self.at += 1
        self.here.comments[:0] = left.comments
        self.here.blank = self.here.blank or (left.blank and left.kind in _NO_TEXT)
        left.comments = []
        return left

    def take(self, wanted: Callable[[Comment], bool] = lambda _: True) -> list[Comment]:
        """Take the first comments before the current token, as long as they are `wanted`."""
        comments, count = self.here.comments, 0
        while count < len(comments) and wanted(comments[count]):
            count += 1
        self.here.comments = comments[count:]
        return comments[:count]

    def side(self) -> list[Comment]:
        """Take the comment behind what was read last, and what goes on with it."""
        return self.take(lambda comment: comment.stand is not Stand.OWN)

    def documents(self) -> list[Document]:
        found: list[Document] = []
        while True:
            while self.is_at(yaml.DocumentEndToken):
                self.next()
            if self.is_at(*_DOCUMENT_ENDS) and found:
                found[-1].foot += on_own_lines(self.take())
            if self.is_at(yaml.StreamEndToken):
                break
            found.append(self.document())
        if found:
            without_marker(found[0])
        rest = on_own_lines(self.take())
        return [Document(foot=rest)] if rest else found

    def document(self) -> Document:
        made = Document()
        while self.is_at(yaml.DirectiveToken):
            made.prolog += on_own_lines(self.take())
            made.prolog.append(self.next().text.rstrip())
        if self.is_at(yaml.DocumentStartToken):
            made.prolog += on_own_lines(self.take())
            made.explicit = True
            self.next()
            made.marker = self.side()
        if not self.is_at(*_DOCUMENT_ENDS):
            made.root = self.node(-1)
            made.trailing = self.side()
        made.foot = on_own_lines(self.take())
        return made

    def starts(self, *, indentless: bool = False) -> bool:
        return self.is_at(*_STARTS) or (indentless and self.is_at(yaml.BlockEntryToken))

    def node(self, column: int, *, indentless: bool = False, flow: bool = False) -> Node:
        """Return the node that begins here, in a collection that stands in `column`."""
        pre: list[Comment] = []
        props: list[str] = []
        while self.is_at(*_PROPS):
            pre += self.take()
            props.append(self.next().text)
        if self.starts(indentless=indentless):
            pre += self.take()
            made = self.content(column)
        else:
            made = self.empty(column, flow=flow)
        made.pre = settled([*pre, *made.pre])
        made.props = " ".join(props)
        if isinstance(made, Block):
            into_first(made)
        return made

    def empty(self, column: int, *, flow: bool) -> Node:
        """Return an empty node, with the comments that are indented as if they were its value."""
        if flow:
            return Empty()
        side = self.side()
        return Empty(pre=[*side, *self.take(lambda comment: comment.column > column)])

    def content(self, column: int) -> Node:
        if self.is_at(yaml.ScalarToken):
            lexeme = self.next()
            token = lexeme.token
            style = None if token.plain else token.style
            return Scalar(lexeme.text, token.value, style, column, lexeme.open_end)
        if self.is_at(yaml.AliasToken):
            return Alias(self.next().text)
        if self.is_at(yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken):
            return self.flow()
        return self.block()

    def block(self) -> Block:
        made, column = Block(), self.here.column
        indentless = self.is_at(yaml.BlockEntryToken)
        if not indentless:
            self.next()
        while self.is_at(yaml.BlockEntryToken):
            made.items.append(self.entry(column))
        while self.is_at(yaml.KeyToken, yaml.ValueToken) and not indentless:
            made.items.append(self.pair(column))
        if indentless:
            made.foot = self.take(lambda comment: comment.column > column)
        else:
            made.foot = self.take(lambda comment: comment.column >= column)
            self.next()
        return made

    def entry(self, column: int) -> Item:
        """Return an entry of a list."""
        item = self.item()
        self.next()
        item.value = self.node(column) if self.starts() else self.empty(column, flow=False)
        item.trailing = self.side()
        return item

    def item(self) -> Item:
        blank = self.here.blank
        self.here.blank = False
        return Item(on_own_lines(self.take()), blank)

    def pair(self, column: int, *, flow: bool = False) -> Item:
        """Return a key with its value."""
        item = self.item()
        item.key = Empty()
        if self.is_at(yaml.KeyToken):
            self.next()
            item.head += on_own_lines(self.take())
            if self.starts():
                item.key = self.node(column, flow=flow)
                item.head += on_own_lines(item.key.pre)
                item.key.pre = []
        if self.is_at(yaml.ValueToken):
            between = self.take()
            self.next()
            filled = self.starts(indentless=not flow)
            read = self.node(column, indentless=not flow, flow=flow) if filled else None
            item.value = read or self.empty(column, flow=flow)
            item.value.pre = settled([*between, *item.value.pre])
        elif not flow:
            item.value = self.empty(column, flow=False)
        if not flow:
            item.trailing = self.side()
        return item

    def flow(self) -> Flow:
        start = self.next()
        mapping = start.kind is yaml.FlowMappingStartToken
        made = Flow(brackets="{}" if mapping else "[]", opening=self.side())
        while not self.is_at(*_FLOW_ENDS):
            made.items.append(self.flow_item(start.column, mapping=mapping))
        made.foot = on_own_lines(self.take())
        first, last = start.token.start_mark, self.next().token.end_mark
        filled = bool(made.items or made.foot or made.opening)
        made.wide = filled and first.line != last.line
        return made

    def flow_item(self, column: int, *, mapping: bool) -> Item:
        item = self.item()
        if self.is_at(yaml.KeyToken) and mapping:
            pair = self.pair(column, flow=True)
            item.key, item.value = pair.key, pair.value
            item.head += pair.head
        elif self.is_at(yaml.KeyToken):
            pair = self.pair(column, flow=True)
            item.head += pair.head
            pair.head = []
            item.value = Flow(pair=True, items=[pair])
        elif mapping:
            item.key = self.node(column, flow=True)
            item.head += on_own_lines(item.key.pre)
            item.key.pre = []
        else:
            item.value = self.node(column, flow=True)
            item.head += on_own_lines(item.value.pre)
            item.value.pre = []
        # Those before the comma, whatever their line, and the one behind it.
        item.trailing = self.take() if self.is_at(yaml.FlowEntryToken) else self.side()
        if self.is_at(yaml.FlowEntryToken):
            self.next()
            item.trailing += self.side()
        item.trailing = behind(item.trailing)
        return item
