"""Desired and observed → drift. Nothing here sends anything but a GET."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dpo_ops import planner
from dpo_ops.cli.desired import in_account
from dpo_ops.cli.past import before_head
from dpo_ops.observer import idle, observe
from dpo_ops.planner.drift import absent, drift
from dpo_ops.resource import State

if TYPE_CHECKING:
    from dpo_ops.cli.options import Specs
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.loader import Loaded
    from dpo_ops.planner.drift import Drift


def look(screen: Screen, specs: Specs, client: Client, desired: Loaded, today: str) -> Drift:
    """Return what has drifted by `today`, a date as YYYY-MM-DD.

    Where the account can't say whether something was never made or is gone, the commits of
    `specs` are asked. The platform is not asked what could be trained or served: that takes a
    POST, and decides nothing about what is there. What the Stack would refuse to put back has
    drifted as well.
    """
    wanted = in_account(desired, client)
    observed = observe(client, wanted)
    free = State(wanted, stack=wanted.stack, named=wanted.named)
    fresh = planner.plan(free, observed, None)
    unsure = absent(wanted, observed)
    before, doubts = before_head(screen, specs) if unsure else (None, ())
    unused = idle(client, wanted, observed)
    return replace(drift(wanted, observed, fresh, unused, today, before), doubts=doubts)


def today() -> str:
    """Return the date in UTC as YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()
