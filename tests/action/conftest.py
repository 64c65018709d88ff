"""Stages for the scenarios, on an environment of the action that is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.action.account import Account
from tests.action.acting import found
from tests.action.environment import made
from tests.action.stage import Stage, own_files, users_files
from tests.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What all scenarios of a session share, and all its workers."""
    if found() is None:
        pytest.skip("act is not installed; pip install '.[dev]'")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "action"
    made(folder)
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(private=True) as hub:
        yield hub


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Account(tmp_path / "account") as account:
        yield account


@pytest.fixture
def stage(tmp_path: Path, hub: Hub, shared: Path, account: Account) -> Stage:
    """The repository of a user of the real service."""
    return Stage(tmp_path, hub, shared, account, users_files())


@pytest.fixture
def own(tmp_path: Path, hub: Hub, shared: Path) -> Stage:
    """This repository, whose account the embedded emulator plays."""
    hub.private = False
    return Stage(tmp_path, hub, shared, None, own_files())
