from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here and not beside its tests: pytest reads options from the top folder of tests only.
    parser.addoption(
        "--update",
        action="store_true",
        help="Rewrite what the scenarios expect; the difference is read in review.",
    )
