"""Rows for tests, as JSON text that can be broken in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.pairs import Inspection, inspect

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = "prefs.jsonl"
SYSTEM = '{"role": "system", "content": "Be brief."}'
USER = '{"role": "user", "content": "Why?"}'
GOOD = '{"role": "assistant", "content": "Because."}'
BAD = '{"role": "assistant", "content": "Dunno."}'


def row(
    *,
    messages: str = f"[{SYSTEM}, {USER}]",
    tools: str = "",
    preferred: str = f"[{GOOD}]",
    other: str = f"[{BAD}]",
    more: str = "",
) -> str:
    """Return a row of JSON text; each part is JSON text too, whether valid or not."""
    with_tools = f', "tools": {tools}' if tools else ""
    return (
        f'{{"input": {{"messages": {messages}{with_tools}}}, '
        f'"preferred_output": {preferred}, "non_preferred_output": {other}{more}}}'
    )


def fine(number: int) -> str:
    """Return a row that breaks no rule, another one for each number."""
    return row(messages=f'[{SYSTEM}, {{"role": "user", "content": "Why {number}?"}}]')


def inspect_bytes(folder: Path, data: bytes, *, cap: int = 10) -> Inspection:
    path = folder / "any.jsonl"
    path.write_bytes(data)
    return inspect(path, shown=SHOWN, cap=cap)
