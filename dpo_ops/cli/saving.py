"""Plans in files: written whole or not at all, and read back with doubt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dpo_ops.cli.desired import in_account
from dpo_ops.errors import PlanError
from dpo_ops.loader import Loaded
from dpo_ops.pairs.atomic import written
from dpo_ops.planner.saved import restore, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.cli.options import Specs
    from dpo_ops.client import Client
    from dpo_ops.planner import Plan
    from dpo_ops.planner.saved import Saved

_SPECS = (".yaml", ".yml")


def write_plan(
    path: Path, proposed: Plan, desired: Loaded, client: Client, made_from: Sequence[str]
) -> None:
    """Write the plan to `path`, over one that is there. Errors: DpoOpsError.

    `made_from` are the words that named the specs, by which they can be planned again.
    """
    said = save(proposed, in_account(desired, client), made_from)
    with written([path], force=True) as (file,):
        file.write(json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")


def saved_plan(specs: Specs) -> Saved | None:
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
        return restore(json.loads(path.read_bytes()))
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
