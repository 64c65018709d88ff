"""One HTTP exchange as values: what is asked, and what came back or why nothing did."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dpo_ops.client.calls import Calls

NOTHING: Mapping[str, str] = MappingProxyType({})
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that are read, after decompression."""

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "DELETE", "PATCH", "PUT"})
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_OURS = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `path` is the percent-encoded URL path, without host and query.

    `url` is where it goes when that is not the API. `body` makes a fresh stream for each
    attempt, of exactly `size` bytes. `repeatable` says that sending it twice does no harm.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Callable[[], Iterator[bytes]] | None = field(default=None, repr=False)
    size: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = False
    url: httpx.URL | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` is false when the body was cut at the size limit."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    whole: bool = True

    @property
    def ok(self) -> bool:
        """Whether the service says that it did what was asked."""
        return self.status // 100 == 2  # noqa: PLR2004 - the 2xx class of HTTP


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back. `sent` is false when the request surely never left this machine."""

    why: str
    sent: bool
    hopeless: bool = False
    """The same request would fail the same way again."""


Outcome = Answer | Lost


def attempt(http: httpx.Client, ask: Ask, calls: Calls, limit: int = LARGEST_ANSWER) -> Outcome:
    """Send `ask` once and read at most `limit` bytes of the answer; network failures are values."""
    outcome = _send(http, ask, limit)
    if isinstance(outcome, Answer):
        calls.moved(sent=ask.size, received=len(outcome.body), status=outcome.status)
    else:
        calls.moved(sent=ask.size)
    return outcome


def may_repeat(ask: Ask, outcome: Outcome) -> bool:
    """Say whether trying again could help and can't do the thing twice."""
    safe = ask.method in _IDEMPOTENT or ask.repeatable
    if isinstance(outcome, Lost):
        return not outcome.hopeless and (safe or not outcome.sent)
    # A 429 was turned away at the door, so even a write that must not happen twice may go again.
    turned_away = outcome.status == httpx.codes.TOO_MANY_REQUESTS
    return outcome.status in TRANSIENT and (safe or turned_away)


def _send(http: httpx.Client, ask: Ask, limit: int) -> Outcome:
    request = http.build_request(
        ask.method,
        ask.url or ask.path,
        params=dict(ask.params) or None,
        content=ask.body() if ask.body else None,
        headers=_headers(ask),
    )
    try:
        response = http.send(request, stream=True)
        try:
            body = _read(response, limit)
        finally:
            response.close()
    except httpx.RequestError as error:
        return _lost(error)
    return Answer(response.status_code, response.headers, body[:limit], len(body) <= limit)


def _headers(ask: Ask) -> dict[str, str]:
    return {**ask.headers, "Content-Length": str(ask.size)} if ask.body else dict(ask.headers)


def _read(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            break
    return bytes(body)


def _lost(error: httpx.RequestError) -> Lost:
    # Only a failed connection's own text is shown: others can quote what the server sent.
    text = f": {error}" if isinstance(error, httpx.ConnectError) and str(error) else ""
    return Lost(
        why=_words(error) + text,
        sent=not isinstance(error, (*_UNSENT, *_OURS)),
        hopeless=isinstance(error, _OURS) or _distrusted(error),
    )


def _words(error: httpx.RequestError) -> str:
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return "no connection came about in time"
        case httpx.ConnectError():
            return "no connection could be made"
        case httpx.ProxyError():
            return "the proxy refused the connection"
        case httpx.TimeoutException():
            return "no answer came in time"
        case httpx.DecodingError():
            return "the answer could not be decompressed"
        case _:
            return f"the connection broke off ({type(error).__name__})"


def _distrusted(error: BaseException | None) -> bool:
    """A certificate that doesn't verify now won't in eight seconds either."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
