"""An exchange that ended badly → one error of the tree, with the reason and the next step.

Reads both error envelopes of the service, `{"code", "message"}` of the control plane and
`{"error": {"message"}, "request_id"}` of inference and of a bad key, and survives bodies that
are neither: HTML of a gateway, plain text, nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import httpx

from dpo_ops.client.exchange import Answer, Ask, Lost
from dpo_ops.errors import (
    AlreadyExists,
    ApiError,
    NotFound,
    QuotaExceeded,
    Rejected,
    Retired,
    ServerFault,
    Unauthorized,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.client.exchange import Outcome
    from dpo_ops.client.scrub import Scrub
    from dpo_ops.client.settings import Settings
    from dpo_ops.resource import Json

RESOURCE_EXHAUSTED = 8
"""The gRPC code of a spent quota, which has been seen under HTTP 403 as well as under 429."""
FAILED_PRECONDITION = 9
"""The gRPC code under HTTP 400 of what the account or the resource is not ready for."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}")
_HEAD = 8192
"""Characters of an HTML page in which its title is looked for."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an HTTP status means here."""

    error: type[ApiError]
    what: str
    fix: str


MEANINGS: Mapping[int, Meaning] = {
    401: Meaning(Unauthorized, "the key was refused", "{key}"),
    402: Meaning(
        Rejected, "the account has to pay first", "add a payment method or credit, then run again"
    ),
    403: Meaning(Unauthorized, "the key was refused or may not do this", "{key}"),
    404: Meaning(
        NotFound,
        "there is no such thing",
        "check the name and the account; a key also gets this for what it may not see",
    ),
    409: Meaning(
        AlreadyExists,
        "the id is taken, or something else is changing it",
        "run `dpo-ops plan` again to see what is there now",
    ),
    412: Meaning(
        Rejected,
        "the account or the resource is not in a state for this",
        "look at the account's billing page and at the state of the resource",
    ),
    413: Meaning(Rejected, "the body is too large", "upload less in one file"),
    429: Meaning(
        QuotaExceeded,
        "too many requests, or no quota left",
        "wait and run again; for GPUs look at the account's quotas, free some or ask for more",
    ),
    501: Meaning(
        Retired,
        "the service no longer does this",
        "managed datasets and tuning jobs ended on 2026-11-15; existing models and deployments"
        " still work; to train on your own compute, set trainer: trl or ray in the DPOJob"
        "{rehearsal}",
    ),
}
_REJECTED = Meaning(
    Rejected,
    "the service refuses the request",
    "mend the spec that it names; where it is about payment, look at the account's billing page",
)
_FAULT = Meaning(
    ServerFault,
    "the service failed",
    "run again in a few minutes; what was accepted is found again and not repeated",
)
_REDIRECT = Meaning(
    ApiError,
    "the service answered with a redirect",
    "set FIREWORKS_BASE_URL to the address it redirects to, if you trust it:"
    " a redirect is never followed with the key",
)
_QUOTA, _NOT_READY = MEANINGS[429], MEANINGS[412]


class Failures:
    """Makes errors for one client, whose key no text of them will hold."""

    def __init__(self, settings: Settings, scrub: Scrub) -> None:
        self._scrub = scrub
        self._address = scrub(settings.base_url)
        self._source = scrub(settings.key_from)
        # Whoever rehearses already needs no hint to.
        self._rehearsal = "" if settings.is_rehearsal else "; to rehearse, use --emulator"

    def of(self, ask: Ask, outcome: Outcome, tried: str = "") -> ApiError:
        """Return the error for an exchange that did not end with a 2xx.

        `tried` says how often and over how long, where that was more than once.
        """
        if isinstance(outcome, Lost):
            return self._unreachable(ask, outcome, tried)
        told = read(outcome)
        meaning = _meaning(outcome.status, told.code)
        return meaning.error(
            f"{meaning.what} ({outcome.status})",
            status=outcome.status,
            request=self._scrub(str(ask)),
            request_id=self._scrub(told.request_id),
            why=self._scrub(told.message) or "it gave no reason",
            fix=meaning.fix.format(key=self._key_advice(), rehearsal=self._rehearsal),
        )

    def unusable(self, ask: Ask, answer: Answer, why: str) -> ServerFault:
        """Return the error for a 2xx whose body is not what the API promises."""
        return ServerFault(
            "the service's answer can't be used",
            status=answer.status,
            request=self._scrub(str(ask)),
            request_id=self._scrub(_header_id(answer)),
            why=self._scrub(why),
            fix=f"check that {self._address} is the Fireworks API"
            " and that no proxy answers in its place",
        )

    def _unreachable(self, ask: Ask, lost: Lost, tried: str) -> Unreachable:
        doubt = ask.method != "GET" and lost.sent
        return Unreachable(
            "no answer from the service",
            request=self._scrub(str(ask)),
            why=self._scrub(lost.why) + (f"; {tried}" if tried else ""),
            fix=f"check the network and that {self._address} is the right address"
            " (FIREWORKS_BASE_URL)"
            + ("; the request may have taken effect, run again to find out" if doubt else ""),
        )

    def _key_advice(self) -> str:
        return (
            "check the key"
            + (f" from {self._source}" if self._source else "")
            + ": it may be mistyped, revoked, for inference only, or of another account;"
            " make one at https://app.fireworks.ai/settings/users/api-keys"
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What the body and the headers of an error say; everything is the server's own text."""

    message: str = ""
    request_id: str = ""
    code: Json = None


def read(answer: Answer) -> Told:
    """Return what an error answer says, whatever its body is; raises nothing."""
    if _is_redirect(answer.status) and "location" in answer.headers:
        return Told(_elsewhere(answer.headers["location"]), _header_id(answer))
    text = answer.body.decode("utf-8", "replace")
    value = _parsed(text)
    if not isinstance(value, dict):
        return Told(_plain(text, value), _header_id(answer))
    error = value.get("error")
    inner = error if isinstance(error, dict) else value
    message = error if isinstance(error, str) else inner.get("message") or inner.get("detail")
    return Told(
        message=_line(message),
        request_id=_header_id(answer) or _id(value.get("request_id")),
        code=inner.get("code"),
    )


def parse(body: bytes) -> Json:
    """Return the JSON value of `body`. Errors: ValueError when it is not JSON or nests too deep."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except RecursionError:
        pass
    raise ValueError("nested too deep")


def _meaning(status: int, code: Json) -> Meaning:
    if code in (RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"):
        return _QUOTA
    if status == httpx.codes.BAD_REQUEST and code in (FAILED_PRECONDITION, "FAILED_PRECONDITION"):
        return _NOT_READY
    if status in MEANINGS:
        return MEANINGS[status]
    if _is_redirect(status):
        return _REDIRECT
    return _REJECTED if status // 100 == 4 else _FAULT  # noqa: PLR2004 - the 4xx class of HTTP


def _is_redirect(status: int) -> bool:
    return status // 100 == 3  # noqa: PLR2004 - the 3xx class of HTTP


def _parsed(text: str) -> Json:
    try:
        return parse(text.encode())
    except ValueError:
        return None


def _plain(text: str, value: Json) -> str:
    """A page is named by its title; JSON of an unknown shape is not shown, it may hold anything."""
    if value is not None or text.lstrip().startswith(("{", "[")):
        return "the answer holds no message"
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text[:_HEAD])
    return f"an HTML page: {title[1]}" if title else "an HTML page"


def _elsewhere(location: str) -> str:
    """Where a redirect leads, without the path and the query: they may hold a permission."""
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return "it leads to something that is no URL"
    return f"it leads to {url.scheme}://{url.host}" if url.host else "it leads to another path"


def _line(message: Any) -> str:
    if isinstance(message, str):
        return message
    # FastAPI's 422: a list of {"loc": [...], "msg": "..."}.
    items = message if isinstance(message, list) else []
    return "; ".join(str(item["msg"]) for item in items if isinstance(item, dict) and "msg" in item)


def _header_id(answer: Answer) -> str:
    return _id(answer.headers.get("x-request-id"))


def _id(value: Json) -> str:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else ""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
