"""YAML text to documents. The parser is libyaml, asked for events only.

A document that can't be read is reported and does not take the ones behind it along.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import yaml
from yaml._yaml import CParser

from dpo_ops.errors import Finding
from dpo_ops.loader.build import MAX_NODES, Budget, Builder
from dpo_ops.loader.findings import Refused

if TYPE_CHECKING:
    from dpo_ops.loader.build import Parsed
    from dpo_ops.loader.findings import Log
    from dpo_ops.loader.source import Source

_MAX_RESTARTS: Final = 20
_START: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)


@dataclass(slots=True)
class File:
    """What a file holds. `lost` are the texts of documents that could not be read at all."""

    source: Source
    documents: list[Parsed] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def parse(source: Source, log: Log) -> File:
    """Return the documents of a file that are not empty; what is wrong goes to `log`."""
    file = File(source)
    budget = Budget()
    start: int | None = 0
    for _ in range(_MAX_RESTARTS):
        if start is None or budget.spent > MAX_NODES:
            break
        start = _parse_from(file, start, budget, log)
    return file


def _parse_from(file: File, start: int, budget: Budget, log: Log) -> int | None:
    """Read documents up to the end or to a fault; then return where the next one begins."""
    builder = Builder(file.source, start, budget, log)
    fault = _feed(builder, file.source, start)
    file.documents += builder.documents
    if fault is None:
        return None
    at, finding = fault
    text = file.source.text
    line = text.rfind("\n", 0, at) + 1
    if builder.unquoted is None or builder.unquoted < line:
        log.add(finding)
    following = _START.search(text, max(line, builder.began + 1))
    file.lost.append(text[builder.began : following.start() if following else None])
    return following.start() if following else None


def _feed(builder: Builder, source: Source, start: int) -> tuple[int, Finding] | None:
    """Give the events from `start` on to `builder`; return where and why that ended early."""
    try:
        parser = CParser(source.text[start:].encode())
        while (event := parser.get_event()) and not isinstance(event, yaml.StreamEndEvent):
            builder.take(event)
    except Refused as refused:
        return builder.last, refused.finding
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = start + (mark.index if mark else 0)
        return at, _syntax(source, at, start, error)
    return None


_HINTS: Final = {
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "found character that cannot start any token": "put text with @, ` or a tab first in quotes",
    "mapping values are not allowed in this context": (
        "put text that holds `: ` in quotes, or check the indentation"
    ),
    "did not find expected key": "check the indentation: keys of one mapping begin in one column",
    "did not find expected '-' indicator": "check the indentation of the list",
    "could not find expected ':'": "write `key: value`",
}


def _syntax(source: Source, at: int, start: int, error: yaml.MarkedYAMLError) -> Finding:
    problem = error.problem or "can't be parsed"
    where = source.place(at)
    why = ""
    if error.context and error.context_mark:
        began = source.place(start + error.context_mark.index)
        why = f"{error.context} that begins in line {began.line}"
    line = source.text[source.text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
    fix = 'put a template in quotes: "{{ … }}"' if "{{" in line else _HINTS.get(problem, "")
    return Finding(where, f"is not YAML: {problem}", why, fix, "yaml-syntax")
