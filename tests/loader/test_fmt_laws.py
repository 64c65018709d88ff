"""What holds of every file that is formatted, however it was written."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpo_ops.errors import SpecError
from dpo_ops.loader import load
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.layout import lay_out
from dpo_ops.loader.layout.same import laid_out
from dpo_ops.loader.parse import parse
from dpo_ops.loader.source import Source
from dpo_ops.loader.tree import plain
from tests.loader.layouts import Scribe, neighbours
from tests.loader.test_laws import DOCUMENTS, REFERENCE, WORDS, repository
from tests.profile import tries

SECONDS = 30.0
"""It takes 4 s on an idle machine; the margin is for a busy one."""


def formatted(text: str) -> str:
    source, log = Source(Path("a.yaml"), "a.yaml", text), Log()
    documents = parse(source, log).documents
    assert not log.errors
    return laid_out(source, documents)


def values(text: str) -> object:
    source, log = Source(Path("a.yaml"), "a.yaml", text), Log()
    return [typed(plain(document.root)) for document in parse(source, log).documents]


def typed(value: object) -> object:
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    nan = isinstance(value, float) and math.isnan(value)
    return (type(value), "nan" if nan else value)


def sound(text: str) -> bool:
    log = Log()
    parse(Source(Path("a.yaml"), "a.yaml", text), log)
    return not log.errors


@given(st.integers(0, 2**32))
@settings(max_examples=tries(60, long=200), deadline=None)
def test_the_values_the_comments_and_their_places_stay(seed: int) -> None:
    text = Scribe(random.Random(seed)).file(specs=False)  # noqa: S311  -- it says it all
    if not sound(text):
        return
    after = formatted(text)
    assert values(after) == values(text)
    assert neighbours(after) == neighbours(text)
    assert formatted(after) == after


@given(st.integers(0, 2**32))
@settings(max_examples=tries(60, long=200), deadline=None)
def test_where_keys_move_every_comment_goes_with_its_line(seed: int) -> None:
    text = Scribe(random.Random(seed)).file(specs=True)  # noqa: S311  -- as above
    if not sound(text):
        return
    after = formatted(text)
    assert values(after) == values(text)
    assert companions(after) == companions(text)
    assert formatted(after) == after


def companions(text: str) -> Counter[tuple[str, str]]:
    """Return each comment with what is on its line; of those alone on theirs, what comes next.

    Those at the top of a document are at its top.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [line.replace("...", "---", 1) if line.startswith("...") else line for line in lines]
    found, top = Counter[tuple[str, str]](), True
    for number, line in enumerate(lines):
        words, hash_, comment = line.partition("#")
        top = (top and not bare(words)) or words.startswith("---")
        if hash_ and not top:
            behind = (after for after in lines[number:] if bare(after) or after[:3] == "---")
            said = words if bare(words) else next(behind, "")
            found[comment.strip(), bare(said)] += 1
        elif hash_:
            found[comment.strip(), "top"] += 1
    return found


def bare(line: str) -> str:
    return line.partition("#")[0].strip(" '\"-").replace("'", "").replace('"', "")


@pytest.mark.parametrize("seed", range(20))
def test_the_desired_state_is_the_same(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  -- no secret
    text = "---\n".join(DOCUMENTS)
    for _ in range(12):
        at = chance.choice([n for n, char in enumerate(text) if char == "\n"]) + 1
        if text[at : at + 1] != " ":
            text = text[:at] + chance.choice(("\n", "# a comment\n", "\n\n")) + text[at:]
    after = formatted(text)
    with repository() as folder:
        (folder / "a.yaml").write_text(after)
        found = [
            (r.address, r.id, r.body, r.needs, r.content, r.stack, r.options)
            for r in load([folder]).state.values()
        ]
    assert found == REFERENCE


def outcome(data: bytes) -> None:
    """Format a file as the command does: it is laid out, or there is a finding, or it is not ours.

    What is laid out loads as before.
    """
    with repository() as folder:
        (folder / "a.yaml").write_bytes(data)
        layouts, findings = lay_out([folder / "a.yaml"], [folder / "a.yaml"])
        assert layouts or findings
        for layout in layouts:
            before = loaded(folder)
            (folder / "a.yaml").write_bytes(layout.after)
            assert loaded(folder) == before
            assert lay_out([], [folder / "a.yaml"])[0][0].after == layout.after


def loaded(folder: Path) -> object:
    try:
        return [(r.address, r.id, r.body) for r in load([folder]).state.values()]
    except SpecError as error:
        return sorted((f.what, f.rule) for f in error.findings)


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@settings(max_examples=tries(60, long=200), deadline=None)
@example("? \n: 1\n")
@example("&a : 1\n")
@example("a: |\n\t\n")
@example("{a: [b: , c]}")
@example("- |2+\n     \n   a\n \n\n")
@example("--- |\n a\n--- # b\n")
@example("%YAML 1.1\n# a\n---\n...\n# b\n")
def test_anything_like_a_spec_is_formatted_or_refused(text: str) -> None:
    outcome(text.encode())


@given(
    st.just("---\n".join(DOCUMENTS)),
    st.integers(0, 10_000),
    st.integers(0, 30),
    st.sampled_from(WORDS),
)
@settings(max_examples=tries(60, long=200), deadline=None)
def test_a_spec_with_a_piece_replaced_is_formatted_or_refused(
    text: str, at: int, length: int, word: str
) -> None:
    at %= len(text)
    outcome((text[:at] + word + text[at + length :]).encode())


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_formatted_or_refused(data: bytes) -> None:
    outcome(data)


HOSTILE = {
    "one long line of entries": "a: [" + ", ".join(f"x{n}" for n in range(15_000)) + "]\n",
    "one long line of keys": "{" + ", ".join(f"x{n}: 1" for n in range(10_000)) + "}\n",
    "many comments before one key": "a:\n" + "  # c\n" * 60_000 + "  b: 1\n" + "  # d\n" * 9,
    "as deep as it goes": "".join(f"{' ' * n}k:\n" for n in range(63)) + " " * 63 + "x: 1\n# c\n",
    "as many brackets as it goes": "a: " + "[" * 63 + "]" * 63 + "\n",
    "blank lines": "a: 1" + "\n" * 3_900_000 + "b: 1\n",
    "a long text": "a: 'x" + " y" * 1_900_000 + "'\n",
    "many backslashes": 'a: "' + "\\\\" * 1_900_000 + '\n b"\n',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_done_with_soon(name: str) -> None:
    start = time.process_time()
    with contextlib.suppress(Refused):
        formatted(HOSTILE[name])
    assert time.process_time() - start < SECONDS
