"""The order in which resources can be made: what is needed first, then by address."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpo_ops.resource import Address, State


def dependency_order(state: State) -> list[Address]:
    """Return the addresses of `state` so that each stands behind all that it needs.

    Among those that are free to go the smallest address goes first, so equal states give
    equal orders. The loader has refused cycles, so every address has its turn.
    """
    waiting = {a: sum(need in state for need in state[a].needs) for a in state}
    dependents: dict[Address, list[Address]] = defaultdict(list)
    for address in state:
        for need in state[address].needs:
            dependents[need].append(address)
    free = [a for a, count in waiting.items() if not count]
    heapq.heapify(free)
    order: list[Address] = []
    while free:
        order.append(address := heapq.heappop(free))
        for dependent in dependents[address]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heapq.heappush(free, dependent)
    return order
