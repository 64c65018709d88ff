"""Requests that go wrong because a test wants them to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.hub.wire import Refusal, Reply

if TYPE_CHECKING:
    from tests.hub.wire import Request

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
_MESSAGES = {403: SECONDARY, 429: SECONDARY, 500: "Internal Server Error", 502: "Server Error"}


@dataclass
class Fault:
    match: str
    times: int
    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    drop: bool = False
    after: bool = False

    def reply(self) -> Reply | None:
        if self.drop:
            return None
        message = self.message or _MESSAGES.get(self.status, "Something went wrong")
        return Refusal(self.status, message, headers=self.headers).reply()


class Faults:
    def __init__(self) -> None:
        self._all: list[Fault] = []

    def add(self, match: str, *, times: int, **how: object) -> None:
        self._all.append(Fault(match, times, **how))  # type: ignore[arg-type]

    def of(self, request: Request) -> Fault | None:
        """The first fault that is left for this request, one time less."""
        for fault in self._all:
            if fault.times > 0 and re.search(fault.match, request.line):
                fault.times -= 1
                return fault
        return None

    @property
    def left(self) -> int:
        """How many are yet to come."""
        return sum(f.times for f in self._all)
