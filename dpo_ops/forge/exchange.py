"""One exchange with a forge: time-outs, sizes, redirects, and when to try again."""

from __future__ import annotations

import json
import logging
import ssl
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx

from dpo_ops.forge.contract import ForgeError
from dpo_ops.forge.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpo_ops.forge.refusals import Refusals

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer: a page of a hundred comments as long as may be, each letter escaped."""

_TIMEOUT: Final = httpx.Timeout(30, connect=10)
_REDIRECTS: Final = 3
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the forge: `path` is under its API's address, or a whole URL of it.

    `repeatable` says that sending it twice does no harm.
    """

    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    value: Any = field(default=None, repr=False)
    repeatable: bool = True
    limit: int = LARGEST_ANSWER

    def __str__(self) -> str:
        path = self.path.partition("?")[0]
        return f"{self.method} " + ("/" + path.split("/", 3)[-1] if "://" in path else path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the forge says that it did what was asked."""
        return httpx.codes.is_success(self.status)

    def value(self) -> Any:
        """Return its JSON, or None where it holds none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer, or one that leaves open what happened. `sent`: it may have taken effect."""

    why: str
    sent: bool
    hopeless: bool = False
    """The same request would fail the same way again."""


class Exchange:
    """Sends requests to one API in the name of a secret, which goes nowhere else."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        refusals: Refusals,
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._url, self._plain = _address(url)
        self._refusals = refusals
        self._headers = dict(headers)
        self._pace = Pace(sleep)
        self._http = _http(transport, plain=self._plain)
        self.close = self._http.close

    def ask(self, ask: Ask) -> Answer | Lost:
        """Return the forge's answer, after as many tries as do no harm.

        Lost: what is not repeatable and may have taken effect, or what nobody answered.

        Errors: ForgeError where an answer is too large or redirects to where it should not.
        """
        pause = self._pace.begin()
        while True:
            outcome = self._once(ask)
            if isinstance(outcome, Answer):
                if httpx.codes.is_server_error(outcome.status) and not ask.repeatable:
                    return Lost(f"it answered with {outcome.status}", sent=True)
                if not pause.for_answer(outcome.status, outcome.headers, outcome.body):
                    return outcome
            elif (outcome.sent and not ask.repeatable) or outcome.hopeless or not pause.once():
                return outcome

    def wait(self) -> None:
        """Let a moment pass, so that what was sent can be found."""
        self._pace.begin().once()

    def _once(self, ask: Ask) -> Answer | Lost:
        url, headers = self._target(ask), self._headers
        for _ in range(_REDIRECTS + 1):
            outcome = self._send(ask, url, headers)
            if isinstance(outcome, Lost) or not httpx.codes.is_redirect(outcome.status):
                return outcome
            url = self._redirected(ask, url, outcome)
            # Whoever is led away goes on without the secret, even if the way leads back.
            headers = headers if self._same(url) else {}
        raise self._refusals.unusable(ask, "it redirects over and over")

    def _target(self, ask: Ask) -> httpx.URL:
        if "://" not in ask.path:
            # By hand, for joining would drop the path of an API that lies under one.
            base = str(self._url).rstrip("/")
            return httpx.URL(f"{base}{ask.path}", params=ask.query or None)
        try:
            url = httpx.URL(ask.path)
        except httpx.InvalidURL:
            raise self._refusals.unusable(ask, "it leads on to something that is no URL") from None
        if not self._same(url):
            raise self._refusals.unusable(ask, "it leads on to another address")
        return url

    def _same(self, url: httpx.URL) -> bool:
        mine = self._url
        return (url.scheme, url.host, url.port) == (mine.scheme, mine.host, mine.port)

    def _redirected(self, ask: Ask, url: httpx.URL, answer: Answer) -> httpx.URL:
        try:
            target = url.join(answer.headers.get("location", ""))
        except (httpx.InvalidURL, ValueError):
            raise self._refusals.unusable(ask, "it redirects to something that is no URL") from None
        if self._same(target):
            # A repository with a new name. Only these two promise that a write stays a write.
            if ask.method == "GET" or answer.status in (307, 308):
                return target
        elif ask.method == "GET" and self._trusted(target):
            return target
        raise self._refusals.unusable(ask, f"it redirects to {target.scheme}://{target.host}")

    def _trusted(self, target: httpx.URL) -> bool:
        """Whether to go there without the secret: no way leads from https to this machine."""
        if self._plain:
            return target.scheme == "http" and target.host in _LOOPBACK
        return target.scheme == "https" and bool(target.host)

    def _send(self, ask: Ask, url: httpx.URL, headers: Mapping[str, str]) -> Answer | Lost:
        try:
            request = self._http.build_request(ask.method, url, json=ask.value, headers=headers)
            response = self._http.send(request, stream=True)
            try:
                body = _read(response, ask.limit)
            finally:
                response.close()
        except httpx.RequestError as error:
            return _lost(error)
        if body is None:
            raise self._refusals.too_large(ask)
        return Answer(response.status_code, response.headers, body)


def _address(url: str) -> tuple[httpx.URL, bool]:
    """Return the address, and whether it is plain http to this machine itself."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    plain = address.scheme == "http" and address.host in _LOOPBACK
    if not plain and (address.scheme != "https" or not address.host):
        raise ForgeError(
            "the address of the forge's API is refused",
            where=f"{address.scheme}://{address.host}",
            why="a token is only sent over https",
            fix="let the runner set the address, or use one that begins with https://",
        )
    return address, plain


def _http(transport: httpx.BaseTransport | None, *, plain: bool) -> httpx.Client:
    # Their lines hold whole addresses, those too that open an archive by themselves.
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    try:
        # No header here: each request says for itself whether it carries the secret.
        return httpx.Client(
            transport=transport,
            timeout=_TIMEOUT,
            # Plain http shows no certificate, and to load those to check it against takes long.
            verify=not plain,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=not plain,
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL):
        pass  # Raised below, without this error: its text can hold a proxy's password.
    raise ForgeError(
        "the proxy or certificate settings of the environment can't be used",
        fix="check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
    )


def _read(response: httpx.Response, limit: int) -> bytes | None:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _lost(error: httpx.RequestError) -> Lost:
    # The text of an error can quote what was sent; only its kind is told.
    ours = isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol))
    words = "no answer came in time" if isinstance(error, httpx.TimeoutException) else ""
    if isinstance(error, httpx.ConnectError):
        words = "no connection could be made"
    return Lost(
        words or f"the connection broke off ({type(error).__name__})",
        sent=not ours and not isinstance(error, _UNSENT),
        hopeless=ours or _distrusted(error),
    )


def _distrusted(error: BaseException | None) -> bool:
    """A certificate that doesn't verify now won't in eight seconds either."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
