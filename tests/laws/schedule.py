"""One thing at a time, in an order that a seed decides, so that every schedule can be run again.

Threads decide for themselves who goes first; a schedule that found a fault would not find it a
second time. Here what one run does in its pool is done at once, and of several runs exactly one is
awake: it hands on its turn at each request, to whom the seed says.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

POOLS = (
    "dpo_ops.executor.run.ThreadPoolExecutor",
    "dpo_ops.observer.ThreadPoolExecutor",
    "dpo_ops.client.client.ThreadPoolExecutor",
)


class AtOnce:
    """A pool that does at once what it is given."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Needs no threads, however many are asked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def submit(self, call: Callable[..., Any], *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*given))
        except BaseException as error:  # noqa: BLE001  -- raised where the result is asked for
            future.set_exception(error)
        return future

    def map(self, call: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return iter([call(item) for item in items])


@contextmanager
def in_order() -> Iterator[None]:
    """Let all that the stages do in pools be done at once."""
    with ExitStack() as stack:
        for pool in POOLS:
            stack.enter_context(patch(pool, AtOnce))
        yield


@dataclass
class Turns:
    """Several calls, of which one is awake at a time; each hands its turn on at each request."""

    seed: int
    awake: dict[int, threading.Semaphore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311  -- an order, not a secret

    def all(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Return what each call returns, or the error that ended it."""
        ended: list[Any] = [None] * len(calls)
        self.awake = {n: threading.Semaphore(0) for n in range(len(calls))}

        def run(me: int) -> None:
            self.awake[me].acquire()
            try:
                ended[me] = calls[me]()
            except BaseException as error:  # noqa: BLE001  -- looked at by the caller
                ended[me] = error
            del self.awake[me]
            if self.awake:
                self._wake()

        threads = [threading.Thread(target=run, args=(n,)) for n in self.awake]
        for thread in threads:
            thread.start()
        self._wake()
        for thread in threads:
            thread.join()
        return ended

    def hand_on(self, me: int) -> None:
        """Let the seed say who goes on; return when it is my turn again."""
        mine = self.awake[me]
        self._wake()
        mine.acquire()

    def _wake(self) -> None:
        self.awake[self.random.choice(sorted(self.awake))].release()


@dataclass
class Turn(httpx.BaseTransport):
    """Hands on the turn before each request."""

    inner: httpx.BaseTransport
    turns: Turns
    me: int

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.turns.hand_on(self.me)
        return self.inner.handle_request(request)
