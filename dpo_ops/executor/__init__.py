"""Carry out a plan: plan → API calls; waits; events."""

from __future__ import annotations

from dpo_ops.executor.events import Event, Outcome, Report
from dpo_ops.executor.run import execute
from dpo_ops.executor.training import Workshop
from dpo_ops.executor.waits import Clock, Waits

__all__ = ["Clock", "Event", "Outcome", "Report", "Waits", "Workshop", "execute"]
