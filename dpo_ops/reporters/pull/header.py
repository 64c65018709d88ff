"""The hidden first line of a comment: by it the comment is found, and its approval trusted.

GitHub lets everybody with write access edit any comment. So nothing in the line is believed but
what the signature covers, and that is bound to the one pull request it was written on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import asdict, fields, replace
from typing import Final

from dpo_ops.reporters.pull.subject import Header
from dpo_ops.resource import Json, canonical

VERSION: Final = 1
LONGEST: Final = 24_000
"""Bytes of the line; what is longer leaves no room for the comment itself."""

_LINE = re.compile(r"<!-- dpo_ops (\{.*\}) -->")
_KEYS = frozenset(field.name for field in fields(Header))
_NEEDED = frozenset({"env", "commit", "run", "tool"})
# In the JSON none of these stands outside a text, so each can be written as an escape.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "--": "\\u002d\\u002d"}


def header_line(header: Header) -> str:
    """Return the line, without its end. Nothing in it can end the HTML comment that it is.

    An approval that makes it longer than LONGEST is left out, with its signature.
    """
    said = {"v": VERSION, **{key: text for key, text in asdict(header).items() if text}}
    line = hidden({**dict.fromkeys(sorted(_NEEDED), ""), **said})
    if len(line) > LONGEST and header.approved:
        return header_line(replace(header, approved="", signature=""))
    return line


def hidden(said: dict[str, object]) -> str:
    """Return a JSON object as an HTML comment on one line, all of it ASCII."""
    text = json.dumps(said, separators=(",", ":"), sort_keys=True)
    for plain, escape in _ESCAPES.items():
        text = text.replace(plain, escape)
    return f"<!-- dpo_ops {text} -->"


def header_of(body: str) -> Header | None:
    """Return what the first line of a comment says.

    None where it is no such line, is malformed or too long, or another version wrote it.
    """
    said = unhidden(body)
    if said is None or said.pop("v", None) != VERSION or not _NEEDED <= said.keys() <= _KEYS:
        return None
    if not all(isinstance(text, str) and _is_text(text) for text in said.values()):
        return None
    return Header(**said)


def unhidden(body: str) -> dict[str, Json] | None:
    """Return the JSON object of a comment's hidden first line; None where there is none."""
    first = body[: LONGEST + 2].partition("\n")[0].removesuffix("\r")
    found = _LINE.fullmatch(first) if len(first) <= LONGEST else None
    if found is None:
        return None
    try:
        said = json.loads(found[1])
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def belongs(body: str, env: str) -> bool:
    """Say whether a comment is the one of an environment."""
    header = header_of(body)
    return header is not None and header.env == env


def signed(header: Header, key: str, subject: str) -> Header:
    """Return the header with a signature that only who has `key` can make.

    `subject` is the pull request that it holds for, such as `owner/repository#7`.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        raise ValueError("a signature needs a key")
    return replace(header, signature=_signature(header, key, subject))


def is_signed(header: Header, key: str, subject: str) -> bool:
    """Say whether the signature was made with `key` for `subject`, and nothing changed since."""
    if not key or not header.signature:
        return False
    expected = _signature(header, key, subject)
    return hmac.compare_digest(expected.encode(), header.signature.encode())


def _signature(header: Header, key: str, subject: str) -> str:
    said = {**asdict(header), "v": VERSION, "subject": subject}
    del said["signature"]
    return hmac.new(key.encode(), canonical(said).encode(), hashlib.sha256).hexdigest()


def _is_text(text: str) -> bool:
    """Say whether it has an encoding: JSON can write half a pair of surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
