"""Signed URLs: the bytes go straight to a bucket, without the key.

The query of such a URL is a permission to write, so it is in no error text. A redirect is never
followed: the signature was made for one host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import httpx

from dpo_ops.client.exchange import Answer, Ask, Lost, attempt, may_repeat
from dpo_ops.client.stream import chunks
from dpo_ops.client.wire import headers, http_client, is_loopback
from dpo_ops.errors import StorageError

if TYPE_CHECKING:
    from dpo_ops.client.calls import Calls
    from dpo_ops.client.exchange import Outcome
    from dpo_ops.client.pace import Pace
    from dpo_ops.client.stream import Promised, Watch

_LIMIT = 64 * 1024
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


@dataclass(frozen=True, slots=True)
class Storage:
    """PUTs to signed URLs, each tried at most `attempts` times; `timeout_s` is per wait."""

    transport: httpx.BaseTransport | None
    timeout_s: float
    pace: Pace
    calls: Calls
    attempts: int

    def put(self, url: str, promised: Promised, watch: Watch) -> None:
        """Send a file to `url`. Errors: StorageError, Interrupted."""
        target = _target(url, promised)
        ask = Ask(
            "PUT",
            "{signed URL}",
            url=target,
            body=lambda: chunks(promised, watch),
            size=promised.size,
            headers=_signed_headers(promised.size),
        )
        # Its own client: no Authorization header that could ever reach a bucket.
        shared = _Shared(self.transport) if self.transport else None
        with http_client(target, headers={}, transport=shared, s=self.timeout_s) as http:
            self._deliver(http, ask, promised)

    def _deliver(self, http: httpx.Client, ask: Ask, promised: Promised) -> None:
        for number in count(1):
            self.calls.count(str(ask), again=number > 1)
            outcome = attempt(http, ask, self.calls, _LIMIT)
            if isinstance(outcome, Answer) and outcome.ok:
                return
            if number >= self.attempts or not may_repeat(ask, outcome):
                raise _refused(promised, http.base_url.host, outcome)
            self.pace.wait(number, headers(outcome))


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


def _target(text: str, promised: Promised) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    trusted = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    if trusted and url.host and not url.userinfo:
        return url
    raise StorageError(
        "the upload address can't be trusted",
        where=str(promised.file),
        why=f"it is {url.scheme}://{url.host}, not https" if url.host else "it is no URL",
        fix="check FIREWORKS_BASE_URL: only https, or http on this machine, is accepted",
    )


def _refused(promised: Promised, host: str, outcome: Outcome) -> StorageError:
    return StorageError(
        "the storage did not take the file",
        where=str(promised.file),
        why=f"{host}: {_why(outcome)}",
        fix="run again: the upload starts anew with a fresh address",
    )


def _why(outcome: Outcome) -> str:
    if isinstance(outcome, Lost):
        return outcome.why
    # Only the code: the rest of a bucket's error quotes what was signed.
    code = _CODE.search(outcome.body)
    return f"answered {outcome.status}" + (f" {code[1].decode()}" if code else "")
