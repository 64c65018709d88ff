"""A plan in a file: what was reviewed, in a form in which it can be carried out later.

It holds the rendered desired state, so that no spec, no values file and no commit is needed any
more, and for each change what was to be written and on what that rested. When it is applied, a
new plan is made from that state; a change that would now write something else than was reviewed
is held, and the rest goes on.

The checksum is against accidents, not against an attacker: whoever may write the file may write
another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dpo_ops import __version__
from dpo_ops.errors import Place, PlanError
from dpo_ops.planner.approval import Approved, approvals
from dpo_ops.planner.approval import hold as held_to
from dpo_ops.planner.change import Action, Plan
from dpo_ops.planner.document import bound, document
from dpo_ops.resource import (
    Accepted,
    Address,
    Content,
    Json,
    Keeping,
    Policy,
    Recipe,
    Resource,
    State,
    Tokens,
    digest,
)

FORMAT = "dpo-ops saved plan"
VERSION = 1
_AGAIN = "make a new one with `dpo-ops plan --out`"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file says: the account and the state that were planned for, and what was approved.

    `approved` holds, by address, what each change was to do and on what that rested. `made_from`
    are the words of the command line that named the specs; empty where they are not known.
    """

    account: str
    fingerprint: str
    desired: State
    approved: Mapping[str, Mapping[str, Json]]
    made_from: tuple[str, ...] = ()

    @property
    def approvals(self) -> Approved:
        """What each change was approved to do, in the form that a plan is held to."""
        return approvals(self.approved, self.desired)

    @property
    def prunes(self) -> bool:
        """Whether it deletes what no spec describes any more."""
        return any(said["action"] == Action.DELETE for said in self.approved.values())


def save(
    plan: Plan,
    desired: State,
    made_from: Sequence[str] = (),
    *,
    mask: Callable[[str], str] = str,
) -> dict[str, Any]:
    """Return the plan as a JSON object for a file.

    `made_from` are the words of the command line that named the specs. `mask` hides secrets in
    what is only there to be read. What is carried out is as it is.
    """
    said = {
        "format": FORMAT,
        "version": VERSION,
        "major": _major(),
        "madeFrom": list(made_from),
        "plan": _masked(document(plan), mask),
        "approved": {str(change.address): bound(change) for change in plan.changes},
        "desired": {
            "stack": desired.stack,
            "named": desired.named,
            "policy": asdict(desired.policy),
            "resources": [_resource(resource) for resource in desired.values()],
        },
    }
    return {**said, "checksum": _checksum(said)}


def restore(said: Json) -> Saved:
    """Return what a file says.

    Raises:
        PlanError: it is no saved plan, was edited or cut short, or another version wrote it.
    """
    if not isinstance(said, Mapping) or said.get("format") != FORMAT:
        raise PlanError("the file is no saved plan", fix=_AGAIN)
    if said.get("version") != VERSION or said.get("major") != _major():
        tool = (said.get("plan") or {}).get("tool")
        why = f"it was written by {tool}, this is dpo-ops {__version__}"
        raise PlanError("the plan is of another version", why=why, fix=_AGAIN)
    if said.get("checksum") != _checksum({k: v for k, v in said.items() if k != "checksum"}):
        why = "its checksum is not that of what it holds: it was edited, or is not whole"
        raise PlanError("the plan is not as it was written", why=why, fix=_AGAIN)
    wanted = said["desired"]
    resources = [_restored(one) for one in wanted["resources"]]
    return Saved(
        account=said["plan"]["account"],
        fingerprint=said["plan"]["fingerprint"],
        desired=State(
            {resource.address: resource for resource in resources},
            stack=wanted["stack"],
            named=wanted.get("named", False),
            policy=_policy(wanted["policy"]),
        ),
        approved=said["approved"],
        made_from=tuple(map(str, said.get("madeFrom", ()))),
    )


def hold(fresh: Plan, saved: Saved) -> Plan:
    """Return the plan with each change held that would now do something that was not approved.

    Raises:
        PlanError: the plan is for another account.
    """
    if fresh.account != saved.account:
        why = f"it was made for {saved.account}, this is {fresh.account}"
        raise PlanError("the plan is for another account", why=why, fix=_AGAIN)
    return held_to(fresh, saved.desired, [saved.approvals])


def _major() -> str:
    return __version__.partition(".")[0]


def _checksum(said: Mapping[str, Json]) -> str:
    return f"sha256:{digest(said)}"


def _masked(value: Json, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _masked(inner, mask) for key, inner in value.items()}
    return [_masked(one, mask) for one in value] if isinstance(value, list | tuple) else value


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        **asdict(resource),
        "address": str(resource.address),
        "needs": [str(need) for need in resource.needs],
        "place": _place(resource.place),
        "places": {path: _place(place) for path, place in resource.places.items()},
    }


def _place(place: Place | None) -> list[Json] | None:
    return [place.file, place.line, place.column] if place else None


def _restored(said: Mapping[str, Json]) -> Resource:
    recipe = said["recipe"]
    if recipe:
        recipe = Recipe(**{**recipe, "pairs": _content(recipe["pairs"])})
    return Resource(
        **{
            **said,
            "address": _address(said["address"]),
            "needs": tuple(_address(need) for need in said["needs"]),
            "content": _content(said["content"]),
            "place": Place(*said["place"]) if said["place"] else None,
            "places": {path: Place(*place) for path, place in said["places"].items()},
            "recipe": recipe,
            "keeping": Keeping(**said["keeping"]),
        }
    )


def _content(said: Mapping[str, Json] | None) -> Content | None:
    if said is None:
        return None
    return Content(**{**said, "tokens": Tokens(**said["tokens"]) if said["tokens"] else None})


def _policy(said: Mapping[str, Json]) -> Policy:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    return Policy(**{**values, "accepted": tuple(Accepted(**one) for one in values["accepted"])})


def _address(text: str) -> Address:
    kind, _, name = text.partition("/")
    return Address(kind, name)
