"""Preference pairs: a file in, values out. Reads no spec, knows no API, never raises for bad data.

A good row takes the short way: `accept` says yes and nothing else runs. A row that it will not
vouch for takes the long way: `explain` says what is wrong with it, where and why. So the hot
loop can change without touching a rule, as long as it never accepts what `explain` objects to.
"""

from __future__ import annotations

from dpo_ops.pairs.inspection import Inspection, inspect
from dpo_ops.pairs.rules import RULES, Rule

__all__ = ["RULES", "Inspection", "Rule", "inspect"]
