"""Specs for what exists in an account: each only refers, and says beside it how to take it over.

What the account says of itself stands in comments. It is hostile text: it is written as ASCII
YAML, in which whatever could end a line is an escape, and every line of it begins with `#`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import yaml

from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import ID_PATTERN
from dpo_ops.reporters.documents import VERSION
from dpo_ops.reporters.style import PLAIN, Style, count, wrap
from dpo_ops.resource import Address, Health, last_segment, qualify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from dpo_ops.kinds import Kind
    from dpo_ops.kinds.facts import Listing, Portrait
    from dpo_ops.resource import Json

API_VERSION = "dpo-ops/v1"
_LONGEST = 400
"""Characters of one text of the account that a comment repeats."""
_COMMENT, _FOLDED = 78, 64
"""The columns that a comment has, and after which the YAML in it goes on at the next word."""
_NO_NAME = re.compile(r"[^a-z0-9-]+")
_EVERYTHING = ("*",)


@dataclass(frozen=True, slots=True)
class Found:
    """One spec that was written: its address, the full name that it refers to and its file."""

    address: Address
    name: str
    file: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The text of each file by its name, what is in them, and what has no spec and why."""

    account: str
    files: Mapping[str, str]
    found: tuple[Found, ...]
    skipped: tuple[tuple[str, str], ...]


def imported(
    listing: Listing, account: str, wanted: Collection[str] = (), mask: Callable[[str], str] = str
) -> Imported:
    """Return specs for all that `wanted` names: ids, full names or patterns of them; or for all.

    `mask` hides secrets in what the account says.
    """
    files: dict[str, str] = {}
    found: list[Found] = []
    skipped: list[tuple[str, str]] = []
    for kind in KINDS.values():
        if kind.elsewhere is None:
            continue
        file, texts = f"{kind.elsewhere.collection}.yaml", []
        names = _Names(kind)
        for record, portrait in _standing(kind.elsewhere, listing):
            name = qualify(str(record.get("name") or ""), account)
            if not _is_wanted(name, wanted or _EVERYTHING):
                continue
            if not _refers(kind.elsewhere, name):
                skipped.append((name, "its name can't stand in a spec"))
                continue
            address = Address(kind.name, names.of(last_segment(name)))
            texts.append(_spec(address, name, portrait, account, mask))
            found.append(Found(address, name, file))
        if texts:
            files[file] = "---\n".join(texts)
    return Imported(account, files, tuple(found), tuple(skipped))


def _standing(kind: Kind, listing: Listing) -> Iterator[tuple[Mapping[str, Json], Portrait]]:
    """Yield what is there to stay, with what is to be said of it."""
    for record in listing.all(kind.collection):
        if kind.health(record)[0] in (Health.NOT_FOUND, Health.TERMINATING):
            continue
        portrait = kind.portray(record, listing)
        if portrait:
            yield record, portrait


def _is_wanted(name: str, patterns: Collection[str]) -> bool:
    short = last_segment(name)
    return any(fnmatchcase(name, p) or fnmatchcase(short, p) for p in patterns)


def _refers(kind: Kind, name: str) -> bool:
    try:
        kind.spec.model_validate({"external": True, "id": name})
    except ValueError:
        return False
    return True


class _Names:
    """Gives each id of a kind a name that a spec can have and that no other has."""

    def __init__(self, kind: Kind) -> None:
        self._limit, self._taken = kind.name_limit, set[str]()

    def of(self, id_: str) -> str:
        """Return the id where it can be a name, else something near it."""
        stem = _NO_NAME.sub("-", id_.lower()).strip("-")
        stem = stem if re.match("[a-z]", stem) else f"x-{stem}".rstrip("-")
        name, n = stem[: self._limit].rstrip("-"), 1
        while name in self._taken:
            n += 1
            tail = f"-{n}"
            name = stem[: self._limit - len(tail)].rstrip("-") + tail
        if not re.fullmatch(ID_PATTERN, name):
            raise AssertionError(f"{name!r} can't be a name")
        self._taken.add(name)
        return name


def _spec(
    address: Address, name: str, portrait: Portrait, account: str, mask: Callable[[str], str]
) -> str:
    document = {
        "apiVersion": API_VERSION,
        "kind": address.kind,
        "metadata": {"name": address.name},
        "spec": {"external": True, "id": name},
    }
    known, instead = (
        _masked(qualify(said, account), mask) for said in (portrait.known, portrait.instead)
    )
    lines = ["As it was found; it is somebody else's, and nothing of it is changed:"]
    lines += [f"  {line}" for line in _yaml(known, _FOLDED).splitlines()] if known else []
    how = _yaml(_masked(portrait.how, mask)).splitlines()[0]
    if instead:
        lines += wrap(f"To take it over, make this its spec ({how}):", _COMMENT)
        lines += [f"  {line}" for line in _yaml(instead, _FOLDED).splitlines()]
    else:
        lines += wrap(how, _COMMENT)
    return "".join(f"# {line}\n" for line in lines) + _yaml(document)


def _yaml(value: Json, width: float = float("inf")) -> str:
    """Return YAML of ASCII: what is not, and all that could end a line, is an escape.

    A text that is longer than `width` goes on in a line of its own, which is a comment as well.
    """
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=width)


def _masked(value: Json, mask: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        text = mask(value)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    if isinstance(value, dict):
        return {mask(str(key)): _masked(inner, mask) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, mask) for inner in value]
    return value


def imported_text(found: Imported, files: Sequence[str], style: Style = PLAIN) -> str:
    """Return what was written: each file with how many specs are in it."""
    lines = [
        f"wrote {style.clean(path)}: {count(sum(f.file == name for f in found.found), 'spec')}\n"
        for name, path in zip(found.files, files, strict=True)
    ]
    return "".join(lines)


def skipped_text(found: Imported, style: Style = PLAIN) -> str:
    """Return what has no spec, and why."""
    return "".join(f"no spec of {style.clean(name)}: {why}\n" for name, why in found.skipped)


def imported_document(found: Imported, files: Sequence[str]) -> dict[str, Any]:
    """Return the same as JSON."""
    paths = dict(zip(found.files, files, strict=True))
    return {
        "version": VERSION,
        "account": found.account,
        "files": list(files),
        "resources": [
            {"address": str(one.address), "name": one.name, "file": paths[one.file]}
            for one in found.found
        ],
        "skipped": [{"name": name, "why": why} for name, why in found.skipped],
    }
