"""The layout, rule by rule: what is written, what it becomes, and what is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.starter import FILES
from dpo_ops.errors import Place
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.layout import lay_out
from dpo_ops.loader.layout.same import laid_out
from dpo_ops.loader.parse import parse
from dpo_ops.loader.source import MAX_BYTES, Source

if TYPE_CHECKING:
    from tests.loader.conftest import Write

ROOT = Path(__file__).parents[2]
SPEC = "apiVersion: dpo-ops/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  model: m\n"


def formatted(text: str) -> str:
    source, log = Source(Path("a.yaml"), "a.yaml", text), Log()
    documents = parse(source, log).documents
    assert not log.all()
    return laid_out(source, documents)


@dataclass
class Case:
    before: str
    after: str


CASES = {
    "two spaces a level": Case("a:\n     b:\n        c: 1\n", "a:\n  b:\n    c: 1\n"),
    "a list stands two spaces in": Case("a:\n- 1\n-   2\n", "a:\n  - 1\n  - 2\n"),
    "a list of lists and mappings": Case(
        "-\n  - a: 1\n    b: 2\n-   - 3\n", "- - a: 1\n    b: 2\n- - 3\n"
    ),
    "one blank line is enough": Case("\n\na: 1\n\n\n\nb:\n\n  c: 2\n\n\n", "a: 1\n\nb:\n  c: 2\n"),
    "no marker above, and none twice": Case("---\na: 1\n...\n---\nb: 1\n", "a: 1\n---\nb: 1\n"),
    "no blank line at a marker": Case("a: 1\n\n---\n\nb: 1\n", "a: 1\n---\nb: 1\n"),
    "an empty document stays": Case("---\n---\na: 1\n---\n", "---\n---\na: 1\n---\n"),
    "a directive stays, with its marker": Case("%YAML 1.1\n---\na: 1\n", "%YAML 1.1\n---\na: 1\n"),
    "no spaces at the end of a line": Case("a: 1  \nb:  \n  c: 2\t\n", "a: 1\nb:\n  c: 2\n"),
    "LF, whatever it was": Case("a: 1\r\nb: 2\rc: 3\x85d: 4", "a: 1\nb: 2\nc: 3\nd: 4\n"),
    "spaces in brackets": Case("a: {  b : 1,c: [ 1,2 ,] }\n", "a: {b: 1, c: [1, 2]}\n"),
    "brackets over several lines": Case(
        "a: {b: 1,\n  c: [\n 2, 3]}\n", "a: {\n  b: 1,\n  c: [\n    2,\n    3,\n  ],\n}\n"
    ),
    "empty values in brackets": Case("a: {b, c: , d: }\n", "a: {b, c: , d: }\n"),
    "a pair in a list in brackets": Case("a: [b: 1, {c: 2}]\n", "a: [b: 1, {c: 2}]\n"),
    "quotes that nothing needs": Case(
        'a: \'b\'\n"c": "d e"\nf: ["g", \'h i\']\n', "a: b\nc: d e\nf: [g, h i]\n"
    ),
    "quotes that keep a text a text": Case(
        "a: '1'\nb: 'yes'\nc: \"null\"\nd: '1_0'\ne: '2024-01-01'\nf: '~'\ng: 'y'\nh: '<<'\n",
        'a: "1"\nb: "yes"\nc: "null"\nd: "1_0"\ne: "2024-01-01"\nf: "~"\ng: "y"\nh: "<<"\n',
    ),
    "quotes that hold something": Case(
        "a: 'b: c'\nd: 'e #f'\ng: ' h'\ni: ''\nj: '{{ k }}'\nl: ['m, n', 'o?']\n",
        'a: "b: c"\nd: "e #f"\ng: " h"\ni: ""\nj: "{{ k }}"\nl: ["m, n", "o?"]\n',
    ),
    "quotes whose text needs them as they are": Case(
        "a: '{{ b[\"c\"] }}'\nd: 'e\\f: '\ng: \"h\\n\"\n",
        "a: '{{ b[\"c\"] }}'\nd: 'e\\f: '\ng: \"h\\n\"\n",
    ),
    "a merge stays a merge, and the word in quotes a word": Case(
        "a: &b {c: 1}\nd:\n    <<:  *b\n    '<<': 2\n",
        'a: &b {c: 1}\nd:\n  <<: *b\n  "<<": 2\n',
    ),
    "long texts are not wrapped anew": Case(
        'a: b\n     c\n\n     d\ne: "f  \n g\\  \n   h\\\n  i"\n',
        'a: b\n  c\n\n  d\ne: "f\n  g\\ \n  h\\\n  i"\n',
    ),
    "a block of text moves as one": Case(
        "a:\n    b: |\n        c\n          d  \n\n        # e\n    f: >-\n     g\n\n\n",
        "a:\n  b: |\n    c\n      d  \n\n    # e\n  f: >-\n    g\n",
    ),
    "a block of text that begins with spaces": Case("a: |4-\n      b\n", "a: |2-\n    b\n"),
    "a block of text that keeps its end": Case(
        "a: |+\n b\n\n\nc: |+\n d\n\n", "a: |+\n  b\n\n\nc: |+\n  d\n\n"
    ),
    "a block of text that the file ends in": Case("a: |\n  b", "a: |-\n  b\n"),
    "anchors, tags and aliases": Case(
        "a:   &b\n    c: !!str   1\nd:   *b\n&e f :  1\ng: {*e : 2}\n",
        "a: &b\n  c: !!str 1\nd: *b\n&e f: 1\ng: {*e : 2}\n",
    ),
    "a key of several lines": Case("? |\n    a\n:   b\n? c\n: d\n", "? |\n  a\n: b\nc: d\n"),
    "comments move with what they are about": Case(
        "# a\n\n# b\nc:   # d\n     # e\n    # f\n\n    g: 1   # h\n\n    # i\n # j\nk: 2\n# l\n",
        "# a\n\n# b\nc:   # d\n     # e\n  # f\n\n  g: 1   # h\n\n  # i\n# j\nk: 2\n# l\n",
    ),
    "comments behind a value stay in their column": Case(
        "a: 1 # b\nc: 1    # d\ne: 'f'  # g\nh:\n    i: 1    # j\n",
        "a: 1  # b\nc: 1    # d\ne: f    # g\nh:\n  i: 1    # j\n",
    ),
    "comments in a list": Case(
        "a:\n- 1 # b\n# c\n- # d\n  e: 2\n-\n  # f\n- 3\n",
        "a:\n  - 1  # b\n  # c\n  -  # d\n    e: 2\n  -\n    # f\n  - 3\n",
    ),
    "comments before a value": Case(
        "a: # b\n   # c\n    d\ne:\n  # f\n", "a:  # b\n    # c\n  d\ne:\n  # f\n"
    ),
    "comments in brackets": Case(
        "a: [ # b\n  # c\n  1 # d\n  , # e\n  2 # f\n  # g\n  ] # h\ni: {\n # j\n }\n",
        "a: [  # b\n  # c\n  1,  # d\n      # e\n  2,  # f\n  # g\n]  # h\ni: {\n  # j\n}\n",
    ),
    "comments around documents": Case(
        "# a\n---  # b\nc: 1\n# d\n... # e\n--- # f\n\n# g\nh: 1\n",
        "# a\n\n# b\nc: 1\n# d\n# e\n---  # f\n# g\nh: 1\n",
    ),
    "a comment that another program reads stays behind its value": Case(
        "a: b #c\nd: 'e' #f\n", "a: b  #c\nd: e  #f\n"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_layout(name: str) -> None:
    case = CASES[name]
    assert formatted(case.before) == case.after
    assert formatted(case.after) == case.after


MOVED = {
    "the keys of a document": (
        "spec:\n  model: m\nmetadata:\n  name: a\nkind: Deployment\napiVersion: dpo-ops/v1\n",
        SPEC,
    ),
    "the fields of a spec, with the comments behind them": (
        SPEC.replace(
            "model: m", "minReplicaCount: 0  # few\n                      # or none\n  model: m"
        ),
        SPEC + "  minReplicaCount: 0  # few\n                      # or none\n",
    ),
    "the head of a document stays at its top": (
        "# About this.\n\nkind: Stack\napiVersion: dpo-ops/v1\n",
        "# About this.\n\napiVersion: dpo-ops/v1\nkind: Stack\n",
    ),
    "fields inside fields": (
        (
            "apiVersion: dpo-ops/v1\nkind: DPOJob\nmetadata: {name: a}\nspec:\n"
            "  lossConfig: {dpo: {beta: 0.1}, method: DPO}\n  trainingConfig:\n    epochs: 1\n"
            "    baseModel: b\n  dataset: d\n"
        ),
        (
            "apiVersion: dpo-ops/v1\nkind: DPOJob\nmetadata: {name: a}\nspec:\n  dataset: d\n"
            "  trainingConfig:\n    baseModel: b\n    epochs: 1\n"
            "  lossConfig: {method: DPO, dpo: {beta: 0.1}}\n"
        ),
    ),
}
"""What is put in order, and how."""


@pytest.mark.parametrize("name", MOVED)
def test_keys_are_put_in_the_order_of_the_schema(name: str) -> None:
    before, after = MOVED[name]
    assert formatted(before) == after
    assert formatted(after) == after


KEPT = {
    "a comment above a key": "kind: Stack\n# what is above?\napiVersion: dpo-ops/v1\n",
    "a comment right above the first key": "# kind?\nkind: Stack\napiVersion: dpo-ops/v1\n",
    "a comment at the end": "kind: Stack\napiVersion: dpo-ops/v1\n# the end of what?\n",
    "an alias": "kind: &k Stack\napiVersion: dpo-ops/v1\nmetadata: {name: *k}\n",
    "a key that is unknown": "kind: Stack\nother: 1\napiVersion: dpo-ops/v1\n",
    "no spec of ours": "kind: Stack\napiVersion: v1\n",
    "an unknown field": SPEC + "  protect: true\n  nonsense: 1\n",
    "a comment above a field": SPEC + "  # safe\n  protect: true\n",
}


@pytest.mark.parametrize("name", KEPT)
def test_keys_keep_their_order_where_a_comment_or_an_anchor_could_lose_its_place(name: str) -> None:
    assert formatted(KEPT[name]) == KEPT[name]


def test_what_init_writes_is_formatted() -> None:
    text = FILES["assistant.yaml"]
    assert formatted(text) == text


@pytest.mark.parametrize("folder", ["specs", "examples", "tests/scenarios/specs"])
def test_the_specs_of_this_repository_are_formatted(folder: str) -> None:
    layouts, findings = lay_out([ROOT / folder])
    assert not findings
    assert layouts
    assert not [layout.shown for layout in layouts if layout.changes]


@pytest.mark.parametrize("break_", ["\u2028", "\u2029"])
def test_a_line_break_that_no_editor_shows_is_refused(break_: str) -> None:
    with pytest.raises(Refused) as caught:
        formatted(f"a: 1\nb: 2{break_}c: 3\n")
    assert caught.value.finding.where == Place("a.yaml", 2, 5)


def test_specs_and_values_are_found_and_other_files_passed_over(write: Write) -> None:
    folder = write(
        {
            "specs/a.yaml": SPEC,
            "specs/values/production.yaml": "a:   1\n",
            "specs/values.yaml": "a:   1\n",
            "specs/workflow.yaml": "on:   push\n",
            "specs/.hidden.yaml": SPEC.replace(": ", ":   "),
            "elsewhere.yaml": "a:   1\n",
        }
    )
    found, findings = lay_out([folder / "specs"], [folder / "elsewhere.yaml"])
    assert not findings
    assert {layout.shown: layout.changes for layout in found} == {
        "elsewhere.yaml": True,
        "specs/a.yaml": False,
        "specs/values.yaml": True,
        "specs/values/production.yaml": True,
    }


@pytest.mark.parametrize(
    "content",
    [
        b"on:   push\n",
        b"a: !Ref b\n",
        b"a: {{ .Values.x }}\n",
        b"\xff\xfe",
        b"run: |\n  apiVersion: dpo-ops/v1\nbroken: {{ x }}\n",
        b"#" * (MAX_BYTES + 1),
        b"- apiVersion: dpo-ops/v1\n",
        b"",
    ],
)
def test_a_named_file_that_is_not_ours_is_passed_over(write: Write, content: bytes) -> None:
    folder = write({"a.yaml": content})
    assert lay_out([folder / "a.yaml"]) == ((), ())


def test_a_spec_that_is_not_yaml_is_reported_with_its_place_and_left_alone(write: Write) -> None:
    broken = SPEC + "  protect: {{ values.x }}\n"
    folder = write({"a.yaml": broken, "b.yaml": SPEC.replace("kind: ", "kind:  ")})
    found, [finding] = lay_out([folder])
    assert finding.where == Place("a.yaml", 7, 12)
    assert [(layout.shown, layout.changes) for layout in found] == [("b.yaml", True)]


def test_a_link_that_leaves_the_repository_is_not_followed(write: Write, tmp_path: Path) -> None:
    folder = write({"repository/.git/HEAD": "", "outside.yaml": SPEC.replace(": ", ":  ")})
    link = folder / "repository" / "a.yaml"
    link.symlink_to(tmp_path / "outside.yaml")
    for path in (link, link.parent):
        found, [finding] = lay_out([path])
        assert not found
        assert finding.rule == "path-outside"


def test_a_link_inside_leads_to_the_file_itself_once(write: Write) -> None:
    folder = write({"specs/a.yaml": SPEC.replace(": ", ":  ")})
    (folder / "specs" / "b.yaml").symlink_to("a.yaml")
    [layout], findings = lay_out([folder / "specs"])
    assert not findings
    assert layout.path == folder / "specs" / "a.yaml"


def test_a_mark_of_byte_order_goes(write: Write) -> None:
    folder = write({"a.yaml": b"\xef\xbb\xbf" + SPEC.encode()})
    [layout], _ = lay_out([folder])
    assert layout.changes
    assert layout.after == SPEC.encode()


def test_the_first_line_that_differs_is_named(write: Write) -> None:
    folder = write({"a.yaml": dedent(SPEC).replace("name: a", "name:  a")})
    [layout], _ = lay_out([folder])
    assert layout.line == 4
