"""What a run kept: an artifact by its name, of this repository's own runs only."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.reading import number, text
from dpo_ops.forge.unpack import SLACK, only_file

if TYPE_CHECKING:
    from dpo_ops.forge.contract import Pull
    from dpo_ops.forge.github.api import Api

READ: Final = "actions: read"
FAR: Final = 1000
"""How many artifacts of one name are looked at, the newest first."""


def artifact(api: Api, name: str, pull: Pull, limit: int) -> bytes | None:
    """Return the file in the newest artifact of this name that a run kept for `pull.head`.

    None where there is none among the newest FAR, or where it is gone. A fork's runs do not
    count: whoever wrote the fork's workflow decides what they upload.
    """
    if pull.fork:
        return None
    rows = api.pages("/actions/artifacts", {"name": name}, READ, inside="artifacts")
    found: list[Any] = []
    for row in islice(rows, FAR):
        if text(row, "name") == name and _is_ours(row, pull.head):
            found.append(row)
        elif found and text(row, "created_at") < text(found[0], "created_at"):
            break
    if not found:
        return None
    newest = max(found, key=lambda r: (text(r, "created_at"), number(r, "id")))
    path = f"/actions/artifacts/{number(newest, 'id')}/zip"
    archive = api.download(path, READ, limit + SLACK)
    return None if archive is None else only_file(archive, limit, f"artifact {name}")


def _is_ours(row: Any, head: str) -> bool:
    home, came_from = (
        number(row, "workflow_run", side) for side in ("repository_id", "head_repository_id")
    )
    same_repository = bool(home) and home == came_from
    return same_repository and text(row, "workflow_run", "head_sha") == head and not _over(row)


def _over(row: dict[str, Any]) -> bool:
    return row.get("expired") is not False
