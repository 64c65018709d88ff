"""From desired and observed to changes: one decision a resource, each with its reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds import kind_of
from dpo_ops.planner import diff
from dpo_ops.planner.change import Action, Change, FieldChange, Plan, Step, Verb
from dpo_ops.planner.order import dependency_order
from dpo_ops.planner.spending import priced, within
from dpo_ops.resource import Health, last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.kinds.facts import Answer, Kind, Question, Verdict
    from dpo_ops.kinds.pricing import Prices
    from dpo_ops.resource import Address, Json, Observed, Resource, State


@dataclass(frozen=True, slots=True)
class Accounted:
    """What one account holds for each wanted address."""

    account: str
    resources: Mapping[Address, Observed]
    strays: tuple[tuple[Address, str], ...] = ()
    """What carries the mark of the stack and costs money, yet no spec describes: address and id."""


def questions(desired: State, observed: Accounted) -> frozenset[Question]:
    """Return what must be asked of the platform before anything is spent.

    Only what is about to be created raises a question, so a plan over an account that is in
    sync asks nothing.
    """
    asked = (
        _kind(resource).asks(resource)
        for address, resource in desired.items()
        if _to_create(observed.resources[address])
    )
    return frozenset(question for question in asked if question)


def plan(
    desired: State,
    observed: Accounted,
    answers: Mapping[Question, Answer],
    prices: Prices | None = None,
) -> Plan:
    """Return the changes that make the account hold what `desired` says, in their order.

    With `prices` each change that creates what is charged for has its cost, and training above
    what the stack allows is blocked.
    """
    dependents = _dependents(desired)
    changes, warnings = [], [_stray(*found) for found in observed.strays]
    for address in dependency_order(desired):
        resource, seen = desired[address], observed.resources[address]
        change = _decide(resource, seen)
        verdict = _judge(resource, seen, answers, dependents[address])
        if verdict:
            change = _judged(change, verdict)
            warnings += [f for f in verdict.findings if f.severity is Severity.WARNING]
        changes.append(priced(change, desired, prices) if prices else change)
    kept = within(changes, desired.max_cost if prices else None)
    return Plan(observed.account, desired.stack, kept, tuple(warnings))


def _stray(address: Address, id_: str) -> Finding:
    return Finding(
        str(address),
        f"{id_} carries the mark of this stack, and no spec describes it",
        "it goes on costing money",
        "bring its spec back, and remove it with `dpo-ops destroy`, or delete it by hand",
        severity=Severity.WARNING,
    )


def teardown(desired: State, observed: Accounted, *, everything: bool = False) -> Plan:
    """Return the changes that remove what the specs describe, dependents first.

    What was expensive to make is kept unless `everything` is asked for.
    """
    dependents = _dependents(desired)
    changes = []
    for address in reversed(dependency_order(desired)):
        change = _remove(desired[address], observed.resources[address], everything=everything)
        first = tuple(dependent.address for dependent in dependents[address])
        changes.append(replace(change, needs=first))
    return Plan(observed.account, desired.stack, tuple(changes))


def _decide(resource: Resource, seen: Observed) -> Change:
    """Return what to do for one resource. The order of the cases is from stop to go."""
    kind = _kind(resource)
    if seen.conflict:
        why, fix = seen.conflict, "rename the spec, or remove what is in its way"
        return _blocked(resource, seen, f"{seen.id} is not ours to change", why, fix)
    if seen.health is Health.TERMINATING:
        fix = "apply again once it is over"
        return _blocked(resource, seen, f"{seen.id} is {seen.message}", "", fix)
    if seen.health is Health.FAILED and seen.final:
        what = f"{seen.id} {seen.message}"
        return _blocked(resource, seen, what, seen.final.why, seen.final.fix)
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
    superseded = _superseded(kind, seen)
    restores = _restores(kind, seen)
    remakes = seen.health is Health.FAILED and seen.next_id == seen.id
    steps = [
        *([Step(Verb.TRAIN, name)] if resource.recipe else []),
        *([Step(Verb.DELETE, name)] if remakes else []),
        *_superseding(kind, resource, seen),
        *([Step(Verb.UNDELETE, name)] if restores else [Step(Verb.CREATE, name)]),
        *([Step(Verb.UPLOAD, name)] if resource.content or resource.recipe else []),
        *([Step(Verb.PATCH, name)] if restores and _create_fields(kind, resource, seen) else []),
        *_proof(kind, name),
        *(Step(Verb.DELETE, old) for old in superseded),
    ]
    return _change(
        resource,
        seen,
        action=Action.REPLACE if superseded or remakes else Action.CREATE,
        id=seen.next_id,
        reason=_why_create(kind, seen) + _how(resource) + _sunk(kind, resource, seen),
        fields=_create_fields(kind, resource, seen),
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


def _why_create(kind: Kind, seen: Observed) -> str:
    if _restores(kind, seen):
        return f"{seen.message}; it is restored"
    if seen.record is not None:
        again = "it is made anew" if seen.next_id == seen.id else f"{seen.next_id} tries again"
        return f"{seen.id} {seen.message}; {again}"
    if seen.earlier:
        before = last_segment(seen.earlier[-1]["name"])
        fate = "goes once the new one answers" if kind.supersedes else "is kept"
        return f"changed since {before}, which {fate}"
    return "not in the account"


def _how(resource: Resource) -> str:
    recipe = resource.recipe
    return f"; {recipe.trainer} trains it from {recipe.weights}" if recipe else ""


def _superseding(kind: Kind, resource: Resource, seen: Observed) -> list[Step]:
    """Return what happens first to an earlier generation that is still being made."""
    policy = resource.options.get("onSupersede")
    verb = {"cancel": Verb.CANCEL, "finish": Verb.WAIT}.get(str(policy))
    running = [f"{kind.collection}/{last_segment(r['name'])}" for r in _running(kind, seen)]
    return [Step(verb, name) for name in running] if verb else []


def _running(kind: Kind, seen: Observed) -> list[Mapping[str, Json]]:
    return [r for r in seen.earlier if kind.health(r)[0] is Health.IN_PROGRESS]


_FATES = {"cancel": "is cancelled first", "finish": "is waited for first"}


def _sunk(kind: Kind, resource: Resource, seen: Observed) -> str:
    """Say what becomes of an earlier generation under way: what it has cost is not given back."""
    if not kind.paid:
        return ""
    fate = _FATES.get(str(resource.options.get("onSupersede")), "goes on beside it")
    return "".join(
        f"; {last_segment(r['name'])}, which has been running since {r.get('createTime')} and is"
        f" paid for so far, {fate}"
        for r in _running(kind, seen)
    )


def _resume_upload(kind: Kind, resource: Resource, seen: Observed) -> Change:
    name = f"{kind.collection}/{seen.id}"
    # What was trained elsewhere may not lie here; where it does, training is over at once.
    train = [Step(Verb.TRAIN, name)] if resource.recipe else []
    return _change(
        resource,
        seen,
        action=Action.UPDATE,
        reason=f"{seen.message}: an upload did not finish",
        steps=(*train, Step(Verb.UPLOAD, name), Step(Verb.WAIT, name)),
    )


def _keep_or_update(kind: Kind, resource: Resource, seen: Observed) -> Change:
    name = f"{kind.collection}/{seen.id}"
    # What an id holds for good is the job's or the model's; a job without PATCH has no updates.
    fields = diff.updates(kind, resource.body, seen.record or {}) if kind.patchable else ()
    superseded = _superseded(kind, seen)
    going = seen.health is not Health.CURRENT
    # Whoever made it may have been stopped before it answered; then that is still to be seen.
    unproven = not kind.proven(seen.record or {})
    paused = going and kind.paused(seen.record or {})
    steps = [
        *([Step(Verb.RESUME, name)] if paused else []),
        *([Step(Verb.PATCH, name)] if fields else []),
        *(_proof(kind, name) if fields or going or superseded or unproven else []),
        *(Step(Verb.DELETE, old) for old in superseded),
    ]
    if superseded:
        action, reason = Action.REPLACE, f"{seen.message}; what it replaces is still there"
    elif paused:
        action, reason = Action.UPDATE, f"{seen.message}; it is resumed"
    elif fields:
        action, reason = Action.UPDATE, "differs in " + ", ".join(f.path for f in fields)
    elif unproven:
        action, reason = Action.UPDATE, f"{seen.message}, but it has not answered yet"
    else:
        action, reason = Action.NO_OP, f"in place: {seen.message}"
    return _change(resource, seen, action=action, reason=reason, fields=fields, steps=tuple(steps))


def _proof(kind: Kind, name: str) -> list[Step]:
    answer = [Step(Verb.PROBE, name), Step(Verb.MARK, name)] if kind.answers else []
    return [Step(Verb.WAIT, name), *answer]


def _superseded(kind: Kind, seen: Observed) -> list[str]:
    if not kind.supersedes:
        return []
    return [f"{kind.collection}/{last_segment(record['name'])}" for record in seen.earlier]


def _remove(resource: Resource, seen: Observed, *, everything: bool) -> Change:
    kind = _kind(resource)
    names = [*seen.names, *_superseded(kind, seen)]
    if seen.conflict:
        names = []
        reason = f"left alone: {seen.conflict}"
    elif not names and seen.health is not Health.NOT_FOUND:
        reason = "left alone: it does not carry the mark of this stack"
    elif not names:
        reason = "not in the account"
    elif kind.retained and not everything:
        names = []
        reason = f"kept: {kind.retained}"
    else:
        reason = "destroy was asked for"
    return _change(
        resource,
        seen,
        action=Action.DELETE if names else Action.NO_OP,
        id=last_segment(names[0]) if names else seen.id,
        reason=reason,
        steps=tuple(Step(Verb.DELETE, name) for name in names),
        reversible=not names or kind.undeletable,
    )


def _blocked(resource: Resource, seen: Observed, what: str, why: str, fix: str) -> Change:
    where = resource.place or str(resource.address)
    finding = Finding(where, what, why, fix)
    return _change(resource, seen, action=Action.NO_OP, reason=what, blocked=(finding,))


def _change(resource: Resource, seen: Observed, **said: object) -> Change:
    start = Change(
        address=resource.address,
        action=Action.NO_OP,
        id=seen.id,
        reason="",
        health=seen.health,
        resource=resource,
        needs=resource.needs,
        record=seen.record,
    )
    return replace(start, **said)  # type: ignore[arg-type]  # -- replace() checks the names


def _judge(
    resource: Resource,
    seen: Observed,
    answers: Mapping[Question, Answer],
    dependents: Sequence[Resource],
) -> Verdict | None:
    kind = _kind(resource)
    question = kind.asks(resource) if _to_create(seen) else None
    if question is None or question not in answers:
        return None
    return kind.judge(resource, answers[question], dependents)


def _judged(change: Change, verdict: Verdict) -> Change:
    """Return the change with what the platform's answer pins, or blocked by what it forbids."""
    errors = tuple(f for f in verdict.findings if f.severity is Severity.ERROR)
    if errors:
        return replace(
            change, action=Action.NO_OP, steps=(), fields=(), reason=errors[0].what, blocked=errors
        )
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


def _dependents(desired: State) -> dict[Address, list[Resource]]:
    found: dict[Address, list[Resource]] = defaultdict(list)
    for resource in desired.values():
        for need in resource.needs:
            found[need].append(resource)
    return found


def _kind(resource: Resource) -> Kind:
    return kind_of(resource)
