from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

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
