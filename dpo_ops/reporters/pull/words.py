"""What the parts of a comment have in common: texts kept short, and what each change is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.planner import Verb
from dpo_ops.planner.spending import creates
from dpo_ops.reporters.markdown import code, coded, defused
from dpo_ops.reporters.plan_words import Mark, marks
from dpo_ops.reporters.style import elide
from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.planner import Change, Plan
    from dpo_ops.reporters.style import Style

_NAME, _SENTENCE = 100, 600
"""Characters of a name, and of a sentence, that are shown."""

HALTED = (Mark.BLOCKED, Mark.SKIPPED)


def name(text: object, style: Style) -> str:
    """Return a name as code, no longer than a line."""
    return code(elide(style.clean(text), _NAME), style)


def titled_name(text: object, style: Style) -> str:
    """Return a name as code in the title of a fold."""
    return coded(elide(style.clean(text), _NAME), style)


def said(text: object, style: Style) -> str:
    """Return a sentence from outside as text."""
    return defused(elide(style.clean(text), _SENTENCE), style)


def trains(change: Change) -> bool:
    """Say whether a change trains a model, on the platform or on one's own compute."""
    made_here = change.resource is not None and change.resource.recipe is not None
    return creates(change) and (made_here or change.kind.trains)


def trained(plan: Plan) -> list[Change]:
    """Return the changes that train a model when the plan is carried out."""
    found = marks(plan)
    return [c for c in plan.changes if found[c.address] not in HALTED and trains(c)]


def deleted(plan: Plan) -> Iterator[tuple[Change, str, bool]]:
    """Yield what goes: by which change, its id, and whether only once the new one answers."""
    found = marks(plan)
    for change in plan.changes:
        if found[change.address] not in HALTED:
            yield from ((change, gone, proven) for gone, proven in removed(change))


def removed(change: Change) -> list[tuple[str, bool]]:
    """Return the ids that go by one change, and whether only once the new one answers."""
    proven = any(step.verb is Verb.PROBE for step in change.steps)
    names = (last_segment(step.name) for step in change.steps if step.verb is Verb.DELETE)
    return [(gone, proven) for gone in dict.fromkeys(names)]
