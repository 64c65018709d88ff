"""What the variables and files of a run say, read with care: a pull request's author wrote some."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST_EVENT: Final = 32 * 1024 * 1024
"""Bytes of an event file; GitHub sends events of at most 25 MB."""

SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_URL = re.compile(r"https?://[\w.-]+(?::\d{1,5})?(?:/[\w.~%/+-]*)?", re.ASCII)
_PLAIN = re.compile(r"[^\x00-\x20\x7f-\xa0<>`\"'|\\]{1,255}")


def wanted(environ: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    """Return a variable that must be set and have this form. Errors: DpoOpsError."""
    value = environ.get(name, "")
    if form.fullmatch(value):
        return value
    raise DpoOpsError(
        f"{name} is not usable" if value else f"{name} is not set",
        where="the environment of this run",
        why=f"it should match {form.pattern}",
        fix="run this inside a workflow's job, which sets it; don't set it by hand",
    )


def sha(environ: Mapping[str, str], name: str) -> str:
    """Return the id of a commit. Errors: DpoOpsError where it is not one."""
    return wanted(environ, name, SHA)


def url(environ: Mapping[str, str], name: str, otherwise: str) -> str:
    """Return the URL in a variable without a slash at its end, or another where it holds none."""
    value = environ.get(name, "")
    return (value if _URL.fullmatch(value) else otherwise).rstrip("/")


def plain(environ: Mapping[str, str], *names: str) -> str:
    """Return the first of these variables that is set, where it is a plain word, else ""."""
    value = next((v for n in names if (v := environ.get(n, ""))), "")
    return value if _PLAIN.fullmatch(value) else ""


def event(path: Path) -> dict[str, Any]:
    """Return the JSON object in an event file. Errors: DpoOpsError, whatever the file holds."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_EVENT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        broken("can't be read", reason or "its path is not usable")
    if len(data) > LARGEST_EVENT:
        broken("is too large", f"it is larger than {LARGEST_EVENT:,} bytes")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        broken("is not JSON", "it does not parse")
    return value if isinstance(value, dict) else broken("is not usable", "it is no JSON object")


def broken(what: str, why: str) -> NoReturn:
    """Raise the error of an event file."""
    raise DpoOpsError(
        f"the event of this run {what}",
        where="GITHUB_EVENT_PATH",
        why=why,
        fix="let the workflow's runner write that file; with act, pass one by --eventpath",
    )
