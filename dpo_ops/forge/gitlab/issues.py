"""Issues that report what stands, one for each subject: edited, closed, opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops.forge.contract import Comment
from dpo_ops.forge.gitlab.api import SCOPE
from dpo_ops.forge.reading import number, same, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.forge.gitlab.api import Api


def find(api: Api, label: str, is_it: Callable[[str], bool]) -> Comment | None:
    """Return the newest issue of ours with this label that `is_it` says yes to, open or not."""
    return next((_seen(r) for r in _ours(api, label) if is_it(text(r, "description"))), None)


def report(
    api: Api, issue: Comment | None, value: dict[str, str], label: str, *, open_: bool
) -> Comment:
    """Give the issue this title and description, or make one where there is none or no longer."""
    if issue is not None:
        change = dict(value)
        if issue.open is not open_:
            change["state_event"] = "reopen" if open_ else "close"
        edited = api.edit(f"/issues/{issue.id}", change, SCOPE)
        if edited is not None:
            return _seen(edited)

    def look() -> Any | None:
        rows = (r for r in _ours(api, label) if same(text(r, "title"), value["title"]))
        return next((r for r in rows if same(text(r, "description"), value["description"])), None)

    made = _seen(api.make("/issues", {**value, "labels": label}, look, SCOPE))
    # An issue is born open.
    if open_:
        return made
    return report(api, made, value, label, open_=False)


def _ours(api: Api, label: str) -> Iterator[Any]:
    query: dict[str, str | int] = {
        "labels": label,
        "scope": "all",
        "order_by": "created_at",
        "sort": "desc",
    }
    return (r for r in api.pages("/issues", query, SCOPE) if api.ours(r))


def _seen(row: Any) -> Comment:
    return Comment(
        id=number(row, "iid"),
        body=text(row, "description"),
        url=text(row, "web_url"),
        open=text(row, "state") == "opened",
    )
