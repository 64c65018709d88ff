"""The text of one scalar: quotes only where they are needed, and nothing wrapped anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from dpo_ops.loader.scalars import resolve

if TYPE_CHECKING:
    from dpo_ops.loader.layout.nodes import Scalar

_HEADER: Final = re.compile(r"([|>])([-+]?)([1-9]?)([-+]?)[ \t]*(#.*)?")
_MEANT: Final = re.compile(r"[{}\[\]\t\n]|:(?:\s|\Z)|\s#|\A\s|\s\Z")
_IN_BRACKETS: Final = re.compile(r"[^\w ./-]")
_ANY_YAML: Final = yaml.SafeLoader.yaml_implicit_resolvers
_WORDS: Final = frozenset(("y", "n"))
"""What only the oldest readers take for true and false."""


def lines_of(scalar: Scalar, indent: int, *, flow: bool) -> list[str]:
    """Return the lines of a scalar, all but the first with their `indent`."""
    if scalar.style in ("|", ">"):
        return _block(scalar, indent)
    if "\n" not in scalar.text:
        return [_line(scalar, flow=flow)]
    return _lines(scalar, " " * indent)


def _line(scalar: Scalar, *, flow: bool) -> str:
    if scalar.style is None:
        return scalar.text
    if _is_plain(scalar.value, flow=flow):
        return scalar.value
    written = f'"{scalar.value}"'
    if scalar.style == "'" and scalar.value.isprintable() and not {'"', "\\"} & set(scalar.value):
        return written
    return scalar.text


def _is_plain(text: str, *, flow: bool) -> bool:
    """Return whether every reader takes `text` for the same text without quotes.

    It must begin like a word, so that it stays text when a part of it is changed.
    """
    if not text.isprintable() or not (text[:1].isalpha() or text[:1] in ("_", "/")):
        return False
    if _MEANT.search(text) or (flow and _IN_BRACKETS.search(text)):
        return False
    others = (*_ANY_YAML.get(text[0], ()), *_ANY_YAML.get(None, ()))
    typed = any(pattern.match(text) for _, pattern in others)
    return not typed and text.lower() not in _WORDS and resolve(text) is text


def _lines(scalar: Scalar, indent: str) -> list[str]:
    """Return a scalar of several lines; how they are indented and what ends them means nothing."""
    first, *middle, last = scalar.text.split("\n")
    strip = _without_end if scalar.style == '"' else str.rstrip
    rest = [*(strip(line.lstrip(" \t")) for line in middle), last.lstrip(" \t")]
    return [strip(first), *(f"{indent}{line}" if line else "" for line in rest)]


def _without_end(line: str) -> str:
    """Return a line of text in double quotes without its last spaces, unless they are escaped."""
    bare = line.rstrip(" \t")
    slashes = len(bare) - len(bare.rstrip("\\"))
    return line[: len(bare) + 1] if slashes % 2 and len(bare) < len(line) else bare


def _block(scalar: Scalar, indent: int) -> list[str]:
    head, *lines = scalar.text.split("\n")
    found = _HEADER.match(head)
    assert found  # noqa: S101  -- libyaml has read it
    style, before, digit, after, comment = found.groups()
    ends = before or after
    if not scalar.open_end:
        lines = lines[:-1]  # Without what is behind the last line break.
    elif lines and not scalar.value.endswith("\n"):
        ends = "-"  # The file ends in this text without a line break, and will end in one.
    taken = max(scalar.column, 0) + int(digit) if digit else _widest(lines)
    content = [line[taken:] if line[:taken].isspace() else "" for line in lines] if taken else lines
    if ends != "+":
        while content and not content[-1]:
            content.pop()
    mark = f"{style}{_digit(content)}{ends}" + (f"  {comment.rstrip()}" if comment else "")
    return [mark, *(" " * indent + line if line else "" for line in content)]


def _widest(lines: list[str]) -> int:
    """Return the indent of a block: that of its first line that is not blank."""
    return next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")), 0) or max(
        (len(line) for line in lines), default=0
    )


def _digit(content: list[str]) -> str:
    """Return the indent to state where it can't be told from the first line."""
    for line in content:
        if line.strip(" "):
            return "2" if line[0] in " \t" else ""
        if line:
            return "2"
    return ""
