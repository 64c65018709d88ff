"""Files that were made to hurt: each ends in findings, quickly and in little memory."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from dpo_ops.pairs import inspect
from dpo_ops.pairs.rules import MAX_ROW_BYTES
from tests.pairs.rows import USER, fine, inspect_bytes, row

FINE, FINE_2 = (fine(number).encode() for number in range(2))

HOSTILE = {
    "lists in lists": (b"[" * 100_000, "too-complex"),
    "objects in objects": (b'{"a":' * 100_000, "too-complex"),
    "balanced": (b"[" * 50_000 + b"]" * 50_000, "too-complex"),
    "balanced, not too deep for the decoder": (b"[" * 500 + b"]" * 500, "too-complex"),
    "a huge integer": (row(tools="[%s]" % ("9" * 5_000)).encode(), "number-range"),
    "a number that never ends": (row(tools="[%s]" % ("1" * 2**21)).encode(), "number-range"),
    "nothing but NUL": (b"\0" * 10_000, "json-syntax"),
    "nothing but quotes": (b'"' * 2**20, "one-object"),
    "nothing but backslashes": (b'"' + b"\\" * 2**20, "json-syntax"),
    "nothing but escapes": (b'"' + b"\\n" * 2**20, "json-syntax"),
    "nothing but surrogates": (b'"' + b"\\ud800" * 2**18 + b'"', "one-object"),
    "millions of values": (b"[" + b"1," * 2**21 + b"1]", "too-complex"),
    "a key again and again": (b"{" + b'"a":1,' * 50_000 + b'"a":1}', "duplicate-key"),
    "a talk without end": (row(messages=f"[{USER}{f', {USER}' * 30_000}]").encode(), "one-turn"),
    "white space": (b" " * 2**21 + b"!", "json-syntax"),
    "a character cut off": (b'{"a": "\xf0\x9f\x98', "utf-8"),
}


@pytest.mark.parametrize(("line", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_row_is_a_finding(tmp_path: Path, line: bytes, rule: str) -> None:
    done = inspect_bytes(tmp_path, b"\n".join([FINE, line, FINE_2]))
    assert rule in {f.rule for f in done.findings}
    assert done.rows == 3
    assert all(len(str(f)) < 500 for f in done.findings)


def test_a_row_over_the_limit_is_not_held_in_memory(tmp_path: Path) -> None:
    data = FINE + b"\n" + b'{"a": "' + b"x" * 50_000_000 + b'"}\n' + FINE_2
    tracemalloc.start()
    path = tmp_path / "large.jsonl"
    path.write_bytes(data)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    done = inspect(path, shown="large.jsonl")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(f.rule, str(f.where)) for f in done.findings] == [("row-too-large", "large.jsonl:2:1")]
    assert (done.rows, done.size) == (3, len(data))
    assert done.digest == hashlib.sha256(data).hexdigest()
    assert peak - before < 3 * MAX_ROW_BYTES


def test_a_row_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    shell = row(preferred='[{"role": "assistant", "content": "%s"}]')
    filling = "x" * (MAX_ROW_BYTES - len(shell % ""))
    allowed = (shell % filling).encode()
    assert inspect_bytes(tmp_path, b"\n".join([FINE, allowed, FINE_2])).findings == ()
    over = (shell % (filling + "x")).encode()
    [found] = inspect_bytes(tmp_path, b"\n".join([FINE, over, FINE_2])).findings
    assert found.rule == "row-too-large"


def test_blank_lines_without_end_are_capped(tmp_path: Path) -> None:
    done = inspect_bytes(tmp_path, b"\n" * 100_000, cap=3)
    assert [f.rule for f in done.findings] == ["blank-line"] * 3 + ["empty-file", "blank-line"]
    assert done.findings[-1].what == "and 99,997 more: a blank line"


@pytest.mark.parametrize("name", ["", "missing.jsonl", "a\0b", "pipe", "loop", "file/below"])
def test_what_is_no_readable_file_is_a_finding(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    done = inspect(tmp_path / name, shown="specs/data.jsonl")
    assert [f.rule for f in done.findings] == ["unreadable"]
    assert str(done.findings[0]).startswith("specs/data.jsonl:1:1: the file can't be read: ")
    assert str(tmp_path) not in str(done.findings[0])
    assert (done.digest, done.size, done.rows) == ("", 0, 0)


def test_a_file_that_fails_while_it_is_read_is_a_finding() -> None:
    memory = Path("/proc/self/mem")
    if not memory.exists():
        pytest.skip("needs a regular file that can be opened but not read; Linux has one")
    assert [f.rule for f in inspect(memory, shown="mem").findings] == ["unreadable"]
