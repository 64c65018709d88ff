"""Comments on a pull request: ours are found by their author, and edited in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.contract import Comment
from dpo_ops.forge.reading import number, same, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge.github.api import Api

READ: Final = "pull-requests: read"
WRITE: Final = "pull-requests: write"


def find(api: Api, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
    """Return the oldest comment of ours that `is_it` says yes to.

    GitHub lists the oldest first. Where two first runs at once made one each, this one counts.
    """
    rows = api.pages(f"/issues/{pull}/comments", {}, READ)
    return next((_seen(r) for r in rows if is_it(text(r, "body")) and api.ours(r)), None)


def write(api: Api, pull: int, body: str, comment: Comment | None) -> Comment:
    """Edit the comment, or make one where there is none or no longer."""
    value = {"body": body}
    if comment is not None:
        edited = api.edit(f"/issues/comments/{comment.id}", value, WRITE)
        if edited is not None:
            return _seen(edited)

    def look() -> Any | None:
        rows = api.pages(f"/issues/{pull}/comments", {}, READ)
        return next((r for r in rows if same(text(r, "body"), body) and api.ours(r)), None)

    return _seen(api.make(f"/issues/{pull}/comments", value, look, WRITE))


def _seen(row: Any) -> Comment:
    return Comment(id=number(row, "id"), body=text(row, "body"), url=text(row, "html_url"))
