"""A spec against its model: what pydantic objects to, in plain words and at the right place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dpo_ops.errors import Finding
from dpo_ops.loader import complaints
from dpo_ops.loader.findings import MAX_PER_FILE
from dpo_ops.loader.shape import Trail
from dpo_ops.loader.tree import BROKEN, entry_at, nearest, places, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpo_ops.errors import Place
    from dpo_ops.kinds.facts import Field, Problem
    from dpo_ops.loader.complaints import Complaint
    from dpo_ops.loader.findings import Log
    from dpo_ops.loader.tree import Entry

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class _Fault:
    """One error of pydantic: its type, what it says of itself, and where it is."""

    type: str
    context: dict[str, Any]
    message: str
    trail: Trail

    @property
    def path(self) -> tuple[str | int, ...]:
        return tuple(self.trail.path)

    @property
    def wrong_member(self) -> bool:
        """Whether it only says that a value is not this member of a union."""
        return len(self.path) == self.trail.union and self.type.endswith("_type")


def validate(
    model: type[M], spec: Entry, rows: Sequence[Field], log: Log, *, complete: bool = True
) -> M | None:
    """Return the checked spec, or None after reporting what is wrong with it.

    `rows` are the fields of the kind, to say why one can't be set. With `complete` False, the
    defaults are not known, and so a field that is left out is not reported.
    """
    try:
        return model.model_validate(plain(spec.node))
    except ValidationError as error:
        faults = _narrow(model, [_fault(model, detail) for detail in _details(error)])
    guesses: set[tuple[str | int, ...]] = set()
    complaints_of = {id(f): _complain(model, f, spec, rows, guesses) for f in faults}
    for fault in faults:
        found, complaint = entry_at(spec, fault.path), complaints_of[id(fault)]
        silent = fault.type == "missing" and (not complete or fault.path in guesses)
        if silent or (found and found.node.value is BROKEN):
            continue
        where = _place(fault, spec, found)
        log.report(where, complaint.what, complaint.why, complaint.fix, rule=complaint.rule)
    return None


def _details(error: ValidationError) -> Iterable[Any]:
    return islice(error.errors(include_url=False, include_input=False), MAX_PER_FILE + 1)


def _fault(model: type[BaseModel], detail: Any) -> _Fault:
    context = detail.get("ctx", {})
    return _Fault(detail["type"], context, detail["msg"], Trail(model, detail["loc"]))


def _narrow(model: type[BaseModel], faults: list[_Fault]) -> list[_Fault]:
    """Reduce what is said about a union: pydantic reports each member that a value is not."""
    telling = {f.path[: f.trail.union] for f in faults if _in_union(f) and not f.wrong_member}
    kept: list[_Fault] = []
    for fault in faults:
        if not fault.wrong_member:
            kept.append(fault)
        elif fault.path not in telling:
            telling.add(fault.path)
            trail = Trail(model, fault.path)
            kept.append(_Fault("union_type", {}, "", trail))
    return kept


def _in_union(fault: _Fault) -> bool:
    return fault.trail.union is not None


def _complain(
    model: type[BaseModel],
    fault: _Fault,
    spec: Entry,
    rows: Sequence[Field],
    guesses: set[tuple[str | int, ...]],
) -> Complaint:
    trail, found = fault.trail, entry_at(spec, fault.path)
    if trail.secret is not None:
        return complaints.secret(trail)
    if fault.type == "extra_forbidden":
        complaint, guess = complaints.unknown(model, trail, rows)
        guesses.update(guess[:length] for length in range(1, len(guess) + 1))
        return complaint
    value = plain(found.node) if found else None
    return complaints.about(fault.type, fault.context, fault.message, trail, value)


def _place(fault: _Fault, spec: Entry, found: Entry | None) -> Place:
    if fault.trail.secret is not None:
        return nearest(spec, fault.path[: fault.trail.secret])
    if fault.type == "extra_forbidden" and found:
        return found.key_place
    return nearest(spec, fault.path)


def report(problems: Iterable[Problem], spec: Entry, log: Log) -> None:
    """Report what a kind's own check says, each where its dotted path stands."""
    for problem in problems:
        what = f"{problem.path} {problem.what}"
        where = _dotted(spec, problem.path)
        finding = Finding(where, what, problem.why, problem.fix, "check", problem.severity)
        log.add(finding)


def _dotted(spec: Entry, path: str) -> Place:
    known = dict(places(spec))
    while path:
        if path in known:
            return known[path]
        path = path.rpartition(".")[0]
    return spec.place
