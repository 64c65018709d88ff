"""What something came from, and what came of it: two trees for people, nodes for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpo_ops.planner.lineage import tree
from dpo_ops.reporters.documents import VERSION, finding_document
from dpo_ops.reporters.history import COMMIT, commit_document, commit_line
from dpo_ops.reporters.markdown import code, defused
from dpo_ops.reporters.shapes import COUNT, FINDING, TEXT, list_of, published, record
from dpo_ops.reporters.style import PLAIN, Style, Tone, count, dated, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.errors import Finding
    from dpo_ops.planner.lineage import Graph, Node, Tree

_DIGEST = 12
_LINES = {False: ("├─ ", "└─ ", "│  "), True: ("|- ", "`- ", "|  ")}


@dataclass(frozen=True, slots=True)
class Lineage:
    """The part of the graph around the node `asked`; `offline` says why there is no account."""

    asked: str
    stack: str
    account: str | None
    graph: Graph
    doubts: tuple[Finding, ...] = ()
    offline: str = ""


def lineage_text(found: Lineage, style: Style = PLAIN) -> str:
    """Return what was asked for, the tree that it came from, and the tree that came of it."""
    return "".join(f"{line}\n" for line in _lines(found, style))


def _lines(found: Lineage, style: Style) -> Iterator[str]:
    head = wrap(_words(found.graph.nodes[found.asked], style), style.width, rest="  ")
    yield from (style.paint(line, Tone.STRONG) for line in head)
    for title, root in _trees(found):
        yield ""
        yield style.paint(title, Tone.QUIET)
        yield from _branches(root, style, "") if root.under else ["nothing that is known here"]
    if found.account is None:
        why = f": {style.clean(found.offline)}" if found.offline else ""
        yield ""
        yield from wrap(f"The account was not asked{why}", style.width)


def _trees(found: Lineage) -> list[tuple[str, Tree]]:
    graph = found.graph
    return [
        ("came from", tree(graph, found.asked, graph.origins)),
        ("what came of it", tree(graph, found.asked, graph.results())),
    ]


def _branches(root: Tree, style: Style, before: str) -> Iterator[str]:
    middle, last, through = _LINES[style.ascii_only]
    for branch in root.under:
        end = branch is root.under[-1]
        first, rest = before + (last if end else middle), before + ("   " if end else through)
        more = " (see above)" if branch.seen else ""
        below = rest + (through if branch.under else "   ")
        yield from wrap(_words(branch.node, style) + more, style.width, first=first, rest=below)
        yield from _branches(branch, style, rest)


def _words(node: Node, style: Style) -> str:
    if node.commit:
        return f"commit {commit_line(node.commit, style)}"
    later = f"in {count(node.more, 'later commit')} too" if node.more else ""
    parts = (
        dated(node.state),
        dated(node.created),
        count(node.rows, "row") if node.rows else "",
        f"sha256 {node.digest[:_DIGEST]}" if node.digest else "",
        later,
    )
    address = f" ({node.address})" if node.address else ""
    return style.clean(f"{node.name}{address}  " + " · ".join(filter(None, parts)))


def lineage_markdown(found: Lineage, style: Style = PLAIN) -> str:
    """Return the same as nested lists in Markdown."""
    node = found.graph.nodes[found.asked]
    parts = [f"### dpo-ops lineage · {code(node.name, style)}\n"]
    for title, root in _trees(found):
        lines = list(_items(root, style, ""))
        parts.append(f"**{title}**\n\n" + ("".join(lines) or "nothing that is known here\n"))
    parts += [defused(doubt, style) + "\n" for doubt in found.doubts]
    if found.account is None:
        parts.append(f"The account was not asked. {defused(found.offline, style)}\n")
    return "\n".join(parts)


def _items(root: Tree, style: Style, indent: str) -> Iterator[str]:
    for branch in root.under:
        node = branch.node
        name = code(node.commit.short if node.commit else node.name, style)
        said = _words(node, style).split(" ", 2 if node.commit else 1)[-1].strip()
        yield f"{indent}- {name} {defused(said, style)}\n"
        yield from _items(branch, style, indent + "  ")


def lineage_document(found: Lineage) -> dict[str, Any]:
    """Return the nodes and what each came from."""
    graph = found.graph
    return {
        "version": VERSION,
        "account": found.account,
        "stack": found.stack,
        "offline": found.offline,
        "asked": found.asked,
        "nodes": [_node(graph.nodes[name]) for name in sorted(graph.nodes)],
        "edges": [
            {"of": name, "from": origin}
            for name in sorted(graph.nodes)
            for origin in sorted(graph.origins.get(name, ()))
        ],
        "findings": [finding_document(doubt) for doubt in found.doubts],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": node.address or None,
        "state": node.state or None,
        "created": node.created or None,
        "digest": node.digest or None,
        "rows": node.rows or None,
        "commit": commit_document(node.commit) if node.commit else None,
        "laterCommits": node.more,
    }


_MAYBE_TEXT = {"type": ["string", "null"]}
_NODE = record(
    {
        "name": {**TEXT, "description": "collection/id, commits/hash or data/sha256"},
        "address": {**_MAYBE_TEXT, "description": "what the newest spec of it calls it"},
        "state": {**_MAYBE_TEXT, "description": "null: not asked, or it has none"},
        "created": _MAYBE_TEXT,
        "digest": {**_MAYBE_TEXT, "description": "sha256 of a file of pairs"},
        "rows": {"type": ["integer", "null"]},
        "commit": {"anyOf": [record(COMMIT), {"type": "null"}]},
        "laterCommits": {**COUNT, "description": "further commits that want it"},
    }
)
LINEAGE_SCHEMA = published(
    "lineage",
    {
        "account": {**_MAYBE_TEXT, "description": "null: it was not asked"},
        "stack": TEXT,
        "offline": {**TEXT, "description": "why the account was not asked"},
        "asked": TEXT,
        "nodes": list_of(_NODE),
        "edges": list_of(record({"of": TEXT, "from": TEXT})),
        "findings": list_of(FINDING),
    },
)
