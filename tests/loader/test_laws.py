"""What holds of all specs, those nobody would write included."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpo_ops.errors import Place, SpecError
from dpo_ops.loader import Loaded, load
from tests.loader.conftest import PAIRS
from tests.loader.test_broken import CASES, DATASET, DEPLOYMENT, JOB

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = """apiVersion: dpo-ops/v1
kind: Stack
metadata: {name: prod}
spec: {defaults: {DPOJob: {trainingConfig: {epochs: 2}}}}
"""
DOCUMENTS = [
    STACK,
    DATASET,
    DATASET.replace("zebra", "ape"),
    JOB,
    JOB.replace("tune", "a2").replace("zebra", "ape"),
    JOB.replace("tune", "a1").replace(
        "baseModel: accounts/fireworks/models/m", "warmStartFrom: {dpoJob: tune}"
    ),
    DEPLOYMENT,
    DEPLOYMENT.replace("app", "b").replace("tune", "a1"),
]
WORDS = [line + "\n" for document in DOCUMENTS for line in document.splitlines()] + [
    *("---\n", "...\n", "  ", "- ", "? ", ": ", "{", "}", "[", "]", "'", '"', "|\n", ">-\n", "#"),
    *("&a ", "*a", "<<: *a\n", "!!str ", "!x ", "%YAML 1.2\n", "\t", "\r\n", "\n", "\u2028", "é"),
    *("{{ values.x }}", "{{ 1 }}", '"{{ git.short }}"', "{%", "null", "1e-5", "0x", "\\", "@", "`"),
    *("spec:\n", "metadata:\n", "  name: ", "defaults: ", "source: ", "pairs.jsonl", "../..", "a"),
]


@contextmanager
def repository() -> Iterator[Path]:
    """Hypothesis makes many examples a test, and a fixture would give them one folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name))
        (folder / ".git").mkdir()
        (folder / "pairs.jsonl").write_text(PAIRS)
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def outcome(data: bytes) -> Loaded | SpecError:
    with repository() as folder:
        (folder / "a.yaml").write_bytes(data)
        try:
            return load([folder])
        except SpecError as error:
            return error


def check(data: bytes) -> None:
    found = outcome(data)
    findings = found.findings if isinstance(found, SpecError) else found.warnings
    lines = (
        data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    )
    for finding in findings:
        assert str(finding).strip()
        if isinstance(finding.where, Place) and finding.where.file == "a.yaml":
            assert 1 <= finding.where.line <= len(lines)
            assert 1 <= finding.where.column <= len(lines[finding.where.line - 1]) + 1


@given(st.permutations(DOCUMENTS), st.lists(st.integers(0, 4), min_size=8, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_order_of_files_and_documents_changes_nothing(
    documents: list[str], files: list[int]
) -> None:
    texts: dict[int, list[str]] = {}
    for document, file in zip(documents, files, strict=True):
        texts.setdefault(file, []).append(document)
    with repository() as folder:
        for file, parts in texts.items():
            (folder / f"{file}.yaml").write_text("---\n".join(parts))
        state = load([folder]).state
    shown = [
        (r.address, r.id, r.body, r.needs, r.content, r.stack, r.options) for r in state.values()
    ]
    assert shown == REFERENCE


def _reference() -> list[tuple[object, ...]]:
    with repository() as folder:
        (folder / "a.yaml").write_text("---\n".join(DOCUMENTS))
        return [
            (r.address, r.id, r.body, r.needs, r.content, r.stack, r.options)
            for r in load([folder]).state.values()
        ]


REFERENCE = _reference()


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
@settings(max_examples=300, deadline=None)
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe\x00")
@example(b"---\r---\r%")
@example(b"'")
def test_any_bytes_load_or_are_refused(data: bytes) -> None:
    check(data)


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_anything_like_a_spec_loads_or_is_refused(text: str) -> None:
    check(text.encode())


@given(
    st.sampled_from([case.text for case in CASES.values()] + ["---\n".join(DOCUMENTS)]),
    st.integers(0, 10_000),
    st.integers(0, 30),
    st.sampled_from(WORDS),
)
@settings(max_examples=400, deadline=None)
def test_a_spec_with_a_piece_replaced_loads_or_is_refused(
    text: str, at: int, length: int, word: str
) -> None:
    at %= len(text)
    check((text[:at] + word + text[at + length :]).encode())
