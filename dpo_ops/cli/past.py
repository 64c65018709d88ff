"""What the commits of the specs wanted, for the commands that look back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dpo_ops.cli.account import account
from dpo_ops.cli.desired import load_commits
from dpo_ops.errors import DpoOpsError, Finding, SettingsError, Severity
from dpo_ops.kinds import DEFAULT_STACK
from dpo_ops.loader import repository_root
from dpo_ops.loader.repository import FULL_CLONE, Repository
from dpo_ops.observer import survey
from dpo_ops.resource import Policy, in_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.options import Specs, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.planner.lineage import Graph
    from dpo_ops.planner.mentions import Records
    from dpo_ops.planner.releases import Release


def look_back(screen: Screen, specs: Specs, limit: int | None) -> tuple[tuple[Release, ...], bool]:
    """Return what the last commits wanted, the newest first, and whether all of them are here.

    Errors: DpoOpsError outside of a repository.
    """
    with Repository(repository_root(specs.paths[0])) as repository:
        found = load_commits(screen, specs, repository, limit)
        return found, not repository.shallow


def protected_before(screen: Screen, specs: Specs) -> Policy:
    """Return what the commit of the working tree, or the one before, says is never deleted.

    Be it in a spec or in the Stack: to take that away lifts it only in the commit after. Outside
    of a repository nothing was said before.

    Errors: DpoOpsError where the commit before is missing, or can't be rendered.
    """
    if not (repository_root(specs.paths[0]) / ".git").exists():
        return Policy()
    found, complete = look_back(screen, specs, 2)
    all_of_them(found, complete=complete or len(found) > 1)
    states = [release.desired for release in found if release.desired is not None]
    kept = (str(a) for state in states for a, one in state.items() if one.keeping.protected)
    return Policy(protected=(*kept, *(p for state in states for p in state.policy.protected)))


def before_head(screen: Screen, specs: Specs) -> tuple[Release | None, tuple[Finding, ...]]:
    """Return what the specs said before the commit that is checked out, and what is not known.

    That commit itself may be about to be applied. Outside of a repository there is nothing.
    """
    root = repository_root(specs.paths[0])
    if not (root / ".git").exists():
        return None, ()
    try:
        with Repository(root) as repository:
            found = load_commits(screen, specs, repository, 2)
            head = repository.find("HEAD").id if found else ""
            complete = not repository.shallow
    except DpoOpsError as error:
        what, why = "what the specs said before is not known", f"{error.what}: {error.why}"
        return None, (Finding("git", what, why, error.fix, "git", Severity.WARNING),)
    before = next((one for one in found if one.commit.id != head), None)
    known = complete or before is not None
    return before, tuple(doubts((before,) if before else (), complete=known))


def doubts(found: tuple[Release, ...], *, complete: bool) -> Iterator[Finding]:
    """Yield what is not known of the past: commits that are missing, or can't be rendered."""
    if not complete:
        yield Finding(
            "git",
            "earlier commits are not in this clone",
            "it is a shallow one",
            FULL_CLONE,
            "shallow-clone",
            Severity.WARNING,
        )
    for release in found:
        for finding in release.findings:
            if finding.severity is Severity.ERROR:
                yield replace(finding, severity=Severity.WARNING)


def all_of_them(found: tuple[Release, ...], *, complete: bool) -> None:
    """Refuse a past that is not known in full. Errors: DpoOpsError."""
    broken = [release for release in found if release.desired is None]
    if not complete:
        raise DpoOpsError(
            "what earlier commits refer to is not known; nothing was sent",
            why="this is a shallow clone: earlier commits are missing",
            fix=FULL_CLONE,
        )
    if broken:
        names = ", ".join(f"{r.commit.short} ({r.findings[0]})" for r in broken)
        raise DpoOpsError(
            "what some commits refer to is not known; nothing was sent",
            why=f"their specs can't be used: {names}",
            fix="keep fewer commits with --keep-last, so that they are not among them",
        )


@dataclass(frozen=True, slots=True)
class Past:
    """What the last commits wanted, and all that the account holds, where it was asked.

    `account` is None, and `offline` says why, where it was not. Names of the account's own
    resources are written `accounts/-/…`.
    """

    releases: tuple[Release, ...]
    stack: str
    doubts: tuple[Finding, ...]
    account: str | None = None
    records: Records | None = None
    offline: str = ""


def look_at_all(
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    limit: int | None = None,
    offline: bool,
    also: Callable[[Client, Past], None] = lambda _, __: None,
) -> Past:
    """Return the past and the present. Without settings for an account, only the past.

    `also` is called while the account can still be asked. Errors: DpoOpsError outside of a
    repository, ApiError.
    """
    past, named = _before(screen, specs, limit)
    if offline:
        return past
    try:
        with account(screen, target, named, read_only=True) as client:
            past = _seen(past, client)
            also(client, past)
            return past
    except SettingsError as error:
        return replace(past, offline=str(error))


def look_with(screen: Screen, client: Client, specs: Specs) -> Past:
    """Return the past and the present of an account that is open. Errors: as of `look_at_all`."""
    return _seen(_before(screen, specs, None)[0], client)


def _before(screen: Screen, specs: Specs, limit: int | None) -> tuple[Past, str | None]:
    """Return the past alone, and the account that the specs name."""
    found, complete = look_back(screen, specs, limit)
    known = next((r for r in found if r.desired is not None), None)
    stack = known.desired.stack if known and known.desired else DEFAULT_STACK
    past = Past(found, stack, tuple(doubts(found, complete=complete)), offline="--offline")
    return past, known.account if known else None


def _seen(past: Past, client: Client) -> Past:
    return replace(
        past,
        releases=tuple(_in(client.account, release) for release in past.releases),
        account=client.account,
        records=survey(client),
        offline="",
    )


def _in(name: str, release: Release) -> Release:
    desired = in_account(release.desired, name) if release.desired is not None else None
    return replace(release, desired=desired)


def one_of(whole: Graph, asked: str) -> str:
    """Return the name of the one node that is meant. Errors: DpoOpsError."""
    names = whole.find(asked)
    if len(names) == 1:
        return names[0]
    if names:
        what, fix = f"{asked!r} can be several things", f"name one of: {', '.join(sorted(names))}"
        raise DpoOpsError(what, fix=fix)
    known = [word for n in whole.nodes.values() for word in (n.address, n.id, n.name) if word]
    near = get_close_matches(asked, known, 1)
    raise DpoOpsError(
        f"there is no {asked!r} in the commits or the account",
        fix=f"did you mean {near[0]}?" if near else "name an address, an id or a commit",
    )
