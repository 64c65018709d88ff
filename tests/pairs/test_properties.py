"""Laws that hold for any bytes, and for rows that are nearly right."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dpo_ops.errors import Place
from dpo_ops.pairs.accept import accepts
from dpo_ops.pairs.explain import explain
from dpo_ops.pairs.lines import split
from dpo_ops.pairs.scan import Broken, Scanner
from tests.pairs.rows import SHOWN, inspect_bytes, row
from tests.profile import tries

if TYPE_CHECKING:
    from pathlib import Path

FINE = row().encode()
# No deadline: a busy machine is no failure.
EASY = settings(deadline=None)
SHARED_FOLDER = settings(EASY, suppress_health_check=[HealthCheck.function_scoped_fixture])

pieces = st.sampled_from(
    [FINE, b"\n", b"\r\n", b"\r", b" ", b"\t", b"{}", b"[", b'"', b"\\", b"\xff", b"\xef\xbb\xbf"]
)
files = st.binary() | st.lists(pieces | st.binary(max_size=3)).map(b"".join)

texts = st.sampled_from(["", " ", "a", "é", "😀", "\ud800", "\x00", "user", "assistant", "system"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "messages", "tools", "type", "text", "a"]), inner
        )
    ),
    max_leaves=5,
)


@st.composite
def near_rows(draw: st.DrawFn) -> bytes:
    """A good row in which some values are replaced, some keys removed, some text doubled."""
    value = json.loads(FINE)
    for _ in range(draw(st.integers(0, 3))):
        value = draw(changed(value))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(['"', ",", "}", " ", '"role": 1,'])) + text[at:]
    return text.encode("utf-8", "surrogatepass")


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The same value with one part of it exchanged for something else."""
    keys: list[Any] = sorted(value) if isinstance(value, dict) else []
    keys = list(range(len(value))) if isinstance(value, list) else keys
    if not keys or draw(st.integers(0, 20)) == 0:
        return draw(values)
    copy = value.copy()
    key = draw(st.sampled_from(keys))
    if draw(st.integers(0, 20)) == 0:
        del copy[key]
    else:
        copy[key] = draw(changed(value[key]))
    return copy


@SHARED_FOLDER
@given(data=files)
def test_any_bytes_give_findings_and_never_an_exception(tmp_path: Path, data: bytes) -> None:
    done = inspect_bytes(tmp_path, data)
    assert done.digest == hashlib.sha256(data).hexdigest()
    assert done.size == len(data)
    assert done.rows == sum(bool(n.strip(b" \t\r")) for n in unmarked(data).split(b"\n"))
    lines = unmarked(data).decode("utf-8", "replace").split("\n")
    for finding in done.findings:
        where = finding.where
        assert isinstance(where, Place)
        assert where.file == SHOWN
        assert 1 <= where.line <= len(lines)
        # One behind the last character is where something is missing.
        assert 1 <= where.column <= len(lines[where.line - 1]) + 1


def unmarked(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


@SHARED_FOLDER
@given(ends=st.lists(st.sampled_from(["\n", "\r\n", "\n\n", "\n \r\n"])), last=st.booleans())
def test_rows_are_counted_right_with_any_line_ends(
    tmp_path: Path, ends: list[str], last: bool
) -> None:
    data = b"".join(FINE + end.encode() for end in ends) + FINE * last
    assert inspect_bytes(tmp_path, data).rows == len(ends) + last


@settings(EASY, max_examples=tries(150, long=500))
@given(line=near_rows() | st.binary())
@example(line=FINE)
def test_what_is_accepted_has_no_fault(line: bytes) -> None:
    found = list(explain(line))
    assert not (accepts(line) and found)


@EASY
@given(line=near_rows())
def test_a_fault_lies_within_its_row(line: bytes) -> None:
    length = len(line.decode("utf-8", "replace"))
    assert all(0 <= fault.at <= length for fault in explain(line))


@settings(EASY, max_examples=tries(150, long=500))
@given(text=near_rows().map(lambda line: line.decode("utf-8", "replace")) | st.text())
@example(text='"\\')
def test_the_scan_agrees_with_the_decoder(text: str) -> None:
    refused = refusal(text)
    if refused is None:
        assert Scanner(text).scan().end <= len(text)
        return
    with pytest.raises(Broken) as caught:
        Scanner(text).scan()
    # Inside a string the decoder's position differs between versions of Python.
    if not refused.msg.startswith(("Invalid", "Illegal")):
        assert caught.value.fault.at == refused.pos


def refusal(text: str) -> json.JSONDecodeError | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error
    return None


@EASY
@given(blocks=st.lists(st.text("ab\n", max_size=6).map(str.encode)), limit=st.integers(1, 4))
@example(blocks=[b"abc\nde", b"f\n", b"\ngh"], limit=2)
def test_lines_do_not_depend_on_how_the_bytes_arrive(blocks: list[bytes], limit: int) -> None:
    whole = b"".join(blocks)
    wanted = whole.split(b"\n")
    wanted = wanted if wanted[-1] else wanted[:-1]
    assert list(split(blocks, limit)) == [line[: limit + 1] for line in wanted]
