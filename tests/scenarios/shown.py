"""What a scenario shows of a command: its text without what differs each time, and its requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.rehearsal import READS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT = "/v1/accounts/emulator"
_COLLECTION = re.compile(r"/v1/accounts/[^/]+/(\w+)[:/]?.*|/(_storage)/.+|/(?:\w+/v1/)?(.+)")
# What differs from one run, one machine or one pace of polling to another.
_VOLATILE = {
    # What every command with --emulator says first; tests/cli shows that it does.
    r"emulator: a stand-in .+\nemulator: .+\n": "",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:[\d.]+)?( UTC|Z)": "TIME",
    r"(?m)^(  [a-z -]{13}) (?: *\d+[hms])+(?=  )": r"\1     TIME",
    r"(?<=waited )\d[\dhms ]*": "TIME",
    r'(?<="waited": )[\d.]+': "0",
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": "UUID",
    r"\[Errno \d+\]": "[Errno N]",
}


def steady(text: str, known: Mapping[str, str]) -> str:
    """Return a text without what differs from run to run: patterns, and what is `known` to."""
    for volatile, instead in known.items():
        text = text.replace(volatile, instead)
    for pattern, instead in _VOLATILE.items():
        text = re.sub(pattern, instead, text)
    return text.rstrip("\n")


def told(requests: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each write in its order, then what was read, however often, as one line."""
    reads = set()
    for request in requests:
        path = request["path"].removeprefix(ACCOUNT)
        if request["method"] == "GET" or path.endswith(READS):
            reads.add(_COLLECTION.sub(r"\1\2\3", request["path"]))
            continue
        query = f"?{unquote(request['query'])}" if request["query"] else ""
        # 0: a fault kept the answer from whoever asked.
        answer = "" if request["status"] == 200 else f" → {request['status'] or 'no reply'}"
        yield f"{request['method']} {path}{query}{answer}"
    if reads:
        yield f"(reads {', '.join(sorted(reads))})"
