"""The fast way: most rows of a file are alike in all but the text of their messages.

A layout is what such rows share: the bytes before, between and behind the texts, learned from
a row that was read the short way. In a copy of some rows all of that is written over, with a
comma, a line end and spaces, so that the JSON library sees one list of nothing but texts.

Why that proves as much as reading each row whole: no JSON string can hold the line end that
stands between the texts. If they decode to as many strings as there are texts, each text is
exactly one valid JSON string, so the row has the tokens of the row that was learned from, and
differs in nothing but what its strings say.
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
# A number is looked for in less time than a byte string of one.
_END: Final = ord("}")


class Joint(NamedTuple):
    """Bytes that follow a text; their first `}` stands at `lead`, `width` is their number.

    Every message ends in `}`. Texts seldom hold one, and one byte is found much faster
    than many. `glue` is what is written over them: not bytes, of which each write would first
    make an array.
    """

    piece: bytes
    lead: int
    width: int
    glue: bytearray


class Layout(NamedTuple):
    """What rows have in common. `order` lists the texts: the messages, preferred, the other.

    `between` is the last joint and the head of the next row.
    """

    head: bytes
    joints: tuple[Joint, ...]
    between: Joint
    order: tuple[int, ...]
    mark: int
    tools: str


class Run(NamedTuple):
    """Rows of one layout that follow each other: the index of the first, and their bytes.

    `texts` is a list of their texts as JSON; `starts` says where each row begins in the block,
    and last where the run ends.
    """

    layout: Layout
    row: int
    starts: list[int]
    texts: memoryview


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
    joints = tuple(map(_joint, pieces))
    order = tuple(places.index(node) for node in contents)
    said = said_in_good(row)
    return Layout(head, joints, _joint(pieces[-1] + head), order, said.mark, said.tools)


def _joint(piece: bytes) -> Joint:
    return Joint(piece, piece.index(_END), len(piece), bytearray(b",\n".ljust(len(piece))))


def _contents(row: Node) -> list[Node]:
    said = _get(_get(row, "input"), "messages").items
    sides = [_get(row, side).items[0] for side in _SIDES]
    return [_get(message, "content") for message in (*said, *sides)]


def _get(owner: Node, name: str) -> Node:
    found = owner.get(name)
    assert found is not None and found.kind is not Kind.NULL  # noqa: S101, PT018 - accepted
    return found


def read_alike(block: bytearray, layout: Layout) -> list[list[str]] | None:
    r"""Return columns of text if all rows of a block, each with its `\n`, are alike and good.

    The block is written over, whether they are or not.

    This is the hot loop: a call less in it is some percent of the whole check. So it does not
    ask whether a text goes on into the next line; one that did would not decode.
    """
    head, (*inner, tail), between, order, *_ = layout
    find, startswith = block.find, block.startswith
    if not startswith(head) or not block.endswith(tail.piece):
        return None
    block[: len(head)] = b"[".ljust(len(head))
    start, rows = len(head), 0
    joints = (*inner, between)
    while True:
        rows += 1
        for piece, lead, width, glue in joints:
            end = find(_END, start) - lead
            # Below `start` nothing was found, and startswith would count from the end.
            if end < start or not startswith(piece, end):
                end = find(piece, start)
                if end < 0:
                    break
            start = end + width
            block[end:start] = glue
        else:
            continue
        break
    block[len(block) - tail.width :] = b"]".ljust(tail.width)
    found = texts_of(block, rows * len(order))
    return in_order([found[i :: len(order)] for i in range(len(order))], order) if found else None


def cut(block: bytes, layouts: Sequence[Layout]) -> tuple[int, list[Run], list[Odd]]:
    r"""Sort the lines of `block`, each with its `\n`, by layout; return their number first."""
    runs: list[Run] = []
    odd: list[Odd] = []
    copy = bytearray(block)
    at = row = 0
    while at < len(block):
        before = at
        for layout in layouts:
            starts = _glue_rows(block, copy, at, layout)
            if len(starts) > 1:
                runs.append(_run(layout, row, starts, copy))
                at, row = starts[-1], row + len(starts) - 1
        if at == before:
            end = block.index(b"\n", at)
            odd.append(Odd(row, block[at:end]))
            at, row = end + 1, row + 1
    return row, runs, odd


def _glue_rows(block: bytes, copy: bytearray, at: int, layout: Layout) -> list[int]:
    """Glue rows as long as they have the layout; return where each begins, and the last ends.

    This is the hot loop: a call less in it is some percent of the whole check.
    """
    head, (*inner, (tail, _, width_of_tail, glue_of_tail)), *_ = layout
    find, startswith, width_of_head = block.find, block.startswith, len(head)
    blank = b" " * width_of_head
    starts = [at]
    while startswith(head, at):
        start = at + width_of_head
        stop = find(b"\n", at) + 1
        for piece, lead, width, glue in inner:
            end = find(_END, start) - lead
            # Below `start` nothing was found, and startswith would count from the end.
            if end < start or not startswith(piece, end):
                end = find(piece, start, stop)
                if end < 0:
                    return starts
            start = end + width
            copy[end:start] = glue
        end = stop - width_of_tail
        # A text that went on into the next line would have left `start` behind `end`.
        if start > end or not startswith(tail, end):
            return starts
        copy[at : at + width_of_head] = blank
        copy[end:stop] = glue_of_tail
        at = stop
        starts.append(at)
    return starts


def _run(layout: Layout, row: int, starts: list[int], copy: bytearray) -> Run:
    """Close the list of texts that some rows were glued to."""
    first, last, tail = starts[0], starts[-1], layout.joints[-1]
    copy[first : first + 1] = b"["
    copy[last - tail.width : last] = b"]".ljust(tail.width)
    return Run(layout, row, starts, memoryview(copy)[first:last])


def again(block: bytes, run: Run, some: slice) -> Run:
    """Return the run of some of its rows; the slice is that of their starts."""
    starts = run.starts[some]
    copy = bytearray(block[starts[0] : starts[-1]])
    glued = _glue_rows(bytes(copy), copy, 0, run.layout)
    part = _run(run.layout, run.row + some.start, glued, copy)
    return part._replace(starts=starts)


def decode(run: Run) -> list[list[str]] | None:
    """Return columns of text if all rows of a run are good.

    The first columns are those of the messages, the last two those of the sides.
    """
    order = run.layout.order
    many = len(order)
    found = texts_of(run.texts, many * (len(run.starts) - 1))
    return in_order([found[i::many] for i in range(many)], order) if found else None


def texts_of(data: bytearray | memoryview, count: int) -> list[str] | None:
    """Return the strings of a JSON list if there are `count`, none empty or white space."""
    try:
        found = _loads()(data)
        # Not a TypeError: all are strings.
        usable = len(found) == count and not any(map(str.isspace, found)) and all(found)
    except (ValueError, TypeError):
        return None
    return found if usable else None


def in_order(columns: list[list[str]], order: tuple[int, ...]) -> list[list[str]] | None:
    """Return columns as messages, preferred, other; None if two sides of a row are the same."""
    columns = [columns[i] for i in order]
    return None if any(map(eq, columns[-2], columns[-1])) else columns


@cache
def _loads() -> Callable[[bytearray | memoryview], list[str]]:
    # orjson and not msgspec: both check UTF-8, escapes and surrogates strictly, and over
    # real rows orjson takes a sixth less time; the types are proved above.
    from orjson import loads  # noqa: PLC0415 - to import pairs stays light

    return loads
