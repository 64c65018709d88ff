from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.reporters.pull import Header, belongs, header_line, header_of, is_signed, signed
from dpo_ops.reporters.pull.header import LONGEST
from tests.reporters.pull.scenes import HEADER

KEY, SUBJECT = "a key", "acme/tunes#7"
HEADERS = st.builds(Header, *[st.text(max_size=30) | st.just("-->\n<!--") for _ in fields(Header)])


def test_the_line_is_a_comment_that_can_be_read_by_people():
    header = Header("prod", "a1b2c3d", "991", "0.5.0")
    assert header_line(header) == (
        '<!-- dpo_ops {"commit":"a1b2c3d","env":"prod","run":"991","tool":"0.5.0","v":1} -->'
    )


@given(HEADERS)
def test_what_is_written_is_read_again(header: Header):
    line = header_line(header)
    assert header_of(line) == header
    assert header_of(f"{line}\r\nmore") == header
    assert line.isascii()
    assert line.isprintable()
    assert line.count("-->") == 1
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")


@given(st.text() | st.text().map(lambda text: f"<!-- dpo_ops {text} -->"))
def test_any_text_is_read_with_patience(body: str):
    assert header_of(body) is None


GOOD = {"v": 1, "env": "e", "commit": "c", "run": "r", "tool": "t"}


@pytest.mark.parametrize(
    "said",
    [
        {**GOOD, "v": 2},
        {**GOOD, "v": True, "env": 1},
        {**GOOD, "more": "x"},
        {key: text for key, text in GOOD.items() if key != "tool"},
        {**GOOD, "env": ["e"]},
        {**GOOD, "env": "\ud800"},
        [],
        {**GOOD, "approved": "x" * LONGEST},
    ],
)
def test_what_is_not_as_it_should_be_is_none(said: object):
    assert header_of(f"<!-- dpo_ops {json.dumps(said)} -->") is None


def test_a_deep_line_is_none():
    assert header_of(f"<!-- dpo_ops {{{'[' * 20_000}}} -->") is None


def test_only_the_first_line_counts():
    assert header_of(f"\n{header_line(HEADER)}") is None
    assert header_of(f" {header_line(HEADER)}") is None


def test_an_approval_that_is_too_long_is_left_out():
    long = signed(replace(HEADER, approved="x" * LONGEST), KEY, SUBJECT)
    assert header_of(header_line(long)) == HEADER


def test_a_comment_belongs_to_one_environment():
    body = f"{header_line(HEADER)}\nx"
    assert belongs(body, "prod")
    assert not belongs(body, "staging")
    assert not belongs("x", "")


@given(HEADERS, st.text(min_size=1), st.text())
def test_a_signature_holds_for_its_key_and_its_pull_request(header: Header, key: str, subject: str):
    made = signed(header, key, subject)
    assert is_signed(made, key, subject)
    assert header_of(header_line(made)) == made
    assert not is_signed(made, f"{key}x", subject)
    assert not is_signed(made, key, f"{subject}x")
    assert not is_signed(made, "", subject)
    for field in fields(Header):
        changed = replace(made, **{field.name: getattr(made, field.name) + "x"})
        assert not is_signed(changed, key, subject)


def test_fields_can_not_run_into_each_other():
    made = signed(replace(HEADER, env="ab", commit="c"), KEY, SUBJECT)
    assert not is_signed(replace(made, env="a", commit="bc"), KEY, SUBJECT)


def test_nothing_is_signed_without_a_key():
    with pytest.raises(ValueError, match="needs a key"):
        signed(HEADER, "", SUBJECT)
    assert not is_signed(HEADER, KEY, SUBJECT)
    assert not is_signed(replace(HEADER, signature="é"), KEY, SUBJECT)
