"""Which engine an emulator runs."""

from typing import Literal

from dpo_ops.trainers import TINY
from dpo_ops.trainers.trl import Trl

from .engine import Engine, EngineError
from .local import LocalEngine
from .standin import StandIn

EngineName = Literal["auto", "trl", "stand-in"]


def engine(name: EngineName = "auto", weights: str = TINY) -> Engine:
    """Return an engine by name; `auto` trains and serves `weights` where that is installed.

    Raises:
        EngineError: for `trl` where it is not installed; its message is the command to do so.
    """
    if name == "stand-in":
        return StandIn()
    missing = Trl().missing()
    if missing and name == "trl":
        raise EngineError(f"the trl engine is not installed here; install it with {missing}")
    return StandIn() if missing else LocalEngine(weights)
