"""A request, a reply and a refusal, as the fake passes them around."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """One request as it came; `status` is what it was answered with, 0 where it was dropped."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int = 0

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def line(self) -> str:
        """The call with its query: what faults are matched with."""
        query = "&".join(f"{k}={v}" for k, v in self.query.items())
        return f"{self.call}?{query}" if query else self.call

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refusal(400, "Problems parsing JSON") from error
        if not isinstance(value, dict):
            raise Refusal(400, "Body should be a JSON object")
        return value


@dataclass
class Reply:
    status: int = 200
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def content(self) -> bytes:
        return json.dumps(self.value).encode() if self.raw is None else self.raw


class Refusal(Exception):
    """An answer that is not a success, with GitHub's own message."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = headers or {}

    def reply(self) -> Reply:
        value: dict[str, Any] = {
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(self.status),
        }
        if self.errors is not None:
            value["errors"] = self.errors
        return Reply(self.status, value, dict(self.headers))


def invalid(resource: str, field_: str, code: str, message: str = "") -> Refusal:
    """The 422 of a field that can't be taken."""
    error: dict[str, Any] = {"resource": resource, "code": code, "field": field_}
    if message:
        error["message"] = message
    return Refusal(422, "Validation Failed", [error])


LONGEST_BODY = 65_536


def body_of(request: Request, resource: str, *, needed: bool = True) -> dict[str, Any]:
    """The JSON of a comment or an issue, whose body has to fit."""
    value = request.json()
    body = value.get("body")
    if needed and not (isinstance(body, str) and body.strip()):
        raise invalid(resource, "body", "missing_field")
    if isinstance(body, str) and len(body) > LONGEST_BODY:
        raise invalid(resource, "body", "custom", "body is too long (maximum is 65536 characters)")
    return value
