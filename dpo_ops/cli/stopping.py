"""A signal while a plan is carried out: the first asks to stop, the second leaves at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Self

from dpo_ops.cli.endings import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h\n"


class Stop:
    """Whether somebody asked to stop; the signals are heard between `with` and its end."""

    def __init__(self, say: Callable[[str], None], *, live: bool) -> None:
        self._say, self._live = say, live
        self._asked = self._said = False
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        """Return whether to stop."""
        if self._asked and not self._said:
            # Said here and not in the handler, which may run in the middle of another line.
            self._said = True
            self._say("Stopping: nothing new is begun. Once more leaves at once.")
        return self._asked

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # -- as it came from there

    def _heard(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._asked:
            if self._live:
                os.write(2, _SHOW_CURSOR)  # A live view hides it.
            os._exit(ERROR)
        self._asked = True
