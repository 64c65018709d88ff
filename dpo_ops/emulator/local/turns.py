"""A lock that is given out in the order in which it was asked for."""

import threading
from collections import deque
from types import TracebackType


class Turns:
    """Lets one thread in at a time. A plain lock may let one thread in over and over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._waiting:
                # It stays taken: it goes from hand to hand.
                self._waiting.popleft().set()
            else:
                self._taken = False
