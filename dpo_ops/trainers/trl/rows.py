"""Rows in the platform's format as TRL's conversational preference rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dpo_ops.trainers.contract import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_MESSAGE = frozenset({"role", "content", "name", "tool_call_id"})


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return rows of `prompt`, `chosen` and `rejected`: lists of messages, with text as content.

    Where a row has tools, each row also has `tools`: a JSON text, or None.

    Raises:
        TrainingFailed: there is no row, or one that can't be passed on whole.
    """
    rows = [row for path in paths for row in _rows(path)]
    if not rows:
        raise TrainingFailed("there is nothing to train on", "the files have no rows")
    if all(row["tools"] is None for row in rows):
        return [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in rows]
    return rows


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield _row(json.loads(line))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                what = f"line {number} of {path.name} can't be trained on"
                why = f"no {error} in it" if isinstance(error, KeyError) else str(error)
                fix = "check the file first: dpo-ops pairs check"
                raise TrainingFailed(what, why, fix) from error


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    tools = row["input"].get("tools")
    return {
        "prompt": [_message(message) for message in row["input"]["messages"]],
        "chosen": [_message(message) for message in row["preferred_output"]],
        "rejected": [_message(message) for message in row["non_preferred_output"]],
        "tools": json.dumps(tools) if tools else None,
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(message) - _MESSAGE)
    if unknown:
        raise ValueError(f"a message has {', '.join(unknown)}, which would be left out")
    return {**message, "content": _text(message["content"])}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if any(part.get("type") != "text" for part in content):
        raise ValueError("a message has a part that is not text")
    return "".join(part["text"] for part in content)
