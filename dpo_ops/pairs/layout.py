"""The fast way: most rows of a file are alike in all but the text of their messages.

A layout is what such rows share: the bytes before, between and behind the texts, learned from
a row that was read the short way. A block of rows is cut along its layouts, and the JSON
library sees nothing but the texts, many rows at once.

Why that proves as much as reading each row whole: the texts are joined by a comma and a line
end, which no JSON string can hold. If they decode to as many strings as there are texts, each
text is exactly one valid JSON string, so the row has the tokens of the row that was learned
from, and differs in nothing but what its strings say.
"""

from __future__ import annotations

from functools import cache
from operator import eq
from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.pairs.accept import accepted
from dpo_ops.pairs.keys import said_in_good
from dpo_ops.pairs.scan import Broken, Kind, Node, Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIDES: Final = ("preferred_output", "non_preferred_output")


class Joint(NamedTuple):
    """Bytes that follow a text; their first `}` stands at `lead`, `width` is their number.

    Every message ends in `}`. Texts seldom hold one, and one byte is found much faster
    than many.
    """

    piece: bytes
    lead: int
    width: int


class Layout(NamedTuple):
    """What rows have in common. `order` lists the texts: the messages, preferred, the other."""

    head: bytes
    joints: tuple[Joint, ...]
    order: tuple[int, ...]
    mark: int


class Group(NamedTuple):
    """Rows of one layout: their indexes in the block, and their texts as JSON, row by row."""

    layout: Layout
    rows: list[int]
    texts: list[bytes]


class Odd(NamedTuple):
    r"""A line of no known layout: its index in the block, and its bytes without the `\n`."""

    row: int
    line: bytes


def learn(line: bytes) -> Layout | None:
    r"""Return the layout of a row that breaks no rule, given without `\n`."""
    row = accepted(line)
    if row is None:
        return None
    text = str(line, "utf-8")
    try:
        tree = Scanner(text).scan()
    except Broken:
        return None
    contents = _contents(tree)
    places = sorted(contents, key=lambda node: node.at)
    ends = [0, *(node.end for node in places)]
    starts = [*(node.at for node in places), len(text)]
    head, *pieces = [text[a:b].encode() for a, b in zip(ends, starts, strict=True)]
    pieces[-1] += b"\n"
    joints = tuple(Joint(piece, piece.index(b"}"), len(piece)) for piece in pieces)
    order = tuple(places.index(node) for node in contents)
    return Layout(head, joints, order, said_in_good(row).mark)


def _contents(row: Node) -> list[Node]:
    said = _get(_get(row, "input"), "messages").items
    sides = [_get(row, side).items[0] for side in _SIDES]
    return [_get(message, "content") for message in (*said, *sides)]


def _get(owner: Node, name: str) -> Node:
    found = owner.get(name)
    assert found is not None and found.kind is not Kind.NULL  # noqa: S101, PT018 - accepted
    return found


def cut(block: bytes, layouts: Sequence[Layout]) -> tuple[int, list[Group], list[Odd]]:
    r"""Sort the lines of `block`, each with its `\n`, by layout; return their number first."""
    groups = [Group(layout, [], []) for layout in layouts]
    odd: list[Odd] = []
    at = row = 0
    while at < len(block):
        before = at
        for group in groups:
            at, row = _cut_rows(block, at, row, group)
        if at == before:
            end = block.index(b"\n", at)
            odd.append(Odd(row, block[at:end]))
            at, row = end + 1, row + 1
    return row, [group for group in groups if group.rows], odd


def _cut_rows(block: bytes, at: int, row: int, group: Group) -> tuple[int, int]:
    """Add rows to a group as long as they have its layout; return where the next begins.

    This is the hot loop: a call less in it is some percent of the whole check.
    """
    (head, joints, _, _), rows, texts = group
    *inner, (tail, _, width_of_tail) = joints
    find, startswith, width_of_head = block.find, block.startswith, len(head)
    add, first = texts.append, row
    while startswith(head, at):
        start = at + width_of_head
        stop = find(b"\n", at) + 1
        for piece, lead, width in inner:
            end = find(b"}", start) - lead
            # Below `start` nothing was found, and startswith would count from the end.
            if end < start or not startswith(piece, end):
                end = find(piece, start, stop)
                if end < 0:
                    break
            add(block[start:end])
            start = end + width
        else:
            end = stop - width_of_tail
            # A text that went on into the next line would have left `start` behind `end`.
            if start <= end and startswith(tail, end):
                add(block[start:end])
                at = stop
                row += 1
                continue
        # Cut no further than to whole rows.
        del texts[len(joints) * (len(rows) + row - first) :]
        break
    rows.extend(range(first, row))
    return at, row


def decode(group: Group, first: int, last: int) -> list[list[str]] | None:
    """Return columns of text for the rows `first` to `last` if all of them are good.

    The first columns are those of the messages, the last two those of the sides.
    """
    order = group.layout.order
    many = len(order)
    texts = group.texts[first * many : last * many]
    try:
        found = _loads()(b"[" + b",\n".join(texts) + b"]")
        # Not a TypeError: all are strings. None may be empty or white space.
        if len(found) != len(texts) or any(map(str.isspace, found)) or not all(found):
            return None
    except (ValueError, TypeError):
        return None
    columns = [found[i::many] for i in order]
    return None if any(map(eq, columns[-2], columns[-1])) else columns


@cache
def _loads() -> Callable[[bytes], list[str]]:
    # orjson and not msgspec: both check UTF-8, escapes and surrogates strictly, and over
    # real rows orjson takes a sixth less time; the types are proved above.
    from orjson import loads  # noqa: PLC0415 - to import pairs stays light

    return loads
