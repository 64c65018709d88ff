"""Faults: what goes wrong on purpose, on which request, and when.

A fault is JSON: `method` and `path` (a glob; or `regex`) choose the requests; it acts
from the `nth` match on (default 1) for `times` matches (default 1; 0 for ever). `when` is
`before` (the request has no effect) or `after` (it has, and only the answer goes wrong).
What happens: `status` with `body` and `headers`; `drop` (true, `protocol`, `read` or
`connect`); `delay` in wall seconds; or `stale`, where reads see each collection as it was
before its last write.
"""

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .store import Store
from .wire import DroppedError, Request, Response, refuse

_KEYS: Final = frozenset(
    {
        "id", "method", "path", "regex", "nth", "times", "when", "status", "body", "headers",
        "drop", "delay", "stale", "seen",
    }
)  # fmt: skip
_ACTIONS: Final = ("status", "drop", "delay", "stale")
_DROPS: Final = ("protocol", "read", "connect")


@dataclass(frozen=True)
class Fault:
    """The fault that acts on one request; `delay` in wall seconds."""

    after: bool
    delay: float
    stale: bool
    drop: str | None
    response: Response | None

    @property
    def status(self) -> int | None:
        """The status of the answer put in place; 0 for a broken connection, None for none."""
        if self.drop is not None:
            return 0
        return self.response.status if self.response is not None else None

    def act(self) -> Response | None:
        """Return the answer that the fault puts in place, None to let the request go on.

        Raises:
            DroppedError: where the connection is to break.
        """
        if self.drop is not None:
            raise DroppedError(self.drop)
        return self.response


def check_fault(value: Any) -> dict[str, Any]:
    """Return a fault as it is kept, or refuse with 400 one that makes no sense."""
    if not isinstance(value, dict) or not set(value) <= _KEYS:
        raise refuse("INVALID_ARGUMENT", f"a fault is an object of {sorted(_KEYS)}")
    if not any(a in value for a in _ACTIONS):
        raise refuse("INVALID_ARGUMENT", f"a fault needs one of {_ACTIONS}")
    if value.get("when", "before") not in {"before", "after"}:
        raise refuse("INVALID_ARGUMENT", "when is 'before' or 'after'")
    drop = value.get("drop")
    if drop not in (None, True, False, *_DROPS):
        raise refuse("INVALID_ARGUMENT", f"drop is true or one of {_DROPS}")
    _check_types(value)
    return {**value, "seen": 0}


def _check_types(value: Mapping[str, Any]) -> None:
    kinds = {"nth": int, "times": int, "status": int, "delay": int | float, "headers": dict}
    for name, kind in kinds.items():
        if name in value and not isinstance(value[name], kind):
            raise refuse("INVALID_ARGUMENT", f"{name} has the wrong type")
    try:
        re.compile(value.get("regex", ""))
    except (re.error, TypeError) as error:
        raise refuse("INVALID_ARGUMENT", f"invalid regex: {error}") from None


def pick(store: Store, request: Request) -> Fault | None:
    """Count a request against the faults and return the first one that acts on it."""
    chosen = None
    for number, fault in store.faults():
        if not _matches(fault, request):
            continue
        fault["seen"] += 1
        store.set_fault(fault, number)
        past = fault["seen"] - fault.get("nth", 1)
        times = fault.get("times", 1)
        if chosen is None and past >= 0 and (times == 0 or past < times):
            chosen = fault
    return _made(chosen) if chosen is not None else None


def _matches(fault: Mapping[str, Any], request: Request) -> bool:
    if fault.get("method", request.method) != request.method:
        return False
    if "regex" in fault:
        return re.search(fault["regex"], request.path) is not None
    return fnmatch.fnmatchcase(request.path, fault.get("path", "*"))


def _made(fault: Mapping[str, Any]) -> Fault:
    drop = fault.get("drop")
    return Fault(
        after=fault.get("when") == "after",
        delay=float(fault.get("delay", 0)),
        stale=bool(fault.get("stale")),
        drop=("protocol" if drop is True else drop) if drop else None,
        response=_response(fault) if "status" in fault else None,
    )


def _response(fault: Mapping[str, Any]) -> Response:
    body = fault.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    headers = {k.lower(): str(v) for k, v in fault.get("headers", {}).items()}
    return Response(int(fault["status"]), {"content-type": kind, **headers}, text.encode())
