"""A text in its layout, and the proof that it still says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import Finding
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.layout.lexemes import lexemes
from dpo_ops.loader.layout.order import in_order
from dpo_ops.loader.layout.read import documents
from dpo_ops.loader.layout.write import written
from dpo_ops.loader.parse import parse
from dpo_ops.loader.tree import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.loader.build import Parsed
    from dpo_ops.loader.source import Source

# YAML takes each for a line break, and a break for the same whatever it was.
_BREAK: Final = re.compile("\r\n|\r|\x85")


def laid_out(source: Source, found: Sequence[Parsed]) -> str:
    """Return the text of a file in its layout; `found` is what the loader's parser made of it.

    Raises:
        Refused: the text can't be laid out without changing what it says.
    """
    text, comments = _pass(replace(source, text=_BREAK.sub("\n", source.text)))
    after = replace(source, text=text)
    log = Log()
    again = parse(after, log)
    if log.errors or not _is_same(found, again.documents):
        raise _refused(source, "its values would change")
    twice, still = _pass(after)
    if comments != still:
        raise _refused(source, "a comment would be lost")
    if twice != text:
        raise _refused(source, "it would look different each time")
    return text


def _pass(source: Source) -> tuple[str, list[str]]:
    """Return the text in its layout, and the comments that it had before."""
    tokens = lexemes(source)
    comments = sorted(comment.text for token in tokens for comment in token.comments)
    read = documents(tokens)
    for document in read:
        in_order(document)
    return written(read), comments


def _is_same(before: Sequence[Parsed], after: Sequence[Parsed]) -> bool:
    """Compare values with their types; where keys stand in a mapping means nothing."""
    if len(before) != len(after):
        return False
    pairs = zip(before, after, strict=True)
    return all(_typed(plain(old.root)) == _typed(plain(new.root)) for old, new in pairs)


def _typed(value: Any) -> Any:
    """Return a value that equals another only if their types are equal too."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return (type(value), repr(value))


def _refused(source: Source, why: str) -> Refused:
    what = "can't be laid out as it is written, and is left alone"
    return Refused(Finding(source.place(0), what, why, "write it more plainly", "layout"))
