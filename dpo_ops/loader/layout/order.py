"""The order of keys: that of the schema, wherever no comment could lose what it is about.

A comment behind a value moves with it. One on a line of its own may be about the key below it, or
about all that follow; a mapping that holds one keeps its order, unless the comment is the head of
the document, with a blank line below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dpo_ops.kinds import KINDS, STACK, StackSpec
from dpo_ops.loader.envelope import API
from dpo_ops.loader.layout.nodes import Alias, Block, Flow, Scalar, below
from dpo_ops.loader.shape import fields, is_model, options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.loader.layout.nodes import Document, Item, Node
    from dpo_ops.loader.shape import Model

_DOCUMENT: Final = ("apiVersion", "kind", "metadata", "spec")
_ANCHOR: Final = "&"


def in_order(document: Document) -> None:
    """Put the keys of a document in their order, if it is a spec."""
    top = _values(document.root)
    version, kind = _text(top.get("apiVersion")), _text(top.get("kind"))
    if not version.startswith(API) or _is_tied(document.root):
        return
    _sort(document.root, _DOCUMENT)
    for model in _models(kind):
        if _fits(top.get("spec"), model):
            _by_model(top.get("spec"), model)
            break


def _models(kind: str) -> Sequence[Model]:
    if kind == STACK:
        return (StackSpec,)
    if kind not in KINDS:
        return ()
    elsewhere = KINDS[kind].elsewhere
    return (KINDS[kind].spec, *((elsewhere.spec,) if elsewhere else ()))


def _fits(node: Node | None, model: Model) -> bool:
    return _values(node).keys() <= fields(model).keys()


def _by_model(node: Node | None, model: Model) -> None:
    known = fields(model)
    if node is None or not _fits(node, model):
        return
    _sort(node, tuple(known))
    for name, value in _values(node).items():
        models = [inner for inner in options(known[name].annotation) if is_model(inner)]
        if len(models) == 1:
            _by_model(value, models[0])


def _sort(node: Node, names: Sequence[str]) -> None:
    """Put the entries of a mapping in the order of `names`, if all are there and none is tied."""
    rank = {name: number for number, name in enumerate(names)}
    if not isinstance(node, Block | Flow) or any(_name(i) not in rank for i in node.items):
        return
    items = sorted(node.items, key=lambda item: rank[_name(item)])
    if all(item is before for item, before in zip(items, node.items, strict=True)):
        return
    first = node.items[0]
    heads = [first.head] if first.head and not first.blank else []
    heads += [item.head for item in node.items[1:] if item.head]
    if heads or node.foot or (isinstance(node, Flow) and node.opening):
        return
    head, first.head = first.head, []
    if head:
        first.blank = False
        items[0].head, items[0].blank = head, True
    node.items = items


def _is_tied(root: Node) -> bool:
    """Return whether an anchor or an alias would have to stay before or behind another."""
    nodes = below(root)
    return any(isinstance(node, Alias) or _ANCHOR in node.props for node in nodes)


def _values(node: Node | None) -> Mapping[str, Node]:
    """Return the values of a mapping by their keys, or nothing for what is no mapping."""
    if not isinstance(node, Block | Flow):
        return {}
    return {_name(item): item.value for item in node.items if item.key and item.value}


def _name(item: Item) -> str:
    return _text(item.key)


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) else ""
