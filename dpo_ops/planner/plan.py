"""From desired and observed to changes: one decision a resource, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dpo_ops.errors import Severity
from dpo_ops.kinds import kind_of
from dpo_ops.planner import diff
from dpo_ops.planner.change import Action, Change, FieldChange, Plan, Step, Verb
from dpo_ops.planner.order import dependency_order
from dpo_ops.planner.parts import blocked, change_of, dependents_of, superseded
from dpo_ops.planner.policy import allowed
from dpo_ops.planner.refer import refer
from dpo_ops.planner.remove import left_beside, pruned, stray
from dpo_ops.planner.spending import priced
from dpo_ops.planner.sunk import changed_since, fates, superseding, told_of_cost, under_way
from dpo_ops.resource import Health

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.kinds.facts import Answer, Kind, Question, Verdict
    from dpo_ops.kinds.pricing import Prices
    from dpo_ops.resource import Address, Json, Observed, Policy, Resource, State


@dataclass(frozen=True, slots=True)
class Accounted:
    """What one account holds for each wanted address."""

    account: str
    resources: Mapping[Address, Observed]
    strays: tuple[tuple[Address, Mapping[str, Json]], ...] = ()
    """What carries the mark of the stack and costs money, yet no spec describes: its record."""


def questions(desired: State, observed: Accounted) -> frozenset[Question]:
    """Return what must be asked of the platform before anything is spent.

    Only what is about to be created, or to run on something else, raises a question, so a plan
    over an account that is in sync asks nothing.
    """
    asked = (_question(one, observed.resources[address]) for address, one in desired.items())
    return frozenset(question for question in asked if question)


def _question(resource: Resource, seen: Observed) -> Question | None:
    return kind_of(resource).asks(resource, None if _to_create(seen) else seen.record)


def plan(
    desired: State,
    observed: Accounted,
    answers: Mapping[Question, Answer] | None,
    prices: Prices | None = None,
    *,
    prune: bool = False,
    before: Policy | None = None,
) -> Plan:
    """Return the changes that make the account hold what `desired` says, in their order.

    `answers` are those to `questions`; None where nobody was asked. Then what only the platform
    knows is held against nothing, else what it does not say is refused where the stack names what
    it allows.
    With `prices` each change that creates what is charged for has its cost, and training above
    what the stack allows is blocked. With `prune` what a spec that is gone has left behind is
    deleted, as far as it carries the mark of the stack and nothing protects it: neither the record
    itself, nor what the commit before protected (`before`).
    """
    dependents = dependents_of(desired)
    changes, warnings = [], [stray(*found, named=desired.named) for found in observed.strays]
    for address in dependency_order(desired):
        resource, seen = desired[address], observed.resources[address]
        if resource.external:
            changes.append(refer(resource, seen, dependents[address]))
            continue
        if resource.keeping.retained:
            warnings += left_beside(resource, seen)
        change = _decide(resource, seen)
        verdict = _judge(resource, seen, answers or {}, dependents[address])
        if verdict:
            change = _judged(change, verdict)
            warnings += [f for f in verdict.findings if f.severity is Severity.WARNING]
        change = priced(change, desired, prices) if prices else change
        changes.append(told_of_cost(change, desired, observed.resources, prices))
    if prune:
        changes += [pruned(*found, before) for found in observed.strays]
        warnings = [w for w in warnings if w.rule != "stray"]
    kept = allowed(
        changes,
        desired.policy,
        observed.account,
        priced=prices is not None,
        asked=answers is not None,
    )
    return Plan(observed.account, desired.stack, kept, tuple(warnings))


def _decide(resource: Resource, seen: Observed) -> Change:
    """Return what to do for one resource. The order of the cases is from stop to go."""
    kind = kind_of(resource)
    if seen.conflict:
        why, fix = seen.conflict, "rename the spec, or remove what is in its way"
        return blocked(resource, seen, f"{seen.id} is not ours to change", why, fix)
    if seen.health is Health.TERMINATING:
        fix = "apply again once it is over"
        return blocked(resource, seen, f"{seen.id} is {seen.message}", "", fix)
    if seen.health is Health.FAILED and seen.final:
        what = f"{seen.id} {seen.message}"
        return blocked(resource, seen, what, seen.final.why, seen.final.fix)
    if _to_create(seen):
        return _create(kind, resource, seen)
    if seen.health is Health.IN_PROGRESS and (resource.content or resource.recipe):
        return _resume_upload(kind, resource, seen)
    return _keep_or_update(kind, resource, seen)


def _to_create(seen: Observed) -> bool:
    over = seen.health is Health.NOT_FOUND or (seen.health is Health.FAILED and not seen.final)
    return over and not seen.conflict


def _create(kind: Kind, resource: Resource, seen: Observed) -> Change:
    name = f"{kind.collection}/{seen.next_id}"
    remakes = seen.health is Health.FAILED and seen.next_id == seen.id
    if remakes:
        resource = replace(resource, body=kind.anew(resource, seen.record or {}))
    old = superseded(resource, seen)
    restores = _restores(kind, seen)
    retagged = restores and kind.tags(resource.body, seen.record or {})
    fields, before = _create_fields(kind, resource, seen), under_way(kind, seen.earlier)
    steps = [
        *([Step(Verb.TRAIN, name)] if resource.recipe else []),
        *([Step(Verb.DELETE, name)] if remakes else []),
        *superseding(resource, before),
        *([Step(Verb.UNDELETE, name)] if restores else [Step(Verb.CREATE, name)]),
        *([Step(Verb.UPLOAD, name)] if resource.content or resource.recipe else []),
        *([Step(Verb.TAG, name)] if retagged else []),
        *([Step(Verb.PATCH, name)] if restores and fields else []),
        *_proof(kind, name),
        *(Step(Verb.DELETE, earlier) for earlier in old),
    ]
    return change_of(
        resource,
        seen,
        action=Action.REPLACE if old or remakes else Action.CREATE,
        id=seen.next_id,
        reason=_why_create(resource, seen) + _how(resource) + fates(resource, before, seen),
        fields=fields,
        steps=tuple(steps),
        reversible=not (kind.paid and kind.retained),
    )


def _restores(kind: Kind, seen: Observed) -> bool:
    return kind.undeletable and seen.record is not None and seen.health is Health.NOT_FOUND


def _create_fields(kind: Kind, resource: Resource, seen: Observed) -> tuple[FieldChange, ...]:
    if _restores(kind, seen):
        # What comes back from a delete may have had other settings when it went.
        return diff.updates(kind, resource.body, seen.record or {})
    before = seen.earlier[-1] if seen.earlier else None
    shown = (
        diff.since(kind, resource.body, before) if before else diff.creation(kind, resource.body)
    )
    if resource.recipe is None:
        return shown
    return (*diff.deciding(resource.recipe, kind.recall(before or {})), *shown)


def _why_create(resource: Resource, seen: Observed) -> str:
    kind = kind_of(resource)
    if _restores(kind, seen):
        return f"{seen.message}; it is restored"
    if seen.record is not None:
        again = "it is made anew" if seen.next_id == seen.id else f"{seen.next_id} tries again"
        return f"{seen.id} {seen.message}; {again}"
    if seen.earlier:
        return changed_since(resource, seen)
    return "not in the account"


def _how(resource: Resource) -> str:
    recipe = resource.recipe
    return f"; {recipe.trainer} trains it from {recipe.weights}" if recipe else ""


def _resume_upload(kind: Kind, resource: Resource, seen: Observed) -> Change:
    name = f"{kind.collection}/{seen.id}"
    # What was trained elsewhere may not lie here; where it does, training is over at once.
    train = [Step(Verb.TRAIN, name)] if resource.recipe else []
    return change_of(
        resource,
        seen,
        action=Action.UPDATE,
        reason=f"{seen.message}: an upload did not finish",
        steps=(*train, Step(Verb.UPLOAD, name), Step(Verb.WAIT, name)),
    )


def _keep_or_update(kind: Kind, resource: Resource, seen: Observed) -> Change:
    name = f"{kind.collection}/{seen.id}"
    # What an id holds for good is the job's or the model's; a job without PATCH has no updates.
    record = seen.record or {}
    fields = diff.updates(kind, resource.body, record) if kind.patchable else ()
    old = superseded(resource, seen)
    going = seen.health is not Health.CURRENT
    # Whoever made it may have been stopped before it answered; then that is still to be seen.
    unproven = not kind.proven(record)
    paused = going and kind.paused(record)
    tags = tuple(
        FieldChange(f"annotations.{key}", (record.get("annotations") or {}).get(key), value)
        for key, value in kind.tags(resource.body, record).items()
    )
    steps = [
        *([Step(Verb.RESUME, name)] if paused else []),
        *([Step(Verb.TAG, name)] if tags else []),
        *([Step(Verb.PATCH, name)] if fields else []),
        *(_proof(kind, name) if fields or going or old or unproven else []),
        *(Step(Verb.DELETE, earlier) for earlier in old),
    ]
    if old:
        action, reason = Action.REPLACE, f"{seen.message}; what it replaces is still there"
    elif paused:
        action, reason = Action.UPDATE, f"{seen.message}; it is resumed"
    elif fields or tags:
        paths = ", ".join(field.path for field in (*fields, *tags))
        action, reason = Action.UPDATE, f"differs in {paths}"
    elif unproven:
        action, reason = Action.UPDATE, f"{seen.message}, but it has not answered yet"
    else:
        action, reason = Action.NO_OP, f"in place: {seen.message}"
    shown = (*fields, *tags)
    return change_of(resource, seen, action=action, reason=reason, fields=shown, steps=tuple(steps))


def _proof(kind: Kind, name: str) -> list[Step]:
    answer = [Step(Verb.PROBE, name), Step(Verb.MARK, name)] if kind.answers else []
    return [Step(Verb.WAIT, name), *answer]


def _judge(
    resource: Resource,
    seen: Observed,
    answers: Mapping[Question, Answer],
    dependents: Sequence[Resource],
) -> Verdict | None:
    kind = kind_of(resource)
    question = _question(resource, seen)
    if question is None or question not in answers:
        return None
    return kind.judge(resource, answers[question], dependents)


def _judged(change: Change, verdict: Verdict) -> Change:
    """Return the change with what the platform's answer pins, or blocked by what it forbids."""
    errors = tuple(f for f in verdict.findings if f.severity is Severity.ERROR)
    if errors:
        return change.stopped(*errors)
    if change.resource is None:
        return change
    pinned = replace(
        change.resource,
        body={**change.resource.body, **verdict.pins},
        options={**change.resource.options, **verdict.known},
    )
    if not any(step.verb is Verb.CREATE for step in change.steps):
        return replace(change, resource=pinned)  # Only for the case that there is none to restore.
    shown = (FieldChange(p, None, v, "pinned by the plan") for p, v in verdict.pins.items())
    return replace(change, resource=pinned, fields=(*change.fields, *shown))
