"""Notes on a merge request: ours are found by their author, and edited in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops.forge.contract import Comment
from dpo_ops.forge.gitlab.api import SCOPE
from dpo_ops.forge.reading import number, same, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.forge.gitlab.api import Api


def find(api: Api, pull: int, is_it: Callable[[str], bool]) -> Comment | None:
    """Return the oldest note of ours that `is_it` says yes to."""
    rows = (r for r in _notes(api, pull) if is_it(text(r, "body")) and api.ours(r))
    return next((_seen(api, pull, r) for r in rows), None)


def write(api: Api, pull: int, body: str, comment: Comment | None) -> Comment:
    """Edit the note, or make one where there is none or no longer."""
    path, value = f"/merge_requests/{pull}/notes", {"body": body}
    if comment is not None:
        edited = api.edit(f"{path}/{comment.id}", value, SCOPE)
        if edited is not None:
            return _seen(api, pull, edited)

    def look() -> Any | None:
        rows = (r for r in _notes(api, pull) if same(text(r, "body"), body))
        return next((r for r in rows if api.ours(r)), None)

    return _seen(api, pull, api.make(path, value, look, SCOPE))


def _notes(api: Api, pull: int) -> Iterator[Any]:
    query: dict[str, str | int] = {"sort": "asc", "order_by": "created_at"}
    rows = api.pages(f"/merge_requests/{pull}/notes", query, SCOPE)
    # GitLab notes each push and each label too, in the name of whom did it.
    return (r for r in rows if r.get("system") is not True)


def _seen(api: Api, pull: int, row: Any) -> Comment:
    note = number(row, "id")
    url = f"{api.address}/-/merge_requests/{pull}#note_{note}" if api.address else ""
    return Comment(id=note, body=text(row, "body"), url=url)
