"""Events of the YAML parser to nodes, within limits; never by recursion.

No tag makes an object, an alias costs what it stands for, a key is text and stands once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from dpo_ops.errors import Finding
from dpo_ops.loader.findings import Log, Refused
from dpo_ops.loader.scalars import Scalar, resolve
from dpo_ops.loader.tree import BROKEN, Entry, Node
from dpo_ops.loader.words import quoted

if TYPE_CHECKING:
    from dpo_ops.loader.source import Source

MAX_DEPTH: Final = 64
MAX_NODES: Final = 100_000
"""A file's nodes with aliases followed; 64 characters of text count as one more."""
_DOCUMENT_COST: Final = 20
_MAX_KEY: Final = 1024
_CORE: Final = "tag:yaml.org,2002:"
_TEXT: Final = ("!", f"{_CORE}str")
_KEYLESS: Final = object()
_COLLECTIONS: Final = {dict: (f"{_CORE}map", "!"), list: (f"{_CORE}seq", "!")}


@dataclass(slots=True)
class Parsed:
    """One document: its root, its strings that hold a template, and whether it is faultless."""

    root: Node
    templates: list[Node]
    sound: bool


@dataclass(slots=True)
class Budget:
    """What the nodes of a file have cost so far."""

    spent: int = 0


@dataclass(slots=True)
class _Frame:
    """A collection that is still open."""

    node: Node
    anchor: str | None
    spent: int
    key: Any = None
    key_index: int = 0
    merges: list[Node] = field(default_factory=list)
    broken: bool = False


class Builder:
    """Makes nodes of events. Keeps its own stack, so that depth is a number and not a crash."""

    def __init__(self, source: Source, start: int, budget: Budget, log: Log) -> None:
        self.source, self.start = source, start
        self.documents: list[Parsed] = []
        self.budget, self.log = budget, log
        self.last = start
        self.unquoted: int | None = None
        """Where a template without quotes stands: what comes after it seldom parses."""
        self._begin()

    def _begin(self) -> None:
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.templates: list[Node] = []
        self.root: Node | None = None
        self.began = self.last
        self.faults = self.log.errors

    def take(self, event: yaml.Event) -> None:
        """Take one event in."""
        kind = type(event)
        if event.start_mark is not None:
            self.last = self.start + event.start_mark.index
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind in _ENDS:
            self._close()
        elif kind in _STARTS:
            self._open(event, {} if kind is yaml.MappingStartEvent else [])
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._spend(_DOCUMENT_COST)
            self._begin()
        elif kind is yaml.DocumentEndEvent:
            self._finish()

    def _finish(self) -> None:
        if self.root is not None and self.root.value is not None:
            sound = self.log.errors == self.faults
            self.documents.append(Parsed(self.root, self.templates, sound))
        self.began = self.last

    def _scalar(self, event: Any) -> None:
        text = event.value
        self._spend(1 + (len(text) >> 6))
        if self._wants_key():
            if event.anchor:
                self.anchors[event.anchor] = Node(self.source, self.last, text)
            self._key(self.frames[-1], text, plain=not event.style and not event.tag)
            return
        node = Node(self.source, self.last, self._value(event), 1 + (len(text) >> 6))
        if event.anchor:
            self.anchors[event.anchor] = node
        if isinstance(node.value, str) and ("{{" in text or "{%" in text):
            self.templates.append(node)
        self._attach(node)

    def _value(self, event: Any) -> Any:
        if event.tag is None:
            if event.style:
                return event.value
            return self._resolved(event.value)
        if event.tag in _TEXT:
            return event.value
        value = self._resolved(event.value)
        if event.tag != _CORE + _tag(value):
            self._bad_tag(event)
            return BROKEN
        return value

    def _resolved(self, text: str) -> Any:
        try:
            return resolve(text)
        except ValueError as error:
            self._fault("number-too-long", str(error), "if it is text, put it in quotes")
            return BROKEN

    def _bad_tag(self, event: Any) -> None:
        what = f"the tag {quoted(event.tag.replace(_CORE, '!!'))} is not allowed here"
        self._fault("yaml-tag", what, "remove the tag", why="specs are plain data")

    def _open(self, event: Any, value: dict[str, Entry] | list[Node]) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise self._refused(f"is nested more than {MAX_DEPTH} levels deep", "flatten it")
        self._spend(1)
        if event.anchor:
            self.anchors.pop(event.anchor, None)
        if self._wants_key():
            self._collection_as_key(self.frames[-1])
        frame = _Frame(Node(self.source, self.last, value), event.anchor, self.budget.spent - 1)
        if event.tag and event.tag not in _COLLECTIONS[type(value)]:
            self._bad_tag(event)
            frame.broken = True
        self.frames.append(frame)

    def _wants_key(self) -> bool:
        frame = self.frames[-1] if self.frames else None
        return frame is not None and frame.key is None and isinstance(frame.node.value, dict)

    def _collection_as_key(self, frame: _Frame) -> None:
        frame.broken = True
        at = frame.node.index
        if self.source.text.startswith("{{", at):
            self.unquoted, where = at, self.source.place(at)
            what = "a template without quotes is not text but a YAML mapping"
            self.log.report(
                where, what, fix='put it in quotes: "{{ … }}"', rule="template-unquoted"
            )
        else:
            self._fault("yaml-key", "a key must be text", "use text as the key")

    def _close(self) -> None:
        frame = self.frames.pop()
        node = frame.node
        node.size = self.budget.spent - frame.spent
        for under in frame.merges:
            for key, entry in under.value.items():
                node.value.setdefault(key, entry)
        if frame.broken:
            node.value = BROKEN
        if frame.anchor:
            self.anchors[frame.anchor] = node
        self._attach(node)

    def _alias(self, event: Any) -> None:
        node = self.anchors.get(event.anchor)
        if node is None:
            what = f"the alias *{quoted(event.anchor, bare=True)} names no anchor above it"
            self._fault("yaml-alias", what, f"write &{quoted(event.anchor, bare=True)} before it")
            node = Node(self.source, self.last, BROKEN)
        self._spend(node.size)
        if len(self.frames) + node.height > MAX_DEPTH:
            raise self._refused(f"is nested more than {MAX_DEPTH} levels deep", "flatten it")
        self._attach(node)

    def _attach(self, node: Node) -> None:
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        frame.node.height = max(frame.node.height, node.height + 1)
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            self._node_as_key(frame, node)
        else:
            self._pair(frame, node)

    def _node_as_key(self, frame: _Frame, node: Node) -> None:
        if isinstance(node.value, str):
            self._key(frame, node.value, plain=False)
            return
        if not frame.broken:
            self._fault("yaml-key", "a key must be text", "use text as the key")
        frame.key, frame.broken = _KEYLESS, True

    def _key(self, frame: _Frame, text: str, *, plain: bool) -> None:
        frame.key_index = self.last
        if plain and text == "<<":
            frame.key = frame.merges
        elif len(text) > _MAX_KEY:
            self._fault("yaml-key", f"a key has {len(text)} characters", f"use {_MAX_KEY} at most")
            frame.key, frame.broken = _KEYLESS, True
        else:
            frame.key = text

    def _pair(self, frame: _Frame, node: Node) -> None:
        key, frame.key = frame.key, None
        if key is frame.merges:
            self._merge(frame, node)
        elif key in frame.node.value:
            self._duplicate(frame, key)
        elif key is not _KEYLESS:
            frame.node.value[key] = Entry(self.source, frame.key_index, node)

    def _merge(self, frame: _Frame, node: Node) -> None:
        under = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(item.value, dict) for item in under):
            frame.merges.extend(under)
            return
        frame.broken = True
        if not any(item.value is BROKEN for item in under):
            what = "<< takes a mapping, or a list of mappings"
            self._fault("yaml-merge", what, 'name one by *alias, or quote the key: "<<"')

    def _duplicate(self, frame: _Frame, key: str) -> None:
        first = frame.node.value[key].key_place
        what = f"the key {quoted(key)} stands in one mapping twice"
        why = f"the first is at {first}, and only one can count"
        where = self.source.place(frame.key_index)
        self.log.report(where, what, why, "remove one", rule="duplicate-key")

    def _spend(self, nodes: int) -> None:
        self.budget.spent += nodes
        if self.budget.spent > MAX_NODES:
            what = f"holds more than {MAX_NODES:,} values, counting what its aliases repeat"
            raise self._refused(what, "split it, or repeat less")

    def _refused(self, what: str, fix: str) -> Refused:
        where = self.source.place(self.last)
        return Refused(Finding(where, what, "this limit keeps memory bounded", fix, "yaml-limit"))

    def _fault(self, rule: str, what: str, fix: str, why: str = "") -> None:
        self.log.report(self.source.place(self.last), what, why, fix, rule=rule)


_STARTS: Final = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def _tag(value: Scalar) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}
    return names.get(type(value), "")
