"""HTTP to the Fireworks REST API, and nothing else: keys, paging, retries, uploads, failures.

The law of this package: a write that could have happened twice is never repeated blindly, and
neither the key nor a body nor a signed URL's query ever reaches a log, an error or a repr.
Time, randomness and the transport are arguments. What a resource is, it doesn't know.
"""

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
