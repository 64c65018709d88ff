"""Preference pairs: a file in, values out. Reads no spec, knows no API, never raises for bad data.

A good row takes a short way: `layout` proves many rows at once, `accept` says yes to one, and
nothing else runs. A row that they will not vouch for takes the long way: `explain` says what is
wrong with it, where and why. So the hot loop can change without touching a rule, as long as it
never accepts what `explain` objects to.
"""

from __future__ import annotations

from dpo_ops.pairs.inspection import Inspection, Limits, inspect
from dpo_ops.pairs.rules import RULES, Rule, named

__all__ = ["RULES", "Inspection", "Limits", "Rule", "inspect", "named"]
