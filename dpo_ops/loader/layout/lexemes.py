"""The tokens of a YAML file, each with the comments that stand before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml._yaml import CParser

from dpo_ops.errors import Finding
from dpo_ops.loader.findings import Refused
from dpo_ops.loader.layout.comments import Comment, Stand

if TYPE_CHECKING:
    from dpo_ops.loader.source import Source

_PIECE: Final = re.compile(r"#[^\n]*|\n\s*")
_STRANGE_BREAK: Final = re.compile("[\u2028\u2029]")
_BLANK_LINES: Final = 2
"""Line breaks in a row that make a blank line."""


@dataclass(slots=True)
class Lexeme:
    """One token: its text, the comments before it, and whether a blank line is right above it."""

    token: Any
    start: int
    column: int
    text: str
    open_end: bool
    """Whether the file ends in it, without a line break."""
    comments: list[Comment] = field(default_factory=list)
    blank: bool = False

    @property
    def kind(self) -> type[yaml.Token]:
        """The class of the token."""
        return type(self.token)


def lexemes(source: Source) -> list[Lexeme]:
    """Return the tokens of a text that the loader's parser takes; the last is a StreamEndToken.

    Raises:
        Refused: a line ends in U+2028 or U+2029, which no editor shows as the end of a line.
    """
    text, found, done = source.text, [], 0
    parser = CParser(text.encode())
    while token := parser.get_token():
        if isinstance(token, yaml.StreamStartToken):
            continue
        start, end = token.start_mark.index, max(done, token.end_mark.index)
        lexeme = Lexeme(
            token,
            start,
            token.start_mark.column,
            text[start:end],
            open_end=end == len(text) and not text.endswith("\n"),
        )
        if start > done:
            _fill(lexeme, source, done)
        found.append(lexeme)
        _refuse_strange_breaks(source, lexeme, done)
        done = max(done, _end(lexeme, end))
        if isinstance(token, yaml.StreamEndToken):
            break
    return found


def _fill(lexeme: Lexeme, source: Source, done: int) -> None:
    """Add what stands between `done`, where the last token ended, and this one."""
    text = source.text
    breaks = 1 if done == 0 or text[done - 1] == "\n" else 0
    for piece in _PIECE.finditer(text, done, lexeme.start):
        if piece[0][0] == "\n":
            breaks += piece[0].count("\n")
            continue
        last = lexeme.comments[-1] if lexeme.comments else None
        lexeme.comments.append(_comment(text, piece.start(), piece[0].rstrip(), breaks, last))
        breaks = 0
    lexeme.blank = breaks >= _BLANK_LINES


def _comment(text: str, at: int, words: str, breaks: int, last: Comment | None) -> Comment:
    line = text.rfind("\n", 0, at) + 1
    before = text[line:at]
    column, bare = at - line, before.rstrip()
    if not breaks:
        stand = Stand.SIDE
    elif breaks == 1 and last and last.stand is not Stand.OWN and last.column == column:
        stand = Stand.BELOW
    else:
        stand = Stand.OWN
    offset = column - (len(before) - len(before.lstrip()))
    return Comment(words, stand, column, offset, len(before) - len(bare), breaks >= _BLANK_LINES)


def _end(lexeme: Lexeme, end: int) -> int:
    """Return where a token ends: a block of text may keep the blank lines below it, or not."""
    if not is_block(lexeme.token) or "+" in lexeme.text.partition("\n")[0].partition("#")[0]:
        return end
    return lexeme.start + len(lexeme.text.rstrip())


def is_block(token: Any) -> bool:
    """Return whether a token is a block of text, behind `|` or `>`."""
    return isinstance(token, yaml.ScalarToken) and token.style in ("|", ">")


def _refuse_strange_breaks(source: Source, lexeme: Lexeme, done: int) -> None:
    quoted = isinstance(lexeme.token, yaml.ScalarToken) and lexeme.token.style in ("'", '"')
    end = lexeme.start + (0 if quoted else len(lexeme.text))
    if match := _STRANGE_BREAK.search(source.text, done, end):
        what = f"a line ends in U+{ord(match[0]):04X}"
        why = "YAML takes that for a line break, and editors don't show it as one"
        where = source.place(match.start())
        raise Refused(Finding(where, what, why, "break the line with Enter", "layout"))
