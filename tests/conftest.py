from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Models this small gain little from a second thread, and the tests beside need the cores: two
trainings at once on two cores took six times as long with two threads each."""

settings.register_profile("long")
"""What `tests/laws` asks for by name, to try far more; see there."""


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here and not beside its tests: pytest reads options from the top folder of tests only.
    parser.addoption(
        "--update",
        action="store_true",
        help="Rewrite what the scenarios expect; the difference is read in review.",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Whoever asks for the long profile wants what is marked so as well.
    if config.getoption("--hypothesis-profile") == "long" and config.option.markexpr == "not long":
        config.option.markexpr = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Where several run at a time, nobody should wait for one long training at the end.
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/trainers", "tests/action")))
