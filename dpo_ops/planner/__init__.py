"""Compare what the specs want with what the account holds, and order the changes into a plan.

Pure: no I/O, no clock, no randomness. Equal inputs give an equal plan, so `apply` can prove
that it runs the plan that a reviewer approved.
"""

from __future__ import annotations

from dpo_ops.planner.change import Action, Change, FieldChange, Plan, Step, Verb
from dpo_ops.planner.document import PLAN_SCHEMA, document, fingerprint
from dpo_ops.planner.plan import Accounted, plan, questions
from dpo_ops.planner.remove import teardown

__all__ = [
    "PLAN_SCHEMA",
    "Accounted",
    "Action",
    "Change",
    "FieldChange",
    "Plan",
    "Step",
    "Verb",
    "document",
    "fingerprint",
    "plan",
    "questions",
    "teardown",
]
