"""The fast way finds what the plain way finds: rows by layout, parts of files, other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpo_ops.pairs import crew, inspect
from dpo_ops.pairs.check import Part, check_block, check_plainly
from dpo_ops.pairs.explain import explain
from dpo_ops.pairs.layout import cut, decode, learn, read_alike
from dpo_ops.pairs.lines import split, whole_lines
from dpo_ops.pairs.rows import pair_of
from dpo_ops.pairs.tokens import ESTIMATE, measure
from tests.pairs.rows import SHOWN, USER, fine, row
from tests.pairs.test_properties import EASY, near_rows
from tests.profile import tries

LAYOUTS = [
    fine(1),
    row(messages=f"[{USER}]"),
    json.dumps(json.loads(fine(1)), separators=(",", ":")),
    json.dumps(dict(reversed(json.loads(fine(1)).items()))),
    fine(1).replace("}]}, ", '}], "tools": [{"a": {"content": "}"}}]}, ', 1),
    fine(1).replace(
        '"role": "assistant", "content": "Because."', '"content": "a", "role": "assistant"'
    ),
]
# Texts that could lead the cutting astray: ends, escapes, braces, what stands between texts.
tricks = st.sampled_from(
    ["", " ", "}", "\\", "\\\\", '"', '\\"', '"}, {"role": "user", "content": "', "\\ud800",
     "\\u0022", '", "role": "system", "content": "', "é", "\x00", ",", '","', '"}]}', "x", "\r",
     '", "a": {"b": "', "\ud800", "😀", "[1]", '"]}', "\\n", "\x7f"]
)  # fmt: skip
bodies = st.lists(tricks, max_size=4).map("".join)


@st.composite
def tricky_rows(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(LAYOUTS))
    for word in ("Be brief.", "Why 1?", "Because.", "Dunno."):
        if draw(st.booleans()):
            text = text.replace(word, draw(bodies) + draw(st.sampled_from(["", word])))
    return text.encode("utf-8", "surrogatepass").replace(b"\n", b" ")


def outcome(part: Part) -> tuple[object, ...]:
    keys = part.keys
    same = [keys.pairs.index(key) for key in keys.pairs]
    sides = [keys.sides[line] == keys.sides[first] for line, first in enumerate(same)]
    counts = (part.lines, part.blank, part.longer, part.uneven, part.tokens)
    return part.tally.findings(), counts, same, sides


@settings(EASY, max_examples=tries(250, long=1000))
@given(lines=st.lists(tricky_rows() | near_rows(), min_size=1, max_size=12), seed=st.integers(0, 5))
@example(lines=[fine(n).encode() for n in range(40)] + [b"{}"], seed=0)
# More of one mistake than is shown: first in a row of another layout, then in rows of this one.
@example(
    lines=[LAYOUTS[2].replace("Dunno.", "").encode()]
    + [fine(1).replace("Dunno.", "").encode()] * 11,
    seed=0,
)
def test_a_block_gives_what_its_lines_give(lines: list[bytes], seed: int) -> None:
    data = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    plain, fast = Part(10, "", ESTIMATE.count), Part(10, "", ESTIMATE.count)
    check_plainly(data, plain)
    known = learn(LAYOUTS[seed].encode())
    assert known
    check_block(bytearray(data), fast, [known], lambda: data, top=True)
    assert outcome(fast) == outcome(plain)
    # The tokens are those that a walk over the rows counts, good rows and bad.
    pairs = filter(None, map(pair_of, data.rstrip(b"\n").split(b"\n")))
    walked = [measure(pair, ESTIMATE) for pair in pairs]
    assert plain.tokens == [sum(row[side] for row in walked) for side in range(3)]


@settings(EASY, max_examples=tries(250, long=1000))
@given(line=tricky_rows(), layout=st.sampled_from(LAYOUTS))
def test_what_the_fast_way_takes_has_no_fault(line: bytes, layout: str) -> None:
    known = learn(layout.encode())
    assert known
    _, runs, _ = cut(line + b"\n", [known])
    assert not (runs and decode(runs[0]) and list(explain(line)))


@settings(EASY, max_examples=tries(250, long=1000))
@given(lines=st.lists(tricky_rows(), min_size=1, max_size=3), layout=st.sampled_from(LAYOUTS))
def test_rows_taken_at_once_have_no_fault(lines: list[bytes], layout: str) -> None:
    known = learn(layout.encode())
    assert known
    block = b"".join(line + b"\n" for line in lines)
    taken = read_alike(bytearray(block), known)
    assert not (taken and any(list(explain(line)) for line in lines))
    assert not taken or len(taken[0]) == len(lines)


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_block_of_like_rows_is_taken_at_once(text: str) -> None:
    known = learn(text.encode())
    assert known
    block = (text + "\n").encode() * 3
    _, [run], _ = cut(block, [known])
    assert read_alike(bytearray(block), known) == decode(run)


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_row_is_taken_by_the_layout_learned_from_it(text: str) -> None:
    known = learn(text.encode())
    assert known
    count, [run], odd = cut((text + "\n").encode() * 3, [known])
    assert (count, len(run.starts), odd) == (3, 4, [])
    assert decode(run)


@settings(EASY, max_examples=tries(75, long=300))
@given(data=st.text("ab\n", max_size=60).map(str.encode), width=st.integers(1, 20),
       size=st.integers(1, 9), limit=st.integers(1, 12))  # fmt: skip
def test_ranges_give_each_line_once(data: bytes, width: int, size: int, limit: int) -> None:
    fd = os.memfd_create("data")
    try:
        os.write(fd, data)
        spans = crew.ranges(len(data), width)
        blocks = [b.data for span in spans for b in whole_lines(fd, *span, limit, size)]
    finally:
        os.close(fd)
    assert all(block.endswith(b"\n") for block in blocks)
    assert [line[: limit + 1] for line in b"".join(blocks).split(b"\n")[:-1]] == list(
        split([data], limit)
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 10 MB with a mistake of each kind far from the start, and no line end at the end."""
    lines = [fine(number).replace("Because", "No") for number in range(45_000)]
    lines[100] = ""
    lines[20_000] = lines[20_000].replace("No.", "Dunno.")
    lines[30_000] = '{"input": 1'
    lines[40_000] = lines[7]
    lines[44_000] = fine(-1).replace("Be brief.", "Be brief: }.")
    path = tmp_path_factory.mktemp("large") / "large.jsonl"
    path.write_text("\n".join(lines))
    return path


SAME = fine(20_000).replace("Because.", "Dunno.")
EXPECTED = [
    ("blank-line", "101:1"),
    ("same-answers", "20001:" + str(SAME.rindex('"Dunno."') + 1)),
    ("json-syntax", "30001:12"),
    ("duplicate-pair", "40001:1"),
]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_large_file_is_checked_alike_by_any_number_of_workers(large: Path, workers: int) -> None:
    done = inspect(large, shown=SHOWN, workers=workers)
    assert (done.rows, done.size) == (44_999, large.stat().st_size)
    assert [(f.rule, str(f.where).partition(":")[2]) for f in done.findings] == EXPECTED
    assert done == inspect(large, shown=SHOWN, workers=None)


def test_with_threads_about_nothing_is_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert crew._cores() == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("after", [0, 1, 2])
def test_workers_that_die_cost_time_only(
    large: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    here, real = os.getpid(), crew.check_range
    done = []

    def dying(*arguments):  # noqa: ANN002
        if os.getpid() != here and len(done) == after:
            os._exit(1)
        done.append(None)
        return real(*arguments)

    monkeypatch.setattr(crew, "check_range", dying)
    found = inspect(large, shown=SHOWN, workers=2)
    assert [(f.rule, str(f.where).partition(":")[2]) for f in found.findings] == EXPECTED


def test_what_goes_wrong_in_a_worker_shows(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_):  # noqa: ANN002
        raise ZeroDivisionError

    monkeypatch.setattr(crew, "check_range", failing)
    with pytest.raises(ZeroDivisionError):
        inspect(large, shown=SHOWN, workers=2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # none is left


def test_without_room_for_processes_all_is_checked_here(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    before = list(Path("/proc/self/fd").iterdir())
    found = inspect(large, shown=SHOWN, workers=2)
    assert [(f.rule, str(f.where).partition(":")[2]) for f in found.findings] == EXPECTED
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


@settings(EASY, max_examples=40)
@given(lines=st.lists(tricky_rows() | near_rows(), min_size=1, max_size=8),
       copies=st.integers(1, 40), workers=st.sampled_from([0, 1, 2, 3]))  # fmt: skip
def test_any_number_of_processes_gives_what_one_line_after_the_other_gives(
    lines: list[bytes], copies: int, workers: int
) -> None:
    data = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines) * copies
    plain, shared = Part(10, SHOWN, ESTIMATE.count), Part(10, SHOWN, ESTIMATE.count)
    check_plainly(data, plain)
    fd = os.memfd_create("data")
    try:
        os.write(fd, data)
        with crew.checking(fd, len(data), shared, workers, width=len(data) // 7 + 1) as team:
            team.collect()
            team.finish()
    finally:
        os.close(fd)
    assert outcome(shared) == outcome(plain)


def test_a_file_that_changes_while_it_is_read_is_a_finding(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = crew.check_range

    def touching(*arguments):  # noqa: ANN002
        os.utime(large)
        return real(*arguments)

    monkeypatch.setattr(crew, "check_range", touching)
    done = inspect(large, shown=SHOWN, workers=0)
    assert [f.what for f in done.findings] == [
        "the file can't be read: it changed while it was read"
    ]
    assert done.digest == ""


def test_importing_pairs_is_light() -> None:
    code = (
        "import sys; import dpo_ops.pairs; "
        "print({'orjson', 'multiprocessing', 'concurrent.futures', 'rensa'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
