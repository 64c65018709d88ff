"""Check the lines of one part of a file: what is wrong with them, and the keys of their pairs."""

from __future__ import annotations

from operator import add, gt, ne
from typing import TYPE_CHECKING, Final

from dpo_ops.errors import Severity
from dpo_ops.pairs.accept import accepted
from dpo_ops.pairs.explain import explain
from dpo_ops.pairs.keys import Keys, keys_of, said_in, said_in_good
from dpo_ops.pairs.layout import Odd, again, cut, decode, learn, read_alike
from dpo_ops.pairs.rows import pair_of
from dpo_ops.pairs.rules import MAX_ROW_BYTES, RULES
from dpo_ops.pairs.tally import Tally
from dpo_ops.pairs.tokens import PER_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dpo_ops.pairs.keys import Said
    from dpo_ops.pairs.layout import Layout, Run
    from dpo_ops.pairs.rows import Pair
    from dpo_ops.pairs.rules import Fault

_MARK: Final = b"\xef\xbb\xbf"
# What JSON calls white space; a line of nothing else is blank.
_SPACE: Final = b" \t\r"
# More layouts than this are no layouts but chance, and each costs a look at every row.
_LAYOUTS: Final = 8


class Part:
    """What was found in a part of a file; lines count from 1 at its start.

    `longer` counts the pairs whose longer side is preferred, `uneven` all whose sides differ
    in length. `tokens` sums those of the prompts, the preferred and the other sides, where
    `count` says how many a text has.
    """

    def __init__(
        self, cap: int, shown: str = "", count: Callable[[str], int] | None = None
    ) -> None:
        self.cap = cap
        self.count = count
        self.tokens = [0, 0, 0]
        self.tally = Tally(shown, cap)
        self.keys = Keys()
        self.lines = self.blank = self.longer = self.uneven = 0

    def join(self, other: Part) -> None:
        """Add the next part of the file."""
        self.tally.extend(other.tally, self.lines)
        self.keys.join(other.keys)
        self.lines += other.lines
        self.blank += other.blank
        self.longer += other.longer
        self.uneven += other.uneven
        self._add_tokens(other.tokens)

    def take(
        self, rows: Sequence[int], mark: int, columns: Sequence[Sequence[str]], tools: str
    ) -> None:
        """Note the pairs of some rows, whose indexes in the part rise; see `keys_of`."""
        self.keys.place(rows, keys_of(mark, columns))
        self._weigh(list(map(len, columns[-2])), list(map(len, columns[-1])))
        if self.count:
            self.measure(columns, tools)

    def measure(self, columns: Sequence[Sequence[str]], tools: str) -> None:
        """Count the tokens of some rows, as `tokens.measure` does those of one."""
        count = self.count
        assert count  # noqa: S101 - asked for by who calls
        rows = len(columns[0])
        *before, preferred, other = [
            sum(map(count, column)) + rows * PER_MESSAGE for column in columns
        ]
        self._add_tokens([sum(before) + rows * (count(tools) if tools else 0), preferred, other])

    def _add_tokens(self, some: Sequence[int]) -> None:
        self.tokens = list(map(add, self.tokens, some))

    def take_some(self, found: Iterable[tuple[int, Said]]) -> None:
        """Note the pairs of rows that may differ in their marks."""
        groups: dict[tuple[int, int, str], tuple[list[int], list[tuple[str, ...]]]] = {}
        for row, (mark, texts, tools) in found:
            rows, all_texts = groups.setdefault((mark, len(texts), tools), ([], []))
            rows.append(row)
            all_texts.append(texts)
        for (mark, _, tools), (rows, all_texts) in groups.items():
            self.take(rows, mark, list(zip(*all_texts, strict=True)), tools)

    def _weigh(self, preferred: Sequence[int], other: Sequence[int]) -> None:
        self.longer += sum(map(gt, preferred, other))
        self.uneven += sum(map(ne, preferred, other))


def check_plainly(data: bytes, part: Part) -> None:
    r"""Check the lines of a small file, without learning anything and without heavy imports."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    part.keys.make_room(len(lines))
    _check_lines(enumerate(lines), part, top=True)
    part.lines += len(lines)


def check_block(
    data: bytearray, part: Part, layouts: list[Layout], again: Callable[[], bytes], *, top: bool
) -> None:
    r"""Check some whole lines; `top` says that they begin the file.

    The lines are written over; `again` returns them as they were. What is learned of how rows
    are laid out is added to `layouts`.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    if len(data) > MAX_ROW_BYTES:
        # No block is as long: it is one line over the limit, and no row however well laid out.
        part.keys.make_room(1)
        _check_lines([(part.lines, bytes(memoryview(data)[:-1]))], part, top=top)
        part.lines += 1
        return
    if not layouts:
        _learn(bytes(data[: data.index(b"\n")]), layouts)
    if len(layouts) == 1 and _check_at_once(data, part, layouts[0]):
        return
    block = again()
    if not block.endswith(b"\n"):
        block += b"\n"
    count, runs, odd = cut(block, layouts)
    part.keys.make_room(count)
    # In the order of the file: of what is found often, the first are shown.
    alone = sorted([*odd, *(row for run in runs for row in _check_run(block, run, part))])
    _check_lines(((part.lines + row, line) for row, line in alone), part, top=top)
    if odd:
        _learn(odd[0].line, layouts)
    part.lines += count


def _check_at_once(block: bytearray, part: Part, layout: Layout) -> bool:
    """Take all rows of a block if they are of one layout and good; return whether they were."""
    columns = read_alike(block, layout)
    if not columns:
        return False
    rows = len(columns[0])
    part.keys.make_room(rows)
    part.take(range(part.lines, part.lines + rows), layout.mark, columns, layout.tools)
    part.lines += rows
    return True


def _learn(line: bytes, layouts: list[Layout]) -> None:
    layout = learn(line) if len(layouts) < _LAYOUTS else None
    if layout and layout not in layouts:
        layouts.append(layout)


def _check_run(block: bytes, run: Run, part: Part) -> Iterator[Odd]:
    """Take the good rows of a run; yield the others."""
    columns = decode(run)
    first, rows = part.lines + run.row, len(run.starts) - 1
    if columns:
        part.take(range(first, first + rows), run.layout.mark, columns, run.layout.tools)
    elif rows == 1:
        yield Odd(run.row, block[run.starts[0] : run.starts[1] - 1])
    else:
        # A row of these is not good: halves find it in few steps.
        for half in (slice(0, rows // 2 + 1), slice(rows // 2, rows + 1)):
            yield from _check_run(block, again(block, run, half), part)


def _check_lines(lines: Iterable[tuple[int, bytes]], part: Part, *, top: bool) -> None:
    """Check lines one by one, given with their indexes; `top` says that index 0 begins the file."""
    found: list[tuple[int, Said]] = []
    for index, line in lines:
        row = accepted(line)
        if row:
            found.append((index, said_in_good(row)))
        elif pair := _explain_line(line, index + 1, part, top=top and index == 0):
            found.append((index, said_in(pair)))
    part.take_some(found)


def _explain_line(line: bytes, number: int, part: Part, *, top: bool) -> Pair | None:
    """Note what is wrong with a line that was not accepted; return its pair if it has one."""
    note = part.tally.add
    if top and line.startswith(_MARK):
        note("byte-order-mark", 1, 1)
        # No editor shows the mark, so the columns of the line begin behind it.
        line = line.removeprefix(_MARK)
    if not line.strip(_SPACE):
        note("blank-line", number, 1)
        part.blank += 1
        return None
    if line.endswith(b"\r"):
        line = line[:-1]
        note("crlf", number, _column_behind(line))
    faults = sorted(() if accepted(line) else explain(line), key=_position)
    for fault in faults:
        note(fault.rule, number, fault.at + 1, fault.what)
    pair = pair_of(line) if part.count or _is_usable(faults) else None
    if pair and not _is_usable(faults):
        # A spec may let it pass; then it is paid for like any other.
        said = said_in(pair)
        part.measure([[text] for text in said.texts], said.tools)
        return None
    return pair


def _is_usable(faults: Sequence[Fault]) -> bool:
    return not any(RULES[fault.rule].severity is Severity.ERROR for fault in faults)


def _position(fault: Fault) -> int:
    return fault.at


def _column_behind(line: bytes) -> int:
    return len(str(line, "utf-8", "replace")) + 1
