"""The real command line, in a process of its own, that looks at the account more often.

Against an emulator on a port it would look every few seconds, as at the real service, and a proof
of a hundred runs would take an hour. Nothing else differs from `python -m dpo_ops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.__main__ import main
from dpo_ops.cli import carrying
from dpo_ops.executor import Waits

if TYPE_CHECKING:
    from dpo_ops.cli.options import Patience, Target


def _often(_: Target, patience: Patience) -> Waits:
    return Waits(0.05, 0.2, grace_s=2.0, budget_s=patience.budget_s, leave=patience.leave)


if __name__ == "__main__":
    carrying._waits = _often
    main()
