from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a proof by chance held, since a dot says nothing of that."""
    for name, title in (("tests.laws.machine", "schedules"), ("tests.laws.killing", "kills")):
        module = sys.modules.get(name)
        tally = getattr(module, "TALLY", None)
        if tally:
            terminalreporter.write_sep("-", title)
            said = ", ".join(f"{count:,} {what}" for what, count in sorted(tally.items()))
            terminalreporter.write_line(said)
