"""Plans in files: written whole or not at all, and read back with doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from dpo_ops.cli.desired import in_account, load_saved
from dpo_ops.errors import Finding, PlanError, SpecError
from dpo_ops.loader import Loaded
from dpo_ops.pairs.atomic import written
from dpo_ops.planner.document import bound
from dpo_ops.planner.saved import save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.cli.masks import Masks
    from dpo_ops.cli.options import Specs
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.planner import Plan
    from dpo_ops.planner.saved import Saved
    from dpo_ops.resource import Json, Resource, State

_SPECS = (".yaml", ".yml")
_RULE = "secret"
_WHY = "a saved plan would hold it, and what is masked there can't be carried out"
_REVOKE = "and revoke it: whoever can read that has it"
_TAKE_OUT = f"refer to it as {{secretRef: {{env: NAME}}}}, or leave it out, {_REVOKE}"


def write_plan(
    screen: Screen,
    path: Path,
    proposed: Plan,
    desired: Loaded,
    client: Client,
    made_from: Sequence[str],
) -> None:
    """Write the plan to `path`, over one that is there.

    `made_from` are the words that named the specs, by which they can be planned again.

    Raises:
        SpecError: the specs say a secret instead of where it is. To hide it in the file would
            change what is carried out later, so there is no file.
        PlanError: the account says it where the plan rests on it.
        DpoOpsError: it can't be written.
    """
    wanted = in_account(desired, client)
    _check_secrets(screen.masks, wanted, proposed)
    said = save(proposed, wanted, made_from, mask=screen.masks)
    with written([path], force=True) as (file,):
        file.write(json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")


def _check_secrets(masks: Masks, wanted: State, proposed: Plan) -> None:
    findings = [
        _in_spec(resource, path, name)
        for resource in wanted.values()
        for path, text in _texts(asdict(resource))
        if (name := masks.found(text))
    ]
    findings += [
        Finding("Stack", f"{path} holds the value of {name}", _WHY, _TAKE_OUT, _RULE)
        for path, text in _texts(asdict(wanted.policy))
        if (name := masks.found(text))
    ]
    if findings:
        raise SpecError(findings)
    for change in proposed.changes:
        before = {field.path: field.before for field in change.fields}
        for path, text in _texts({**before, "plan": bound(change)}):
            if name := masks.found(text):
                raise PlanError(
                    f"the account holds the value of {name}",
                    where=f"{change.address} {path}",
                    why=_WHY,
                    fix=f"take it out of the account, {_REVOKE}",
                )


def _in_spec(resource: Resource, path: str, name: str) -> Finding:
    field = path.partition(".")[2] or path
    # Some of what a spec says stands elsewhere in the resource, by the end of its path.
    said = next((one for one in resource.places if f".{one}".endswith(f".{field}")), field)
    what = f"{resource.address}: {said} holds the value of {name}"
    return Finding(resource.where(said), what, _WHY, _TAKE_OUT, _RULE)


def _texts(value: Json, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a value with its dotted path, and the names of fields as well."""
    if isinstance(value, str):
        yield above, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            path = f"{above}.{key}" if above else str(key)
            yield path, str(key)
            yield from _texts(inner, path)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{above}.{number}" if above else str(number))


def saved_plan(screen: Screen, specs: Specs) -> Saved | None:
    """Return the plan where the one path is a file of a plan; None where it is of specs.

    Errors: PlanError where it can't be used.
    """
    if len(specs.paths) != 1 or not specs.paths[0].is_file():
        return None
    path = specs.paths[0]
    if path.suffix.lower() in _SPECS:
        return None
    if specs.values:
        raise PlanError(
            "--values can't be given with a saved plan",
            where=str(path),
            why="its templates were rendered when it was made",
            fix="leave --values out",
        )
    try:
        return load_saved(screen, path.read_bytes())
    except ValueError as error:
        raise PlanError(
            "the file is no saved plan, or not whole",
            where=str(path),
            why=str(error),
            fix="make a new one with `dpo-ops plan --out`; specs have names that end in .yaml",
        ) from error
    except PlanError as error:
        raise PlanError(error.what, where=str(path), why=error.why, fix=error.fix) from error


def as_loaded(saved: Saved) -> Loaded:
    """Return the desired state of a saved plan as if it had been read from specs."""
    return Loaded(saved.desired, saved.desired.stack, saved.account, (), ())
