"""What a client has asked so far, counted; safe to use from several threads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any


@dataclass(slots=True)
class Calls:
    """How often each route was asked; `sent` and `received` are bytes of bodies.

    Every attempt counts, so a request that was tried three times adds three to `requests`
    and two to `retries`. A route is a method and a template: `GET accounts/{}/models/{}`.
    """

    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    throttled: int = 0
    """Answers with status 429."""
    retired: int = 0
    """Answers with status 501."""
    sent: int = 0
    received: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def writes(self) -> int:
        """How many requests were something other than a GET."""
        with self._lock:
            return sum(n for route, n in self.requests.items() if not route.startswith("GET "))

    def count(self, route: str, *, again: bool) -> None:
        """Add one attempt; `again` when an earlier one of the same request failed."""
        with self._lock:
            self.requests[route] += 1
            self.retries += again

    def moved(self, *, sent: int = 0, received: int = 0, status: int = 0) -> None:
        """Add the bytes of one exchange, and what its status tells: 0 for no answer."""
        with self._lock:
            self.sent += sent
            self.received += received
            self.throttled += status == HTTPStatus.TOO_MANY_REQUESTS
            self.retired += status == HTTPStatus.NOT_IMPLEMENTED

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON-ready values, routes in alphabetical order."""
        with self._lock:
            return {
                "requests": dict(sorted(self.requests.items())),
                "retries": self.retries,
                "throttled": self.throttled,
                "retired": self.retired,
                "sentBytes": self.sent,
                "receivedBytes": self.received,
            }
