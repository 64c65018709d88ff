"""The chains of a plan as a Mermaid graph: data → job → model → deployment.

A text in it is a label in quotes, in which every character but letters, digits and a few signs is
written as its number. So no text can end its label, nor be read as a word of Mermaid's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.markdown import fenced
from dpo_ops.reporters.plan_words import SYMBOLS, Mark, marks
from dpo_ops.reporters.style import count, elide
from dpo_ops.resource import Health, Observed, last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.style import Style
    from dpo_ops.resource import Address

MOST: Final = 30
"""Nodes; a larger graph is no longer read."""
_LONGEST = 50
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./")
_CLASSES = {
    Mark.CREATE: ("made", "fill:#dafbe1,stroke:#1a7f37,color:#1f2328"),
    Mark.UPDATE: ("changed", "fill:#fff8c5,stroke:#9a6700,color:#1f2328"),
    Mark.REPLACE: ("changed", "fill:#fff8c5,stroke:#9a6700,color:#1f2328"),
    Mark.DELETE: ("gone", "fill:#ffebe9,stroke:#cf222e,color:#1f2328"),
    Mark.WAIT: ("waited", "fill:#ddf4ff,stroke:#0969da,color:#1f2328"),
    Mark.BLOCKED: ("halted", "fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4"),
    Mark.SKIPPED: ("halted", "fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4"),
    Mark.UNCHANGED: ("same", "fill:#f6f8fa,stroke:#59636e,color:#1f2328"),
}


@dataclass(slots=True)
class _Graph:
    """The nodes as label, shape and class, by their number, and the arrows between them."""

    nodes: list[tuple[str, str, Mark]] = field(default_factory=list)
    arrows: list[tuple[int, int]] = field(default_factory=list)
    ends: dict[Address, int] = field(default_factory=dict)

    def add(self, label: str, shape: str, mark: Mark) -> int:
        self.nodes.append((label, shape, mark))
        return len(self.nodes) - 1


def graph(plan: Plan, style: Style) -> str:
    """Return the graph of what changes and of what that rests on; empty where nothing is linked.

    One with more than MOST nodes is only said to be too large.
    """
    found = marks(plan)
    changing = {a for a, mark in found.items() if mark is not Mark.UNCHANGED}
    needed = {need for c in plan.changes if c.address in changing for need in c.needs}
    shown = changing | needed
    told = [change for change in plan.changes if change.address in shown]
    nodes = len(told) + sum(bool(_makes(change)) for change in told)
    if nodes > MOST:
        return f"*The graph has {count(nodes, 'node')}, too many to be read.*\n"
    drawn = _drawn(told, found, style)
    if not drawn.arrows:
        return ""
    return fenced(_lines(drawn), "mermaid")


def _drawn(changes: Sequence[Change], found: Mapping[Address, Mark], style: Style) -> _Graph:
    drawn = _Graph()
    for change in changes:  # What is needed stands first.
        mark = found[change.address]
        node = drawn.add(_label(f"{SYMBOLS[mark]} {change.address}", style), "[]", mark)
        drawn.arrows += [(drawn.ends[need], node) for need in change.needs if need in drawn.ends]
        model = _makes(change)
        if model:
            end = drawn.add(_label(f"model {model}", style), "()", mark)
            drawn.arrows.append((node, end))
            node = end
        drawn.ends[change.address] = node
    return drawn


def _makes(change: Change) -> str:
    """Return the id of the model that comes of a change, where one does."""
    resource = change.resource
    if resource is None or resource.external or not (resource.recipe or change.kind.trains):
        return ""
    outputs = change.kind.outputs(resource, Observed(change.id, Health.CURRENT))
    return last_segment(str(outputs.get("model") or ""))


def _label(text: str, style: Style) -> str:
    short = elide(style.clean(text), _LONGEST)
    return "".join(char if char in _PLAIN else f"#{ord(char)};" for char in short)


def _lines(drawn: _Graph) -> list[str]:
    lines = ["flowchart LR"]
    for number, (label, shape, _) in enumerate(drawn.nodes):
        begin, end = ("[", "]") if shape == "[]" else ("([", "])")
        lines.append(f'  n{number}{begin}"{label}"{end}')
    lines += [f"  n{before} --> n{after}" for before, after in drawn.arrows]
    classes: dict[tuple[str, str], list[str]] = {}
    for number, (_, _, mark) in enumerate(drawn.nodes):
        classes.setdefault(_CLASSES[mark], []).append(f"n{number}")
    for (name, look), nodes in classes.items():
        lines += [f"  classDef {name} {look}", f"  class {','.join(nodes)} {name}"]
    return lines
