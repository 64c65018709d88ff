"""What stands around every spec: apiVersion, kind and metadata.name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dpo_ops.kinds import DEFAULT_STACK, KINDS, STACK
from dpo_ops.kinds.facts import ID_LIMIT, ID_PATTERN, STACK_LIMIT
from dpo_ops.loader.tree import BROKEN, Entry, Node
from dpo_ops.loader.words import listed, meant, quoted
from dpo_ops.resource import Address

if TYPE_CHECKING:
    from dpo_ops.errors import Place
    from dpo_ops.kinds import Kind
    from dpo_ops.loader.files import Found
    from dpo_ops.loader.findings import Log
    from dpo_ops.resource import Content

API = "dpo-ops/"
API_VERSION = "dpo-ops/v1"
_KEYS = ("apiVersion", "kind", "metadata", "spec")
_NAME = re.compile(ID_PATTERN)


@dataclass(slots=True, eq=False)
class Draft:
    """A document whose kind and name are known, and what the stages add to it.

    `spec` is its spec as written, then with its defaults; `value` the same without places,
    `model` when it is checked. `links` are its references by dotted path. `sound` says that
    nothing was wrong with it when it was read.
    """

    found: Found
    address: Address
    place: Place
    name_place: Place
    spec: Entry
    sound: bool
    value: Any = None
    model: Any = None
    links: dict[str, Address] = field(default_factory=dict)
    content: Content | None = None

    @property
    def kind(self) -> Kind:
        """The facts of its kind, or of what is elsewhere; a Stack has none."""
        kind = KINDS[self.address.kind]
        return kind.elsewhere if kind.elsewhere and self.external else kind

    @property
    def named(self) -> bool:
        """Whether it says its name; a Stack that does not has the default one."""
        return self.name_place != self.place

    @property
    def external(self) -> bool:
        """Whether it only refers to what somebody else keeps."""
        said = self.spec.node.value.get("external")
        return said is not None and said.node.value is True


@dataclass(slots=True)
class Lost:
    """What is known of documents that can't be used, lest a reference to one be called unknown."""

    texts: list[str] = field(default_factory=list)
    nameless: bool = False

    def may_hold(self, name: str) -> bool:
        """Return whether one of them may be the resource called `name`."""
        return self.nameless or any(name in text for text in self.texts)


def is_name(text: str) -> bool:
    """Return whether `text` can be a metadata.name, and so part of an id."""
    return bool(_NAME.fullmatch(text))


def looks_like_ours(root: Node) -> bool:
    """Return whether a document was meant to be a spec: it has an apiVersion and a kind."""
    return isinstance(root.value, dict) and bool({"apiVersion", "kind"} & set(root.value))


def open_envelope(found: Found, root: Node, lost: Lost, log: Log) -> Draft | None:
    """Return the document as a draft, or None when its kind or its name can't be told."""
    before = log.errors
    if not isinstance(root.value, dict):
        if root.value is not BROKEN:
            _no_spec(root, log)
        lost.nameless = lost.nameless or root.value is BROKEN
        return None
    if not _is_version_one(root, log):
        lost.texts.append(str(_text(root, "metadata", "name")))
        return None
    _unknown_keys(root, log)
    kind = _kind(root, log)
    name = _name(root, kind, log)
    if kind is None or name is None:
        lost.nameless = lost.nameless or (name is None and kind != STACK)
        lost.texts.append(str(name))
        return None
    spec = _spec(root, kind, log)
    if spec is None:
        lost.texts.append(name)
        return None
    where = _entry(root, "metadata", "name")
    place = where.place if where else root.place
    sound = log.errors == before
    return Draft(found, Address(kind, name), root.place, place, spec, sound)


def _no_spec(root: Node, log: Log) -> None:
    what = "this document is no spec"
    why = f"a spec is a mapping with {listed(_KEYS)}"
    fix = "write one, or keep other YAML out of the folders of specs"
    log.report(root.place, what, why, fix, rule="not-a-spec")


def _is_version_one(root: Node, log: Log) -> bool:
    version, entry = _text(root, "apiVersion"), _entry(root, "apiVersion")
    if version == API_VERSION:
        return True
    if entry is None:
        what = "this document has no apiVersion"
        why = "so it is not known to be a spec of dpo-ops"
        fix = (
            f"write apiVersion: {API_VERSION}; pass a values file by --values; "
            "keep other YAML out of the folders of specs"
        )
        log.report(root.place, what, why, fix, rule="not-a-spec")
    elif entry.node.value is not BROKEN:
        newer = isinstance(version, str) and re.fullmatch(rf"{API}v[0-9]+\w*", version)
        what = f"apiVersion is {quoted(version)}, not {API_VERSION}"
        why = "it is written for a newer dpo-ops" if newer else ""
        fix = "upgrade dpo-ops" if newer else f"write apiVersion: {API_VERSION}"
        log.report(entry.place, what, why, fix, rule="api-version")
    return False


def _unknown_keys(root: Node, log: Log) -> None:
    for key, entry in root.value.items():
        if key not in _KEYS:
            fix = meant(key, _KEYS)
            what = f"a spec document has no {quoted(key)}"
            log.report(entry.key_place, what, fix=fix, rule="unknown-field")
    metadata = root.value.get("metadata")
    if metadata and isinstance(metadata.node.value, dict):
        for key, entry in metadata.node.value.items():
            if key != "name":
                what, why = f"metadata has no {quoted(key)}", "it holds the name and nothing else"
                log.report(entry.key_place, what, why, "remove it", rule="unknown-field")


def _kind(root: Node, log: Log) -> str | None:
    kind, entry = _text(root, "kind"), _entry(root, "kind")
    kinds = (*KINDS, STACK)
    if isinstance(kind, str) and kind in kinds:
        return kind
    if entry is None:
        fix = f"write kind: and one of {listed(kinds)}"
        log.report(root.place, "this document has no kind", fix=fix, rule="unknown-kind")
    elif entry.node.value is not BROKEN:
        what = f"there is no kind {quoted(kind)}"
        fix = meant(str(kind), kinds)
        log.report(entry.place, what, fix=fix, rule="unknown-kind")
    return None


def _name(root: Node, kind: str | None, log: Log) -> str | None:
    name, entry = _text(root, "metadata", "name"), _entry(root, "metadata", "name")
    if entry is None:
        above = _entry(root, "metadata")
        if kind == STACK and (above is None or isinstance(above.node.value, dict)):
            return DEFAULT_STACK
        if above is None or above.node.value is not BROKEN:
            where = above.place if above else root.place
            fix = "write metadata: {name: …}"
            log.report(where, "this document has no metadata.name", fix=fix, rule="name")
        return None
    if entry.node.value is BROKEN:
        return None
    if not isinstance(name, str) or not is_name(name):
        what = f"metadata.name {quoted(name)} can't be part of an id"
        why = f"ids take a-z, 0-9 and -, begin with a letter, end in no -, up to {ID_LIMIT}"
        fix = "choose such a name" if isinstance(name, str) else "if it is text, put it in quotes"
        log.report(entry.place, what, why, fix, rule="name")
        return name if isinstance(name, str) else None
    _length(name, kind, entry.place, log)
    return name


def _length(name: str, kind: str | None, where: Place, log: Log) -> None:
    if kind == STACK:
        limit, why = STACK_LIMIT, "the mark on each resource has room for no more"
    elif kind:
        limit = KINDS[kind].name_limit
        why = f"its id has {ID_LIMIT} at most, and needs room for the digest of its content"
    else:
        return
    if len(name) > limit:
        what = f"metadata.name has {len(name)} characters; a {kind} takes {limit}"
        log.report(where, what, why, "shorten it", rule="name")


def _spec(root: Node, kind: str, log: Log) -> Entry | None:
    entry = _entry(root, "spec")
    empty = Node(root.source, root.index, {})
    if entry is None or entry.node.value is None:
        if kind != STACK:
            where = entry.place if entry else root.place
            log.report(where, f"this {kind} has no spec", fix="write spec:", rule="missing-field")
            return None
        return Entry(root.source, root.index, empty)
    if isinstance(entry.node.value, dict):
        return entry
    if entry.node.value is not BROKEN:
        what = "spec must be a mapping"
        log.report(entry.place, what, fix="write spec: and its fields below it", rule="wrong-type")
    return None


def _entry(root: Node, *path: str) -> Entry | None:
    entry, node = None, root
    for step in path:
        entry = node.value.get(step) if isinstance(node.value, dict) else None
        if entry is None:
            return None
        node = entry.node
    return entry


def _text(root: Node, *path: str) -> Any:
    entry = _entry(root, *path)
    if entry is None:
        return None
    return entry.node.value if not isinstance(entry.node.value, dict | list) else "a collection"
