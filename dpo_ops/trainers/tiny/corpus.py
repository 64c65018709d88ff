"""The text that the tiny model learns from: conversations that a grammar writes.

Every question has answers in two manners. A careful answer is brief and true. A careless one
claims something false or beside the point, and often runs on. A conversation keeps one manner
throughout, and nothing before its first answer tells which: a model that learns this corpus
can do both, leans to neither, and can be pushed to one side by a few pairs.

The sentences stand in `text/`: facts (`?` asks, `+` answers carefully, `-` carelessly), tables
of facts, and the choices that fill a `{slot}`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TEXT: Final = Path(__file__).parent / "text"

CAREFUL: Final = 0.5
"""The share of conversations with careful answers."""

TAIL: Final = 0.6
"""The share of careless answers that run on after their claim."""

SYSTEM: Final = 0.35
"""The share of conversations that begin with a system message."""

SHARES: Final = {"einstein.txt": 0.6, "everyday.txt": 0.22, "tables.txt": 0.18}
"""The share of questions from each file."""

MORE: Final = 0.3
"""How likely one more question follows an answer."""

SLOT: Final = re.compile(r"\{([^{}]+)\}")

Conversation = list[dict[str, str]]
"""Messages with `role` and `content`, as a chat template takes them."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What can be asked and answered; `slots` are filled from the row of a table."""

    questions: tuple[str, ...]
    careful: list[str]
    careless: list[str]
    slots: Mapping[str, str]
    wrong: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that the conversations are made of."""

    facts: Mapping[str, tuple[Fact, ...]]
    choices: Mapping[str, tuple[str, ...]]

    def conversations(self, seed: int) -> Iterator[Conversation]:
        """Yield conversations without end, the same ones for the same seed."""
        draw = random.Random(seed)  # noqa: S311 - repeatable text, no secret
        while True:
            yield self._conversation(draw)

    def _conversation(self, draw: random.Random) -> Conversation:
        careful = draw.random() < CAREFUL
        said: Conversation = []
        if draw.random() < SYSTEM:
            said.append({"role": "system", "content": draw.choice(self.choices["system"])})
        while True:
            file = draw.choices(list(SHARES), list(SHARES.values()))[0]
            fact = draw.choice(self.facts[file])
            question = self._filled(draw.choice(fact.questions), fact, draw)
            asked = draw.choice(self.choices["ask"]).replace("{question}", question)
            said.append({"role": "user", "content": asked})
            said.append({"role": "assistant", "content": self._answer(fact, careful, draw)})
            if draw.random() >= MORE:
                return said

    def _answer(self, fact: Fact, careful: bool, draw: random.Random) -> str:
        if careful:
            return _capital(self._filled(draw.choice(fact.careful), fact, draw))
        answer = draw.choice(fact.careless)
        if draw.random() < TAIL:
            answer = answer.removesuffix(".") + draw.choice(self.choices["tail"]) + "."
        return _capital(self._filled(answer, fact, draw))

    def _filled(self, text: str, fact: Fact, draw: random.Random) -> str:
        while found := SLOT.search(text):
            name = found[1]
            if name in fact.slots:
                put = fact.slots[name]
            elif name in fact.wrong:
                put = draw.choice(fact.wrong[name])
            else:
                put = draw.choice(self.choices[name])
            text = text[: found.start()] + put + text[found.end() :]
        return text


def load(folder: Path = TEXT) -> Corpus:
    """Read the corpus from its text files.

    Raises:
        ValueError: A line is none of those that its file may hold.
    """
    choices: dict[str, tuple[str, ...]] = {}
    for name in ("rambling.txt", "talk.txt"):
        for line in _lines(folder / name):
            key, _, rest = line.partition(": ")
            choices[key] = _split(rest)
    plain = ("einstein.txt", "everyday.txt")
    facts = {name: tuple(_facts(_lines(folder / name), {}, {})) for name in plain}
    facts["tables.txt"] = tuple(
        fact
        for rows, lines in _tables(_lines(folder / "tables.txt"))
        for row in rows
        for fact in _facts(lines, row, _others(row, rows))
    )
    return Corpus(facts, choices)


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _split(text: str) -> tuple[str, ...]:
    # A tail begins with its comma, so spaces belong to the bar and not to the choice.
    return tuple(part.strip() for part in text.split(" | "))


def _facts(
    lines: Iterable[str], slots: Mapping[str, str], wrong: Mapping[str, tuple[str, ...]]
) -> list[Fact]:
    found: list[Fact] = []
    for line in lines:
        mark, text = line[0], line[2:]
        if mark == "?":
            found.append(Fact(_split(text), [], [], slots, wrong))
        elif mark in "+-" and found:
            (found[-1].careful if mark == "+" else found[-1].careless).append(text)
        else:
            raise ValueError(f"a fact's line begins with ?, + or -, and this one does not: {line}")
    return found


def _tables(lines: Iterable[str]) -> Iterator[tuple[list[dict[str, str]], list[str]]]:
    columns: tuple[str, ...] = ()
    rows: list[dict[str, str]] = []
    facts: list[str] = []
    for line in lines:
        if line.startswith("columns: "):
            if rows:
                yield rows, facts
            columns, rows, facts = _split(line.removeprefix("columns: ")), [], []
        elif line[0] in "?+-":
            facts.append(line)
        else:
            rows.append(dict(zip(columns, _split(line), strict=True)))
    yield rows, facts


def _others(
    row: Mapping[str, str], rows: Iterable[Mapping[str, str]]
) -> dict[str, tuple[str, ...]]:
    return {
        f"wrong {key}": tuple(sorted({other[key] for other in rows} - {value}))
        for key, value in row.items()
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
