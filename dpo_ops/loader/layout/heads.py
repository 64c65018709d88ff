"""Comments at the top of something, where YAML has several places that look the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dpo_ops.loader.layout.comments import Comment, Stand, on_own_lines
from dpo_ops.loader.layout.nodes import Block, Empty

if TYPE_CHECKING:
    from dpo_ops.loader.layout.nodes import Document


def into_first(block: Block) -> None:
    """Move the comments on lines of their own to the first entry, above which they stand."""
    side = [comment for comment in block.pre if comment.stand is not Stand.OWN]
    block.items[0].head[:0] = block.pre[len(side) :]
    block.pre = side


def without_marker(document: Document) -> None:
    """Leave out the `---` above the first document, if it says nothing."""
    root = document.root
    needs_it = isinstance(root, Empty) or (isinstance(root, Block) and root.props)
    if not document.explicit or document.directives or needs_it:
        return
    above = [part for part in document.prolog if isinstance(part, Comment)]
    below = on_own_lines([*document.marker, *root.pre])
    document.prolog, document.marker, document.explicit = [], [], False
    if not isinstance(root, Block):
        root.pre = [*above, *below]
        return
    first = root.items[0]
    below, root.pre = [*below, *first.head], []
    if above and below:
        below[0] = replace(below[0], blank=True)
    elif above:
        first.blank = True
    first.head = [*above, *below]
