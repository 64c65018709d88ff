"""Issues that report what stands, one for each subject: edited, closed, opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.contract import Comment
from dpo_ops.forge.reading import number, same, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.forge.github.api import Api

READ: Final = "issues: read"
WRITE: Final = "issues: write"


def find(api: Api, label: str, is_it: Callable[[str], bool]) -> Comment | None:
    """Return the newest issue of ours with this label that `is_it` says yes to, open or not."""
    return next((_seen(r) for r in _ours(api, label) if is_it(text(r, "body"))), None)


def report(
    api: Api, issue: Comment | None, value: dict[str, str], label: str, *, open_: bool
) -> Comment:
    """Give the issue this title and body, or make one where there is none or no longer."""
    state = {"state": "open"} if open_ else {"state": "closed", "state_reason": "completed"}
    if issue is not None:
        edited = api.edit(f"/issues/{issue.id}", {**value, **state}, WRITE)
        if edited is not None:
            return _seen(edited)

    def look() -> Any | None:
        rows = (r for r in _ours(api, label) if text(r, "title") == value["title"].strip())
        return next((r for r in rows if same(text(r, "body"), value["body"])), None)

    made = _seen(api.make("/issues", {**value, "labels": [label]}, look, WRITE))
    # An issue is born open.
    if open_:
        return made
    return report(api, made, value, label, open_=False)


def _ours(api: Api, label: str) -> Iterator[Any]:
    query = {"labels": label, "state": "all", "sort": "created", "direction": "desc"}
    # GitHub lists pull requests among the issues.
    rows = api.pages("/issues", dict(query), READ)
    return (r for r in rows if "pull_request" not in r and api.ours(r))


def _seen(row: Any) -> Comment:
    return Comment(
        id=number(row, "number"),
        body=text(row, "body"),
        url=text(row, "html_url"),
        open=text(row, "state") == "open",
    )
