"""A stateful stand-in of the Fireworks REST API, in this process or on a local port.

It shares no code with the client that it is there to check: whatever both know, each
wrote down for itself. Lifecycles are transition tables that emulated time moves through;
faults, stale reads and lost replies are features, under `/_emulator/`.
"""

from .core import Emulator
from .engine import Engine, EngineError
from .engines import engine
from .local import LocalEngine
from .serving import running, serve
from .standin import StandIn
from .transport import EmulatorTransport
from .wire import DroppedError, Request, Response

__all__ = [
    "DroppedError",
    "Emulator",
    "EmulatorTransport",
    "Engine",
    "EngineError",
    "LocalEngine",
    "Request",
    "Response",
    "StandIn",
    "engine",
    "running",
    "serve",
]
