"""Requests to the API: sent, repeated where that is safe, read as JSON, or raised as errors."""

from __future__ import annotations

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx

from dpo_ops import __version__
from dpo_ops.client import paths
from dpo_ops.client.exchange import LARGEST_ANSWER, NOTHING, Answer, Ask, attempt, may_repeat
from dpo_ops.client.failures import parse
from dpo_ops.errors import PlanError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.client.calls import Calls
    from dpo_ops.client.exchange import Outcome
    from dpo_ops.client.failures import Failures
    from dpo_ops.client.pace import Pace

CONNECT_S = 10.0
"""The longest wait for a connection; the longest wait for an answer is the client's timeout."""


class Wire:
    """The way to the API. `limit` is the size in bytes up to which an answer is read."""

    def __init__(
        self,
        http: httpx.Client,
        pace: Pace,
        calls: Calls,
        failures: Failures,
        *,
        read_only: bool = False,
        limit: int = LARGEST_ANSWER,
    ) -> None:
        self._http, self._pace, self._calls, self._failures = http, pace, calls, failures
        self._read_only, self._limit = read_only, limit

    def ask(self, ask: Ask, *, attempts: int) -> dict[str, Any]:
        """Return the JSON object that answers `ask`. Errors: ApiError, PlanError."""
        answer = self.send(ask, attempts=attempts)
        if not answer.body and ask.method != "GET":
            return {}  # The write is done; that nothing is said about it is no failure.
        if not answer.whole:
            raise self._failures.unusable(ask, answer, f"it is larger than {self._limit} bytes")
        try:
            value = parse(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._failures.unusable(ask, answer, "its body is not a JSON object")
        return value

    def send(self, ask: Ask, *, attempts: int) -> Answer:
        """Return the 2xx answer to `ask`, tried at most `attempts` times where that is safe."""
        self._refuse_write(ask)
        began = self._pace.now()
        for number in count(1):
            self._calls.count(paths.template(ask.method, ask.path), again=number > 1)
            outcome = attempt(self._http, ask, self._calls, self._limit)
            if isinstance(outcome, Answer) and (outcome.ok or _gone(ask, outcome, number)):
                return outcome
            if number >= attempts or not may_repeat(ask, outcome):
                took = self._pace.now() - began
                tried = f"tried {number} times in {took:.0f}s" if number > 1 else ""
                raise self._failures.of(ask, outcome, tried)
            self._pace.wait(number, headers(outcome))
        raise AssertionError  # pragma: no cover - count() does not end

    def _refuse_write(self, ask: Ask) -> None:
        if self._read_only and not paths.only_asks(ask.method, ask.path):
            raise PlanError(
                "a read-only run tried to write",
                where=str(ask),
                why="nothing was sent",
                fix="this is a mistake in dpo-ops: please report it",
            )


def headers(outcome: Outcome) -> Mapping[str, str]:
    """Return the headers of an answer; none where no answer came."""
    return outcome.headers if isinstance(outcome, Answer) else NOTHING


def http_client(
    url: httpx.URL, *, headers: Mapping[str, str], transport: httpx.BaseTransport | None, s: float
) -> httpx.Client:
    """Return an HTTP client for `url` that follows no redirect, keeps no cookie, logs nothing.

    `s` is the timeout in seconds. The environment's proxy and CA settings hold, except for a
    loopback address. Errors: SettingsError when those settings can't be used.
    """
    _silence()
    try:
        return httpx.Client(
            base_url=url.copy_with(query=None),
            headers={"User-Agent": f"dpo-ops/{__version__}", **headers},
            transport=transport,
            timeout=httpx.Timeout(s, connect=min(s, CONNECT_S)),
            # Plain http, which only a loopback address may have, shows no certificate: to load
            # those that it could be checked against takes as long as a whole list call.
            verify=url.scheme != "http",
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=not is_loopback(url.host),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL):
        pass  # Raised below, without this error: its text can hold a proxy's password.
    raise SettingsError(
        "the proxy or certificate settings of the environment can't be used",
        fix="check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
    )


def is_loopback(host: str) -> bool:
    """Say whether `host` can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _silence() -> None:
    """Keep URLs out of logs: httpx writes each with its query, and a signed one is a secret."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def _gone(ask: Ask, answer: Answer, number: int) -> bool:
    """A deletion that is tried again finds nothing: the try whose answer was lost did it."""
    return ask.method == "DELETE" and number > 1 and answer.status == httpx.codes.NOT_FOUND
