"""HTTP to the Fireworks REST API, and nothing else: keys, paging, retries, uploads, failures.

The law of this package: a write that could have happened twice is never repeated blindly, and
neither the key nor a body nor a signed URL's query ever reaches a log, an error or a repr.
Time, randomness and the transport are arguments. What a resource is, it doesn't know.
"""

# ruff: noqa: E402  -- what httpx finds when it is imported is decided first
import sys

# httpx brings a command line of its own where a terminal library is installed, and does without
# it where importing that fails. Nothing here uses it, and every start would pay for it.
_ABSENT = "httpx._main"
if "httpx" not in sys.modules:
    sys.modules[_ABSENT] = None  # type: ignore[assignment]  # -- None is how an import is refused
    import httpx as httpx

    del sys.modules[_ABSENT]

from dpo_ops.client.calls import Calls
from dpo_ops.client.client import Client
from dpo_ops.client.pace import Clock, Pace, Retry, SystemClock
from dpo_ops.client.settings import Settings, settings
from dpo_ops.client.stream import Promised

__all__ = [
    "Calls",
    "Client",
    "Clock",
    "Pace",
    "Promised",
    "Retry",
    "Settings",
    "SystemClock",
    "settings",
]
