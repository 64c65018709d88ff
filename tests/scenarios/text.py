"""The format of a scenario: a plain text file, cut into blocks by lines that begin with a mark.

The first line says which behaviour the file shows. Then, in the order in which they happen:

    // A note for the reader, up to the next mark.

    -- specs/a.yaml --      the lines below are written to this file, in place of what it held
    @ replace FILE OLD NEW  something happens that is no command of the tool; see `stage.py`
    $ dpo-ops plan          a command, and below it what it is expected to do:
    exit 2                  its exit code
    -- stdout --            what it prints; the section is left out where that is nothing
    -- stderr --            the same; a single line `...` accepts whatever is printed
    -- requests --          the API requests that it sent, where the file has this section

`pytest tests/scenarios --update` writes what is expected. Whoever writes a scenario writes the
files and the commands, and reads the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = re.compile(r"\$ .+|@ .+|//.*|-- .+ --")
_SECTION = re.compile(r"-- (.+) --")
EXPECTED = ("stdout", "stderr", "requests")
WHATEVER = "..."


@dataclass(frozen=True)
class Block:
    """A line with a mark, and the lines below it without the empty ones at their end."""

    head: str
    body: str = ""

    @property
    def section(self) -> str:
        """The name between the dashes, or nothing."""
        found = _SECTION.fullmatch(self.head)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.head}\n{self.body}\n" if self.body else f"{self.head}\n"


@dataclass
class Step:
    """A block that does something, and what is expected of it by the name of the section."""

    block: Block
    expected: dict[str, str] = field(default_factory=dict)

    @property
    def is_command(self) -> bool:
        return self.block.head.startswith("$ ")


def parse(text: str) -> list[Step]:
    """Return the steps of a scenario; the first one is its description."""
    steps: list[Step] = []
    for block in _blocks(text):
        if block.section in EXPECTED:
            if not steps or not steps[-1].is_command:
                raise ValueError(f"{block.head} belongs below a command")
            steps[-1].expected[block.section] = block.body
        else:
            steps.append(Step(block))
    return steps


def render(steps: list[Step]) -> str:
    """Return the text of a scenario; `parse` gives the same steps again."""
    text = "\n".join(_paragraph(step) for step in steps)
    # A line of output that looks like a mark would be taken for one the next time.
    assert parse(text) == steps, "a line of the output begins with one of the marks"
    return text


def _paragraph(step: Step) -> str:
    blocks = [step.block]
    blocks += [Block(f"-- {n} --", step.expected[n]) for n in EXPECTED if n in step.expected]
    return "".join(map(str, blocks))


def _blocks(text: str) -> Iterator[Block]:
    head, *lines = text.splitlines()
    body: list[str] = []
    for line in lines:
        if _MARK.fullmatch(line):
            yield Block(head, _body(body))
            head, body = line, []
        else:
            body.append(line)
    yield Block(head, _body(body))


def _body(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n")
