"""A fake GitHub with one pull request, and a forge that is connected to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.forge import connect
from tests.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dpo_ops.forge import Forge

HEAD, BASE, MERGED = "a" * 40, "b" * 40, "d" * 40


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.open_pull(7, HEAD, BASE)
        yield hub


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def join(hub: Hub, tmp_path: Path, slept: list[float]) -> Callable[..., Forge]:
    """Connect to the fake; what is given goes to `Hub.environ`."""

    def connected(**how: Any) -> Forge:
        forge = connect(hub.environ(tmp_path, **how), sleep=slept.append)
        assert forge is not None
        return forge

    return connected


@pytest.fixture
def forge(join: Callable[..., Forge]) -> Forge:
    return join()
