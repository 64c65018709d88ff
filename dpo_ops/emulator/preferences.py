"""The rules for preference rows, as a managed job checks them before it trains.

Written from the platform's documentation alone, so that it can witness against other
validators.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

LEAST_ROWS: Final = 3
MOST_ROWS: Final = 3_000_000
_ROLES: Final = ("system", "user", "assistant", "tool")
_OUTPUTS: Final = ("preferred_output", "non_preferred_output")


class RowError(Exception):
    """A row, or the number of rows, breaks the rules; the message is the job's status."""


def check_files(files: Sequence[tuple[str, Path]]) -> int:
    """Check `(name, path)` JSONL files together and return how many rows they hold.

    Raises:
        RowError: at the first bad row, or if there are too few or too many.
    """
    count = 0
    for name, path in files:
        with path.open("rb") as lines:
            count += _check_lines(name, lines)
    if not LEAST_ROWS <= count <= MOST_ROWS:
        limits = f"at least {LEAST_ROWS} and at most {MOST_ROWS}"
        raise RowError(f"Dataset has {count} examples; preference tuning needs {limits}")
    return count


def _check_lines(name: str, lines: Iterable[bytes]) -> int:
    count = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        count += 1
        problem = check_row(line)
        if problem:
            where = f"{name}:{number}"
            raise RowError(
                f"Dataset has a syntax error: dpo dataset validation failed on {where}: {problem}"
            )
    return count


def check_row(line: bytes) -> str:
    """Return what is wrong with one line, or an empty string."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "row must be valid UTF-8"
    except (ValueError, RecursionError) as error:
        return f"invalid JSON: {error}"
    if not isinstance(row, dict):
        return f"row must be an object, got {type(row).__name__}"
    return _input_problem(row.get("input")) or next(
        (p for p in (_output_problem(row.get(o), o) for o in _OUTPUTS) if p), ""
    )


def _input_problem(value: Any) -> str:
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list) or not messages:
        return "input.messages must be a non-empty list"
    if not isinstance(value.get("tools", []), list | None):
        return "input.tools must be a list"
    problems = (_message_problem(m, f"message {n}") for n, m in enumerate(messages))
    return next((p for p in problems if p), "") or _turns_problem(messages)


def _turns_problem(messages: list[dict[str, Any]]) -> str:
    roles = [m["role"] for m in messages]
    if "system" in roles[1:]:
        return "a system message must come first"
    if roles.count("user") != 1:
        return f"input must have exactly one user turn, got {roles.count('user')}"
    return ""


def _output_problem(value: Any, name: str) -> str:
    if not isinstance(value, list) or len(value) != 1:
        return f"{name} must be a list with exactly one assistant message"
    problem = _message_problem(value[0], f"{name}[0]")
    if problem:
        return problem
    return "" if value[0]["role"] == "assistant" else f"{name}[0] must have role 'assistant'"


def _message_problem(message: Any, where: str) -> str:
    if not isinstance(message, dict):
        return f"{where} must be an object"
    role = message.get("role")
    if role not in _ROLES:
        return f"invalid role {role} in {where}, must be 'system', 'user', 'assistant' or 'tool'"
    content = message.get("content")
    if isinstance(content, list):
        return "" if content else f"empty content in {where}"
    if not isinstance(content, str) or not content:
        return f"content of {where} must be a non-empty string"
    return ""
