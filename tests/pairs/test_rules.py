"""Each rule, broken alone. `▸` marks where the finding must point; it is no part of the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import Place, Severity
from dpo_ops.pairs import RULES
from dpo_ops.pairs.inspection import _check_count
from dpo_ops.pairs.rules import MAX_DEPTH, MAX_DIGITS, MAX_ROWS, MAX_VALUES
from dpo_ops.pairs.tally import Tally
from tests.pairs.rows import BAD, GOOD, SHOWN, SYSTEM, USER, fine, inspect_bytes, row

if TYPE_CHECKING:
    from pathlib import Path

MARK = "▸"
FINE, FINE_2, FINE_3 = map(fine, range(3))


def answer(content: str) -> str:
    return f'[{{"role": "assistant", "content": {content}}}]'


def user(content: str) -> str:
    return f'[{{"role": "user", "content": {content}}}]'


def deep(levels: int, *, mark: bool = False) -> str:
    """Return tools that make their row `levels` deep, the innermost level marked."""
    nested = levels - 4
    return '[{"a": ' + "[" * (nested - 1) + MARK * mark + "[" + "]" * nested + "}]"


LISTS = {
    "not JSON": ("json-syntax", "▸nonsense"),
    "a number with a leading zero": ("json-syntax", row(tools="[0▸1]")),
    "single quotes": ("json-syntax", "{▸'input': 1}"),
    "a trailing comma": ("json-syntax", row(more=", ▸")),
    "a missing comma": ("json-syntax", row(messages=f"[{SYSTEM} ▸{USER}]")),
    "a missing colon": ("json-syntax", '{"input" ▸1}'),
    "a missing value": ("json-syntax", '{"input": ▸}'),
    "a row cut off": ("json-syntax", '{"input": {"messages": [▸'),
    "an open string": ("json-syntax", '{"input": ▸"messages}'),
    "a tab inside a string": ("json-syntax", row(preferred=answer('"a▸\tb"'))),
    "an invalid escape": ("json-syntax", row(preferred=answer(r'"é a▸\x41"'))),
    "an escape cut off": ("json-syntax", row(preferred=answer(r'"a▸\u12"'))),
    "nested too deeply": ("too-complex", row(tools=deep(MAX_DEPTH + 1, mark=True))),
    "two objects on a line": ("one-object", FINE + " ▸" + FINE),
    "a comma behind the row": ("one-object", FINE + "▸,"),
    "a list": ("one-object", f"  ▸[{FINE}]"),
    "a bare number": ("one-object", "▸1"),
    "a key twice": ("duplicate-key", row(more=', ▸"input": {"messages": [' + USER + "]}")),
    "a key twice, once escaped": ("duplicate-key", row(tools=r'[{"a": 1, ▸"\u0061": 2}]')),
    "NaN": ("not-a-number", row(tools='[{"a": ▸NaN}]')),
    "minus infinity": ("not-a-number", row(tools='[{"a": ▸-Infinity}]')),
    "a huge float": ("number-range", row(tools='[{"a": ▸1e999}]')),
    "a huge integer": ("number-range", row(tools='[{"a": ▸-' + "9" * 500 + "}]")),
    "a long number": ("number-range", row(tools=f'[{{"a": ▸0.{"1" * MAX_DIGITS}}}]')),
    "a high surrogate alone": ("lone-surrogate", row(preferred=answer(r'"\n▸\ud83d!"'))),
    "a low surrogate alone": ("lone-surrogate", row(messages=user(r'"\ud83d\ude00▸\uDE00"'))),
    "two high surrogates": ("lone-surrogate", row(preferred=answer(r'"▸\ud83d\ud83d\ude00"'))),
    "a surrogate in a tool": ("lone-surrogate", row(tools=r'[{"a": "\\▸\udc00"}]')),
    "chosen and rejected": ("other-format", '{"prompt": "Why?", ▸"chosen": "a", "rejected": "b"}'),
    "samples": ("other-format", '{▸"samples": []}'),
    "no messages field": (
        "missing-field",
        f'{{"input": ▸{{}}, "preferred_output": [{GOOD}], "non_preferred_output": [{BAD}]}}',
    ),
    "no non_preferred_output": (
        "missing-field",
        f'▸{{"input": {{"messages": [{USER}]}}, "preferred_output": [{GOOD}]}}',
    ),
    "no role": ("missing-field", row(preferred='[▸{"content": "a"}]')),
    "no content": ("missing-field", row(messages='[▸{"role": "user"}]')),
    "input a string": (
        "wrong-type",
        f'{{"input": ▸"Why?", "preferred_output": [{GOOD}], "non_preferred_output": [{BAD}]}}',
    ),
    "messages an object": ("wrong-type", row(messages="▸{}")),
    "a message a string": ("wrong-type", row(messages='[▸"Why?"]')),
    "an answer a string": ("wrong-type", row(preferred='["é"]').replace('"é"', '▸"é"')),
    "an output an object": ("wrong-type", row(other="▸" + BAD)),
    "tools an object": ("wrong-type", row(tools="▸{}")),
    "tools null": ("wrong-type", row(tools="▸null")),
    "a tool a string": ("wrong-type", row(tools='[{}, ▸"search"]')),
    "a role a number": ("wrong-type", row(messages='[{"role": ▸1, "content": "a"}]')),
    "a field of the row": ("unknown-field", row(more=', ▸"id": 7')),
    "a field of input": ("unknown-field", row(tools='[], ▸"tool": []')),
    "a field of a message": (
        "unknown-field",
        row(preferred='[{"role": "assistant", "content": "a", ▸"weight": 1}]'),
    ),
    "a field of a part": (
        "unknown-field",
        row(messages=user('[{"type": "text", "text": "a", ▸"cache": 1}]')),
    ),
    "no messages": ("no-messages", row(messages="▸[]")),
    "bananas": ("unknown-role", row(messages='[{"role": ▸"bananas", "content": "a"}]')),
    "a tool message": (
        "tool-role",
        row(messages=f'[{USER}, {{"role": ▸"tool", "tool_call_id": "1", "content": "a"}}]'),
    ),
    "system second": (
        "system-first",
        row(messages=f'[{USER}, {{"role": ▸"system", "content": "a"}}]'),
    ),
    "no user": ("one-turn", row(messages=f"▸[{SYSTEM}]")),
    "two users": ("one-turn", row(messages=f'[{USER}, {{"role": ▸"user", "content": "a"}}]')),
    "an assistant in input": (
        "one-turn",
        row(messages=f'[{{"role": ▸"assistant", "content": "a"}}, {USER}]'),
    ),
    "content null": ("wrong-content", row(preferred=answer("▸null"))),
    "an image": (
        "wrong-content",
        row(messages=user('[{"type": "text", "text": "a"}, {"type": ▸"image_url"}]')),
    ),
    "a part without text": ("wrong-content", row(messages=user('[▸{"type": "text"}]'))),
    "a part a string": ("wrong-content", row(messages=user('[▸"Why?"]'))),
    "content empty": ("empty-content", row(other=answer('▸""'))),
    "content an empty list": ("empty-content", row(messages=user("▸[]"))),
    "an empty part": ("empty-content", row(messages=user('[{"type": "text", "text": ▸""}]'))),
    "content white space": ("blank-content", row(other=answer(r'▸" \n\u00a0"'))),
    "no answer": ("one-answer", row(preferred="▸[]")),
    "two answers": ("one-answer", row(other=f"[{BAD}, ▸{GOOD}]")),
    "a user's answer": ("answer-role", row(other='[{"role": ▸"user", "content": "a"}]')),
    "an answer of bananas": ("answer-role", row(other='[{"role": ▸"bananas", "content": "a"}]')),
    "the same answers": (
        "same-answers",
        row(preferred=answer('"é"'), other=answer(r'▸"\u00e9"')),
    ),
    "the same answer in parts": (
        "same-answers",
        row(preferred=answer('[{"type": "text", "text": "a"}]'), other=answer('▸"a"')),
    ),
}

FILES = {
    "no byte": ("empty-file", "▸"),
    "one row": ("too-few-rows", f"▸{FINE}\n"),
    "two rows": ("too-few-rows", f"{FINE}\n▸{FINE_2}"),
    "a mark": ("byte-order-mark", f"▸\ufeff{FINE}\n{FINE_2}\n{FINE_3}"),
    "a blank line": ("blank-line", f"{FINE}\n▸ \t\n{FINE_2}\n{FINE_3}"),
    "a blank line at the end": ("blank-line", f"{FINE}\n{FINE_2}\n{FINE_3}\n▸\n"),
    "a CR LF": ("crlf", f"{FINE}\n{FINE_2}▸\r\n{FINE_3}"),
    "lone CRs": ("one-object", f"{FINE}\r▸{FINE}\n{FINE_2}\n{FINE_3}"),
}


def place_of_mark(text: str) -> Place:
    before = text[: text.index(MARK)].replace("\ufeff", "")
    return Place(SHOWN, before.count("\n") + 1, len(before) - before.rfind("\n"))


def check(folder: Path, rule: str, text: str) -> None:
    found = inspect_bytes(folder, text.replace(MARK, "").encode()).findings
    assert [(f.rule, f.where) for f in found] == [(rule, place_of_mark(text))], found
    assert found[0].what
    assert (found[0].why, found[0].fix) == (RULES[rule].why, RULES[rule].fix)
    assert found[0].severity is RULES[rule].severity


@pytest.mark.parametrize(("rule", "text"), LISTS.values(), ids=LISTS)
def test_a_bad_row_is_found_where_it_is_bad(tmp_path: Path, rule: str, text: str) -> None:
    check(tmp_path, rule, f"{FINE}\n{FINE_2}\n{text}\n{FINE_3}")


@pytest.mark.parametrize(("rule", "text"), FILES.values(), ids=FILES)
def test_a_bad_file_is_found_where_it_is_bad(tmp_path: Path, rule: str, text: str) -> None:
    check(tmp_path, rule, text)


@pytest.mark.parametrize(
    "text",
    [
        row(messages=f"[{USER}]"),
        row(tools="[]"),
        row(tools='[{"type": "function", "function": {"name": "f", "strict": null, "n": 1.5e3}}]'),
        row(tools=deep(MAX_DEPTH)),
        row(tools=f"[{', '.join(['{}'] * 500)}]"),
        row(messages=user('[{"type": "text", "text": "a"}, {"text": "b", "type": "text"}]')),
        row(messages='[{"content": "a", "role": "user", "name": "Ada"}]'),
        row(preferred=answer(r'"\ud83d\ude00 \\ud83d \" \/ \u0000"')),
        row(preferred=answer('"line\u2028separator 😀"')),
        f" \t{fine(9)}\t ",
    ],
)
def test_an_unusual_row_that_obeys_is_no_finding(tmp_path: Path, text: str) -> None:
    assert inspect_bytes(tmp_path, f"{FINE}\n{text}\n{FINE_2}".encode()).findings == ()


@pytest.mark.parametrize(
    "tools", [f"[{'{},' * MAX_VALUES}{{}}]", f'[{{"a": [{"1," * MAX_VALUES}1]}}]']
)
def test_too_many_values_are_a_finding(tmp_path: Path, tools: str) -> None:
    text = row(tools=tools)
    found = inspect_bytes(tmp_path, f"{FINE}\n{FINE_2}\n{text}".encode()).findings
    assert [(f.rule, f.what) for f in found] == [
        ("too-complex", "the row holds more than 100,000 values")
    ]


@pytest.mark.parametrize(
    ("bad", "column"), [(b"\xff", 3), (b"\xc3\xa9\xed\xa0\x80", 4), (b"\xe2\x82", 3)]
)
def test_bytes_that_are_not_utf8_are_found_by_character(
    tmp_path: Path, bad: bytes, column: int
) -> None:
    good = f"{FINE}\n{FINE_2}\n".encode()
    found = inspect_bytes(tmp_path, good + b'{"' + bad).findings
    assert [(f.rule, f.where) for f in found] == [("utf-8", Place(SHOWN, 3, column))]


def test_utf16_is_named(tmp_path: Path) -> None:
    first = inspect_bytes(tmp_path, FINE.encode("utf-16")).findings[0]
    assert str(first).startswith(f"{SHOWN}:1:1: the file looks like UTF-16 · ")


def test_too_many_rows_are_a_finding() -> None:
    tally = Tally(SHOWN, 10)
    _check_count(MAX_ROWS + 5, MAX_ROWS, tally)
    assert tally.findings() == ()
    _check_count(MAX_ROWS + 5, MAX_ROWS + 1, tally)
    assert [(f.rule, f.what) for f in tally.findings()] == [("too-many-rows", "3,000,001 rows")]


def test_one_mistake_is_one_finding_however_far_it_reaches(tmp_path: Path) -> None:
    text = row(messages='[{"role": "User", "content": ""}]', preferred='[{"role": "user"}]')
    found = inspect_bytes(tmp_path, f"{FINE}\n{text}\n{FINE_2}".encode()).findings
    assert [f.rule for f in found] == [
        "unknown-role",
        "empty-content",
        "missing-field",
        "answer-role",
    ]
    assert found == tuple(sorted(found, key=lambda f: f.where))


def test_a_finding_reads_clearly(tmp_path: Path) -> None:
    text = row(messages='[{"role": "bananas", "content": "Why?"}]')
    [found] = inspect_bytes(tmp_path, f"{FINE}\n{FINE_2}\n{text}".encode()).findings
    assert str(found) == (
        'prefs.jsonl:3:34: role "bananas" · a message\'s role is system, user or assistant'
        " · change it"
    )


def test_a_value_in_a_finding_is_short_and_safe_to_print(tmp_path: Path) -> None:
    role = json.dumps("\x1b[31m\u202e" + "x" * 1000)
    text = row(messages=f'[{{"role": {role}, "content": "a"}}]')
    [found] = inspect_bytes(tmp_path, f"{FINE}\n{FINE_2}\n{text}".encode()).findings
    assert found.what == f'role "\\u001b[31m\\u202e{"x" * 34}…"'


def test_findings_of_a_rule_are_capped_and_the_rest_counted(tmp_path: Path) -> None:
    found = inspect_bytes(tmp_path, b"1\n2\n3\n\n4\n5\n", cap=2).findings
    assert [(f.rule, f.where) for f in found] == [
        ("one-object", Place(SHOWN, 1)),
        ("one-object", Place(SHOWN, 2)),
        ("blank-line", Place(SHOWN, 4)),
        ("one-object", Place(SHOWN, 6)),
    ]
    assert found[-1].what == "and 3 more: the line is not exactly one JSON object"
    assert found[-1].severity is Severity.ERROR


def test_line_ends_are_one_matter_for_the_whole_file(tmp_path: Path) -> None:
    text = "".join(fine(number) + "\r\n" for number in range(5))
    found = inspect_bytes(tmp_path, text.encode()).findings
    assert [(f.rule, f.where) for f in found] == [
        ("crlf", Place(SHOWN, 1, len(FINE) + 1)),
        ("crlf", Place(SHOWN, 5, len(FINE) + 1)),
    ]
    assert found[-1].what == "and 4 more: the line ends in CR LF"
