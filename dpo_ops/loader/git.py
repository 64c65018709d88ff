"""What git says about a folder, for templates."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 10.0
_SHORT = 7
_HEAD = re.compile(r"^# branch\.(oid|head) (.+)$", re.MULTILINE)


def git_facts(directory: Path) -> dict[str, str]:
    """Return `commit`, `short`, `dirty` ("true", "false"), and `branch` and `tag` where they are.

    Empty outside a repository, before its first commit, and where git is missing or takes longer
    than 10 s. `short` is the first 7 characters of the commit in every clone.
    """
    status = _git(directory, "status", "--porcelain=v2", "--branch") or ""
    head = dict(_HEAD.findall(status))
    commit = head.get("oid", "(initial)")
    if commit == "(initial)":
        return {}
    facts = {"commit": commit, "short": commit[:_SHORT]}
    changed = any(not line.startswith("#") for line in status.splitlines())
    facts["dirty"] = "true" if changed else "false"
    if head.get("head", "(detached)") != "(detached)":
        facts["branch"] = head["head"]
    if tags := _git(directory, "tag", "--points-at", commit, "--sort=-v:refname"):
        facts["tag"] = tags.splitlines()[0]
    return facts


def _git(directory: Path, *arguments: str) -> str | None:
    # A repository may name a program for fsmonitor: reading its specs must not start that.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(directory), *arguments]
    try:
        answer = subprocess.run(  # noqa: S603  -- a fixed command, no shell
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None
