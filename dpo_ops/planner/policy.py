"""What a stack allows, as findings on the changes of a plan; nothing here asks or decides more."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding
from dpo_ops.kinds.facts import fact
from dpo_ops.planner.change import Action, Verb
from dpo_ops.planner.spending import creates, within
from dpo_ops.resource import Health, qualify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dpo_ops.planner.change import Change
    from dpo_ops.resource import Policy


def allowed(
    changes: Sequence[Change], policy: Policy, account: str, *, priced: bool, asked: bool
) -> tuple[Change, ...]:
    """Return the changes in `account`, those blocked that the policy forbids.

    `priced` says that costs are known as far as they can be; without that none is compared.
    `asked` says that the platform was asked what it alone knows: what is not known then is refused.
    """
    kept = within(changes, policy.max_cost if priced else None)
    kept = tuple(
        _refused(change, list(_objections(change, policy, account, asked=asked))) for change in kept
    )
    return _few_deletes(kept, policy)


def _objections(change: Change, policy: Policy, account: str, *, asked: bool) -> Iterator[Finding]:
    if creates(change):
        yield from _base_model(change, policy, account)
    if policy.accelerators:
        yield from _accelerator(change, policy.accelerators, asked=asked)
    if change.action is Action.DELETE and policy.protects(change.address):
        where = change.where()
        why = "protected in the Stack names it"
        fix = "take it out of protected in a commit of its own, then delete it"
        yield Finding(where, f"{change.address} is protected", why, fix, "protected")


def _base_model(change: Change, policy: Policy, account: str) -> Iterator[Finding]:
    base = change.resource.options.get("base") if change.resource else None
    if base is None or not policy.base_models:
        return
    # A pattern may name the account, or say `accounts/-/` for whichever it is.
    name = qualify(base, account)
    if not any(_matches(spelling, policy.base_models) for spelling in (base, name)):
        why = f"baseModels in the Stack allows {', '.join(policy.base_models)}"
        where = change.where("trainingConfig.baseModel", "model")
        fix = "take one of those, or have the Stack changed"
        yield Finding(where, f"{name} is not an allowed base model", why, fix, "base-model")


def _accelerator(change: Change, patterns: Sequence[str], *, asked: bool) -> Iterator[Finding]:
    """Yield what speaks against the hardware on which a change would have something run."""
    resource, paths = change.resource, (_GPU, _SHAPE)
    chosen = paths if creates(change) else {field.path for field in change.fields} & {*paths}
    if resource is None or not chosen or fact(change.kind, _GPU) is None:
        return
    said, answered = resource.body.get(_GPU), resource.options.get(_GPU)
    # What a spec says beside a shape that nobody could see may not be what that runs on.
    sure = answered or (said and not (resource.body.get(_SHAPE) and _SHAPE in chosen))
    gpus = [str(gpu) for gpu in (said, answered) if gpu]
    why, where = f"accelerators in the Stack allows {', '.join(patterns)}", change.where(*paths)
    if bad := next((gpu for gpu in gpus if not _matches(gpu, patterns)), ""):
        fix = f"name an {_GPU} or a {_SHAPE} with one of those"
        yield Finding(where, f"{bad} is not an allowed accelerator", why, fix, "accelerator")
    elif asked and not sure:
        what = f"which accelerator {change.address} would run on is not known"
        fix = f"name an {_GPU} instead of a {_SHAPE}"
        where = change.where(_SHAPE, _GPU)
        yield Finding(where, what, why, fix, "accelerator")


_GPU, _SHAPE = "acceleratorType", "deploymentShape"


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _refused(change: Change, findings: list[Finding]) -> Change:
    return change if not findings or change.blocked else change.stopped(*findings)


def _few_deletes(changes: tuple[Change, ...], policy: Policy) -> tuple[Change, ...]:
    """Block all deletions where there are more than the policy allows, in number or in share.

    What a new generation replaces is not counted: the spec is still there.
    """
    deleted = [change for change in changes if change.action is Action.DELETE]
    there = sum(c.health is not Health.NOT_FOUND or c.action is Action.DELETE for c in changes)
    share = len(deleted) / there if there else 0.0
    why = ""
    if policy.max_deletes is not None and len(deleted) > policy.max_deletes:
        why = f"deletions.max in the Stack is {policy.max_deletes}"
    elif policy.max_delete_share is not None and share > policy.max_delete_share:
        why = f"deletions.maxShare in the Stack is {policy.max_delete_share:.0%} of what is there"
    if not why:
        return changes
    what = f"{len(deleted)} of {there} resources would be deleted"
    fix = "delete fewer at a time, or have the Stack changed"
    return tuple(
        _refused(c, [Finding(c.where(), what, why, fix, "deletions")])
        if c.action is Action.DELETE and any(step.verb is Verb.DELETE for step in c.steps)
        else c
        for c in changes
    )
