"""The plan as JSON, its published schema, and its fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops import __version__
from dpo_ops.kinds.pricing import Cost, Per, Unpriced
from dpo_ops.planner.change import WAITING, Action, Change, FieldChange, Plan, Verb
from dpo_ops.planner.spending import spending
from dpo_ops.resource import Health, digest

if TYPE_CHECKING:
    from dpo_ops.errors import Finding

VERSION = 1
_SPENT = {"training": Per.JOB, "servingPerHour": Per.HOUR}
_CENTS = 4  # Digits of a dollar: small jobs cost less than a cent.


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON object that holds to `PLAN_SCHEMA`. It contains no secret."""
    return {
        "version": VERSION,
        "tool": f"dpo-ops {__version__}",
        "fingerprint": fingerprint(plan),
        "account": plan.account,
        "stack": plan.stack,
        "summary": plan.summary,
        "cost": {name: _spend(plan, per) for name, per in _SPENT.items()},
        "changes": [_change(change) for change in plan.changes],
        "warnings": [_finding(finding) for finding in plan.warnings],
    }


def fingerprint(plan: Plan) -> str:
    """Return `sha256:<hex>` over what the plan will write and the values that it saw.

    Bound to the rendered specs, to the values that change and to the tool's major version; not
    to a commit, a path, the words of a reason, or how far something under way has come: what
    was approved while a job ran is still approved when it is done.
    """
    rests_on = {
        "version": VERSION,
        "major": __version__.partition(".")[0],
        "account": plan.account,
        "stack": plan.stack,
        "changes": [bound(change) for change in plan.changes],
    }
    return "sha256:" + digest(rests_on)


def bound(change: Change) -> dict[str, Any]:
    """Return what of a change an approval is bound to."""
    shown = _change(change)
    kept = ("address", "action", "id", "needs", "body")
    return {key: shown[key] for key in kept} | {
        "fields": [[field.path, field.before, field.after] for field in change.fields],
        "writes": [str(step) for step in change.steps if step.verb not in WAITING],
        "blocked": bool(change.blocked),
    }


def _change(change: Change) -> dict[str, Any]:
    resource = change.resource
    return {
        "address": str(change.address),
        "action": str(change.action),
        "id": change.id,
        "reason": change.reason,
        "health": str(change.health),
        "fields": [_field(field) for field in change.fields],
        "steps": [{"verb": str(step.verb), "name": step.name} for step in change.steps],
        "needs": [str(need) for need in change.needs],
        "body": dict(resource.body) if resource else {},
        "cost": _cost(change.cost) if isinstance(change.cost, Cost) else None,
        "unpriced": change.cost.why if isinstance(change.cost, Unpriced) else "",
        "reversible": change.reversible,
        "blocked": [_finding(finding) for finding in change.blocked],
        "place": str(resource.place) if resource and resource.place else None,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    low, high = round(cost.low, _CENTS), round(cost.high, _CENTS)
    return {"low": low, "high": high, "per": str(cost.per), "basis": cost.basis}


def _spend(plan: Plan, per: Per) -> dict[str, Any]:
    found = spending(plan.changes, per)
    low, high = (sum_ and round(sum_, _CENTS) for sum_ in (found.low, found.high))
    return {"low": low, "high": high, "unknown": found.unknown}


def _field(field: FieldChange) -> dict[str, Any]:
    return {
        "path": field.path,
        "before": field.before,
        "after": field.after,
        "reason": field.reason,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "where": str(finding.where),
        "severity": str(finding.severity),
        "what": finding.what,
        "why": finding.why,
        "fix": finding.fix,
        "rule": finding.rule,
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_FINDING = _object(
    {
        "where": _TEXT,
        "severity": {"enum": ["error", "warning"]},
        "what": _TEXT,
        "why": _TEXT,
        "fix": _TEXT,
        "rule": _TEXT,
    }
)
_MONEY = {"type": "number", "minimum": 0}
_PER = {"enum": [str(per) for per in Per]}
_SUM = {**_MONEY, "type": ["number", "null"], "description": "US dollars; null: none is known"}
_SPEND = _object({"low": _SUM, "high": _SUM, "unknown": _COUNT})
_CHANGE = _object(
    {
        "address": {"type": "string", "pattern": "^[A-Za-z]+/[a-z0-9-]+$"},
        "action": {"enum": [str(action) for action in Action]},
        "id": _TEXT,
        "reason": _TEXT,
        "health": {"enum": [str(health) for health in Health]},
        "fields": _list(_object({"path": _TEXT, "before": {}, "after": {}, "reason": _TEXT})),
        "steps": _list(_object({"verb": {"enum": [str(verb) for verb in Verb]}, "name": _TEXT})),
        "needs": _list(_TEXT),
        "body": {"type": "object"},
        "cost": {
            "anyOf": [
                _object({"low": _MONEY, "high": _MONEY, "per": _PER, "basis": _TEXT}),
                {"type": "null"},
            ],
            "description": "US dollars, of an update what it adds; null: not charged, or not known",
        },
        "unpriced": {"type": "string", "description": "why a cost is not known"},
        "reversible": {"type": "boolean"},
        "blocked": _list(_FINDING),
        "place": {"type": ["string", "null"]},
    }
)

PLAN_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "dpo-ops plan",
    **_object(
        {
            "version": {"const": VERSION},
            "tool": _TEXT,
            "fingerprint": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "account": _TEXT,
            "stack": _TEXT,
            "summary": _object({str(action): _COUNT for action in Action}),
            "cost": _object(dict.fromkeys(_SPENT, _SPEND)),
            "changes": _list(_CHANGE),
            "warnings": _list(_FINDING),
        }
    ),
}
"""The JSON Schema of `plan --format json`. Within a version, fields are only ever added."""
