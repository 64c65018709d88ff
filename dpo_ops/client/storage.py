"""Signed URLs: the bytes go straight to a bucket, without the key.

The query of such a URL is a permission, so it is in no error text. A redirect is never followed:
the signature was made for one host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import httpx

from dpo_ops.client.exchange import LARGEST_ANSWER, Answer, Ask, Lost, attempt, may_repeat
from dpo_ops.client.stream import chunks
from dpo_ops.client.wire import headers, http_client, is_loopback
from dpo_ops.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.client.calls import Calls
    from dpo_ops.client.exchange import Outcome
    from dpo_ops.client.pace import Pace
    from dpo_ops.client.stream import Promised, Watch

_LIMIT = 64 * 1024
_LARGEST = 1 << 30  # Bytes of one file of an adapter: rank 64 of a 70B model is less.
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


@dataclass(frozen=True, slots=True)
class Storage:
    """Files to and from signed URLs, each tried `attempts` times; `timeout_s` is per wait."""

    transport: httpx.BaseTransport | None
    timeout_s: float
    pace: Pace
    calls: Calls
    attempts: int

    def put(self, url: str, promised: Promised, watch: Watch) -> None:
        """Send a file to `url`. Errors: StorageError, Interrupted."""
        way = _Way("upload", str(promised.file), self.attempts)
        ask = Ask(
            "PUT",
            "{signed URL}",
            url=_target(url, way),
            body=lambda: chunks(promised, watch),
            size=promised.size,
            headers=_signed_headers(promised.size),
        )
        self._exchange(ask, way, _LIMIT)

    def get(self, url: str, where: str, *, attempts: int, limit: int = LARGEST_ANSWER) -> bytes:
        """Return the file at `url`, of at most `limit` bytes; `where` names it in errors.

        Errors: StorageError, also for a file that is larger.
        """
        way = _Way("download", where, attempts)
        answer = self._exchange(Ask("GET", "{signed URL}", url=_target(url, way)), way, limit)
        if answer.whole:
            return answer.body
        raise StorageError(
            "the file is too large to be read",
            where=where,
            why=f"it has more than {limit:,} bytes",
            fix="look at it on the platform's own pages",
        )

    def fetch_all(self, urls: Mapping[str, str], where: str, folder: Path) -> None:
        """Write each file of `urls`, by its name's last part, into a new `folder`, all or none."""
        if not urls:
            raise StorageError(
                "there are no files to fetch",
                where=where,
                why="the service names none",
                fix="check that the model is READY and an adapter",
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        half = Path(mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            for name, url in urls.items():
                file = half / Path(name).name
                file.write_bytes(self.get(url, where, attempts=self.attempts, limit=_LARGEST))
            half.replace(folder)
        finally:
            rmtree(half, ignore_errors=True)

    def _exchange(self, ask: Ask, way: _Way, limit: int) -> Answer:
        # Its own client: no Authorization header that could ever reach a bucket.
        shared = _Shared(self.transport) if self.transport else None
        target = ask.url or httpx.URL()
        with http_client(target, headers={}, transport=shared, s=self.timeout_s) as http:
            for number in count(1):
                self.calls.count(str(ask), again=number > 1)
                outcome = attempt(http, ask, self.calls, limit)
                if isinstance(outcome, Answer) and outcome.ok:
                    return outcome
                if number >= way.attempts or not may_repeat(ask, outcome):
                    raise _refused(way, target.host, outcome)
                self.pace.wait(number, headers(outcome))
        raise AssertionError  # pragma: no cover - count() does not end


@dataclass(frozen=True, slots=True)
class _Way:
    """Which way a file goes, `upload` or `download`; `where` names it in errors."""

    name: str
    where: str
    attempts: int


class _Shared(httpx.BaseTransport):
    """A transport that outlives the client that uses it."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._inner.handle_request(request)


def _signed_headers(size: int) -> dict[str, str]:
    """Both are part of the signature: the bucket refuses a PUT that lacks one of them."""
    return {
        "Content-Type": "application/octet-stream",
        "x-goog-content-length-range": f"{size},{size}",
    }


def _target(text: str, way: _Way) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    trusted = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    if trusted and url.host and not url.userinfo:
        return url
    raise StorageError(
        f"the {way.name} address can't be trusted",
        where=way.where,
        why=f"it is {url.scheme}://{url.host}, not https" if url.host else "it is no URL",
        fix="check FIREWORKS_BASE_URL: only https, or http on this machine, is accepted",
    )


def _refused(way: _Way, host: str, outcome: Outcome) -> StorageError:
    verb = "take" if way.name == "upload" else "give"
    return StorageError(
        f"the storage did not {verb} the file",
        where=way.where,
        why=f"{host}: {_why(outcome)}",
        fix=f"run again: the {way.name} starts anew with a fresh address",
    )


def _why(outcome: Outcome) -> str:
    if isinstance(outcome, Lost):
        return outcome.why
    # Only the code: the rest of a bucket's error quotes what was signed.
    code = _CODE.search(outcome.body)
    return f"answered {outcome.status}" + (f" {code[1].decode()}" if code else "")
