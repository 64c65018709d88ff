"""YAML to nodes: places, keys, aliases, merge keys, tags, and going on after a fault."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from dpo_ops.loader.findings import Log
from dpo_ops.loader.parse import File, parse
from dpo_ops.loader.source import Source
from dpo_ops.loader.tree import BROKEN, Entry, places, plain


def parsed(text: str) -> tuple[File, list[str]]:
    log = Log()
    file = parse(Source(Path("f.yaml"), "f", dedent(text)), log)
    return file, [str(finding) for finding in log.all()]


def values(text: str) -> list[Any]:
    file, findings = parsed(text)
    assert not findings
    return [plain(document.root) for document in file.documents]


def test_documents_that_are_empty_are_left_out() -> None:
    assert values("---\n---\na: 1\n---\n# only a comment\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]


def test_every_value_knows_its_place() -> None:
    (document,) = parsed("a:\n  b: [x, {c: d}]\n  e: |\n    text\nf:\n")[0].documents
    found = dict(places(Entry(document.root.source, 0, document.root)))
    at = {path: f"{place.line}:{place.column}" for path, place in found.items()}
    assert at == {
        "a": "1:1",
        "a.b": "2:3",
        "a.b.0": "2:7",
        "a.b.1": "2:10",
        "a.b.1.c": "2:14",
        "a.e": "3:6",
        "f": "5:3",
    }


def test_columns_count_characters_and_lines_end_as_editors_say() -> None:
    file, _ = parsed('"é😀": {x: 1}\r\ny: "\u2028"\r\nz: 3')
    found = dict(places(Entry(file.source, 0, file.documents[0].root)))
    assert (found["é😀.x"].line, found["é😀.x"].column) == (1, 11)
    assert (found["z"].line, found["z"].column) == (3, 4)


def test_aliases_and_merge_keys() -> None:
    text = """
        a: &a {x: 1, y: 2}
        b: *a
        c: {<<: *a, y: 3}
        d: {<<: [{x: 9}, *a]}
        "<<": {p: 1}
        e: {"<<": 1}
        *k : v
    """.replace("*k : v", "f: &k z\n        *k : v")
    (value,) = values(text)
    assert value["b"] == {"x": 1, "y": 2}
    assert value["c"] == {"x": 1, "y": 3}
    assert value["d"] == {"x": 9, "y": 2}
    assert value["e"] == {"<<": 1}
    assert value["<<"] == {"p": 1}
    assert value["z"] == "v"


def test_core_tags_only_say_what_is_so() -> None:
    assert values("{a: !!str 5, b: !!int 5, c: !!map {}, d: ! x}") == [
        {"a": "5", "b": 5, "c": {}, "d": "x"}
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            "f:3:1: the key 'a' stands in one mapping twice · the first is at f:1:1",
        ),
        ("a: 1\n'a': 3\n", "f:2:1: the key 'a'"),
        ("1: 1\n'1': 3\n", "f:2:1: the key '1'"),
        ("a: !!python/object:os.system x", "f:1:4: the tag '!!python/object:os.system'"),
        ("a: !!python/object/apply:os.system [x]", "f:1:4: the tag"),
        ("a: !mine {b: 1}", "f:1:4: the tag '!mine'"),
        ("a: !!int x", "f:1:4: the tag '!!int'"),
        ("a: !!binary eA==", "f:1:4: the tag '!!binary'"),
        ("a: *b", "f:1:4: the alias *b names no anchor"),
        ("a: &a [*a]", "f:1:8: the alias *a names no anchor"),
        ("a: {b: &b 1}\n---\nc: *b", "f:3:4: the alias *b names no anchor"),
        ("? [x]\n: 1", "f:1:3: a key must be text"),
        ("? {x: 1}\n: 1", "f:1:3: a key must be text"),
        ("a: &a {x: 1}\n*a : 1", "f:2:1: a key must be text"),
        ("a: {{ values.x }}", "f:1:4: a template without quotes"),
        ("<<: 5", "f:1:5: << takes a mapping"),
        ("a: " + "1" * 100, "f:1:4: a number of 100 characters"),
        ("? " + "k" * 2000 + "\n: 1", "f:1:3: a key has 2000 characters"),
        ("a: b: c", "f:1:5: is not YAML: mapping values are not allowed in this context"),
        ("a:\n\t- b", "f:2:1: is not YAML: found character"),
        ("a: 'x", "f:1:6: is not YAML: found unexpected end of stream · while scanning a quoted"),
        ("a: [b\nc: d", "is not YAML"),
        ("a: {{ values.x['y'] }}-z", "f:1:4: a template without quotes"),
        ("a: 'b' {{ x }}", 'put a template in quotes: "{{ … }}"'),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, finding: str) -> None:
    file, findings = parsed(text)
    assert len(findings) == 1
    assert finding in findings[0]
    assert not any(document.sound for document in file.documents[-1:]) or file.lost


def test_a_document_that_can_not_be_read_hides_no_other() -> None:
    file, findings = parsed("a: 1\n--- {b: ]\n---\nc: 3\n---\nd: 'x\n---\ne: 5\n--- [\n")
    assert [plain(document.root) for document in file.documents] == [{"a": 1}, {"c": 3}, {"e": 5}]
    assert [finding.split(" ")[0] for finding in findings] == ["f:2:9:", "f:7:1:", "f:10:1:"]
    assert file.lost == ["--- {b: ]\n", "---\nd: 'x\n", "--- [\n"]


def test_a_broken_value_is_kept_as_broken() -> None:
    file, _ = parsed("a: !x y\nb: 1")
    assert plain(file.documents[0].root) == {"a": BROKEN, "b": 1}
    assert not file.documents[0].sound
