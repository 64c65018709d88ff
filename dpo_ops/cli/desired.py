"""What is wanted, whatever says so: the specs, what they said in a commit, or a saved plan.

Nothing else of the command line reads any of these, so nothing is wanted by a command whose
secrets the screen does not know: it is told of each before anything is printed. A test holds
the command line to it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops import loader, resource
from dpo_ops.cli.options import Specs
from dpo_ops.cli.places import OURS, keep_out_of_git
from dpo_ops.errors import DpoOpsError, SettingsError
from dpo_ops.kinds.values import secret_variable
from dpo_ops.loader.at_revision import load_at, releases
from dpo_ops.pairs.cache import Cache
from dpo_ops.planner import Verb
from dpo_ops.planner.saved import restore

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.loader import Loaded
    from dpo_ops.loader.repository import Repository
    from dpo_ops.planner import Change, Plan
    from dpo_ops.planner.releases import Commit, Release
    from dpo_ops.planner.saved import Saved
    from dpo_ops.resource import Json, State

_USUAL = Specs((Path("specs"),), ())
_CACHE = Path(OURS) / "pairs.json"
"""What was found in files of pairs, so that those that have not changed are not read again."""
_SENDING = (Verb.CREATE, Verb.PATCH)
"""The verbs whose requests carry a body, and with it the secrets."""


def load(screen: Screen, specs: Specs, *, count_tokens: bool = False) -> Loaded:
    """Return the desired state. Errors: SpecError with all that is wrong.

    For a plan that tells its cost, the tokens of its pairs are counted.
    """
    desired = loader.load(
        specs.paths,
        values=specs.values,
        git=partial(loader.git_facts, _beside(specs.paths[0])),
        count_tokens=count_tokens,
        today=datetime.now(UTC).date(),
        cache=known_files(),
        on_secret=screen.hide,
    )
    with suppress(OSError):
        if _CACHE.exists():
            keep_out_of_git(_CACHE.parent)
    return desired


def load_commit(screen: Screen, specs: Specs, repository: Repository, commit: Commit) -> Loaded:
    """Return the desired state as it was at a commit. Errors: DpoOpsError."""
    return load_at(repository, commit, specs.paths, values=specs.values, on_secret=screen.hide)


def load_commits(
    screen: Screen, specs: Specs, repository: Repository, limit: int | None
) -> tuple[Release, ...]:
    """Return what the last commits wanted, the newest first. Errors: DpoOpsError."""
    return releases(
        repository, specs.paths, values=specs.values, limit=limit, on_secret=screen.hide
    )


def load_saved(screen: Screen, data: bytes) -> Saved:
    """Return what a saved plan says. Errors: PlanError, ValueError where it is no JSON."""
    saved = restore(json.loads(data))
    for wanted in saved.desired.values():
        for variable in variables(wanted.body):
            screen.hide(variable)
    return saved


def hide_secrets(screen: Screen, specs: Specs = _USUAL) -> None:
    """Let the screen know the secrets that the specs name, for a command that wants nothing.

    Whether there are specs, and whether they are right, does not matter to it.
    """
    with suppress(DpoOpsError):
        loader.load(specs.paths, values=specs.values, recall=lambda _: None, on_secret=screen.hide)


def known_files() -> Cache:
    """Return what is remembered of files of pairs."""
    return Cache(_CACHE, now=time.time_ns)


def _beside(path: Path) -> Path:
    """Return the folder whose repository templates are told of: that of the specs."""
    return path.parent if path.is_file() else path


def in_account(desired: Loaded, client: Client) -> State:
    """Return what is wanted of the account that `client` reaches."""
    return resource.in_account(desired.state, client.account)


def variables(value: Json) -> Iterator[str]:
    """Yield the environment variables that a value refers to as secrets."""
    if variable := secret_variable(value):
        yield variable
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from variables(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from variables(inner)


def secrets(proposed: Plan) -> Callable[[str], str]:
    """Return the function that reads a secret; each one that will be sent is there.

    Errors: SettingsError before anything is sent, naming every one that is missing.
    """
    missing = [
        (change, variable)
        for change in proposed.changes
        if _sends(change) and change.resource
        for variable in variables(change.resource.body)
        if not os.environ.get(variable)
    ]
    if missing:
        names = sorted({variable for _, variable in missing})
        raise SettingsError(
            f"not set in the environment: {', '.join(names)}",
            where=", ".join(sorted({str(change.address) for change, _ in missing})),
            why="the specs take secrets from there, and nothing is sent without them",
            fix="set them and run the same command again",
        )
    return os.environ.__getitem__


def _sends(change: Change) -> bool:
    return any(step.verb in _SENDING for step in change.steps)
