"""What goes in and out of the emulator: requests, responses, refusals and their envelopes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# gRPC code name -> (number, HTTP status), as the gateway maps them.
CODES: Final[Mapping[str, tuple[int, int]]] = {
    "CANCELLED": (1, 499),
    "UNKNOWN": (2, 500),
    "INVALID_ARGUMENT": (3, 400),
    "DEADLINE_EXCEEDED": (4, 504),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "OUT_OF_RANGE": (11, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "DATA_LOSS": (15, 500),
    "UNAUTHENTICATED": (16, 401),
}


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is percent-decoded, `headers` have lower-case names.

    `body` is bytes, or an iterable of chunks that is read at most once, so that
    a large upload is never held in memory.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    scheme: str = "http"

    def chunks(self) -> Iterator[bytes]:
        """Yield the body piece by piece."""
        if isinstance(self.body, bytes):
            yield self.body
        else:
            yield from self.body

    def content(self) -> bytes:
        """Return the whole body."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)

    @property
    def root(self) -> str:
        """The scheme and authority that the caller used, without a trailing slash."""
        return f"{self.scheme}://{self.headers.get('host', 'emulator.invalid')}"


@dataclass(frozen=True)
class Response:
    """One HTTP answer. `body` is bytes, or an iterator of chunks (a stream of events)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""

    def content(self) -> bytes:
        """Return the whole body; an iterator is used up."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)

    def json(self) -> Any:
        """Return the body, decoded."""
        return json.loads(self.content())


class DroppedError(Exception):
    """The connection breaks instead of carrying an answer.

    `kind` says how the caller notices: `protocol` (closed without an answer), `read`
    (broken while reading) or `connect` (never made).
    """

    def __init__(self, kind: str = "protocol") -> None:
        super().__init__(f"connection dropped ({kind})")
        self.kind = kind


class RefusalError(Exception):
    """A request is turned down; `response` is what the caller gets."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status}")
        self.response = response


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `value` as a JSON answer."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, body)


def refuse(
    code: str,
    message: str,
    *,
    status: int | None = None,
    details: tuple[Mapping[str, Any], ...] = (),
) -> RefusalError:
    """Return the gateway's refusal: `{code, details, message}` with the code's HTTP status."""
    number, usual = CODES[code]
    envelope = {"code": number, "details": list(details), "message": message}
    return RefusalError(reply(envelope, status or usual))


def refuse_inference(
    status: int, code: str, message: str, *, request_id: str, param: str | None = None
) -> RefusalError:
    """Return the OpenAI-style refusal: `{error: {message, param, code, type}, request_id}`."""
    error = {"message": message, "param": param, "code": code, "type": "error"}
    return RefusalError(reply({"error": error, "request_id": request_id}, status))


def not_found() -> RefusalError:
    """Return the gateway's plain 404."""
    return refuse("NOT_FOUND", "resource not found")
