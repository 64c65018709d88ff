"""What a pull request is compared with: a commit of the branch that it goes to.

That it is missing, or that its specs can't be used, is not the pull request's fault. So nothing
here fails: it is said as a warning, and there is nothing to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dpo_ops.cli.desired import load_commit
from dpo_ops.errors import DpoOpsError, Finding, Severity, SpecError
from dpo_ops.loader.repository import FULL_CLONE

if TYPE_CHECKING:
    from dpo_ops.cli.options import Specs
    from dpo_ops.cli.screen import Screen
    from dpo_ops.forge.contract import Pull
    from dpo_ops.loader import Loaded
    from dpo_ops.loader.repository import Repository
    from dpo_ops.planner.releases import Commit

_RULE: Final = "base"
_SHOWN: Final = 12
_WITH_PARENTS: Final = "fetch its parents as well: fetch-depth: 2 for actions/checkout"


@dataclass(frozen=True, slots=True)
class Base:
    """What the specs wanted before a pull request, as far as that can be said.

    `loaded` is None where it can't, and then `findings` say why.
    """

    commit: Commit | None = None
    loaded: Loaded | None = None
    findings: tuple[Finding, ...] = ()


def base(screen: Screen, repository: Repository, pull: Pull | None, specs: Specs) -> Base:
    """Return what the specs wanted in the commit that a pull request starts from. Never fails."""
    try:
        revision = base_of(repository, pull)
        if not revision:
            return Base(findings=(_unknown(pull),))
    except DpoOpsError as error:
        return Base(findings=(_warning("the base can't be found", str(error), error.fix),))
    return wanted_at(screen, repository, revision, specs)


def base_of(repository: Repository, pull: Pull | None) -> str:
    """Return the commit that a pull request starts from; empty where nothing says which it is.

    A forge checks out a merge of the branch: then it is the other side of that merge. Else it is
    where the branch left the one that it goes to. The commit may be missing from this clone.

    Errors: DpoOpsError where git can't say what is checked out.
    """
    if pull is None:
        return ""
    others = [parent for parent in repository.parents("HEAD") if parent != pull.head]
    if len(others) == 1 and pull.head in repository.parents("HEAD"):
        return others[0]
    if not pull.base:
        return ""
    try:
        return repository.merge_base(pull.base, "HEAD") or pull.base
    except DpoOpsError:  # It is not here; whoever looks for it says so.
        return pull.base


def wanted_at(screen: Screen, repository: Repository, revision: str, specs: Specs) -> Base:
    """Return what the specs wanted at a commit, or why that can't be said. Never fails."""
    name = f"the base, {revision[:_SHOWN]},"
    try:
        commit = repository.find(revision)
    except DpoOpsError as error:
        if not repository.shallow:
            return Base(findings=(_warning(f"{name} can't be read", str(error), FULL_CLONE),))
        why = "this clone is a shallow one: earlier commits were left out"
        fix = _WITH_PARENTS if revision in repository.parents("HEAD") else FULL_CLONE
        return Base(findings=(_warning(f"{name} is not in this clone", why, fix),))
    try:
        return Base(commit, load_commit(screen, specs, repository, commit))
    except SpecError as error:
        errors = [one for one in error.findings if one.severity is Severity.ERROR]
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        what, why = f"the specs of {name} can't be used", f"{errors[0]}{more}"
        fix = "nothing, where this pull request mends them"
    except DpoOpsError as error:
        what, why, fix = f"the specs of {name} can't be read", str(error), error.fix
    return Base(commit, findings=(_warning(what, why, fix),))


def _unknown(pull: Pull | None) -> Finding:
    why = "this run is not about a pull request" if pull is None else "the run does not say which"
    return _warning("there is no base to compare with", why, "")


def _warning(what: str, why: str, fix: str) -> Finding:
    return Finding("git", what, why, fix, _RULE, Severity.WARNING)
