"""`dpo-ops ci`: one command inside a workflow, told where its reviewers look."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dpo_ops.cli.options import (
    Command,
    Patience,
    Specs,
    Target,
    with_cards,
    with_prune,
    with_target,
    with_waiting,
)
from dpo_ops.cli.screen import Format, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpo_ops.cli.ci.setting import Setting

_ENVIRONMENT: Final = {"auto_envvar_prefix": "DPO_OPS"}
"""Each option can be given as DPO_OPS_NAME too: a workflow then needs no shell text."""


class Lines(click.Path):
    """Paths, in an environment variable one a line."""

    name = "path"

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return the lines that are not blank."""
        return [line.strip() for line in rv.splitlines() if line.strip()]


@click.group("ci")
def command() -> None:
    """Run one command in CI, and tell the pull request of it.

    What it finds goes to a comment on the pull request (one for each environment, edited in place),
    to the job's summary and outputs, and beside the lines that it is about. Every option can be
    given as an environment variable as well: DPO_OPS_ENVIRONMENT for --environment, DPO_OPS_PATHS
    and DPO_OPS_VALUES with one path a line. Outside of CI the comment goes to standard output.
    """


def with_setting(command: Command) -> Command:
    """Add what all commands in CI share; the command gets `here`, what surrounds it."""

    @click.argument("paths", nargs=-1, type=Lines(path_type=Path), envvar="DPO_OPS_PATHS")
    @click.option(
        "--values",
        multiple=True,
        type=Lines(path_type=Path),
        metavar="FILE",
        help="A YAML file of values for templates; may be given again, later ones win.",
    )
    @click.option(
        "--environment",
        metavar="NAME",
        default="default",
        show_default=True,
        help="What the specs are applied to; each has a comment of its own.",
    )
    @click.option(
        "--samples",
        type=click.IntRange(0, 20),
        metavar="N",
        help="Rows of each fate that a comment shows of changed data; else 3, on public"
        " repositories 0.",
    )
    @click.option(
        "--comment/--no-comment", default=True, help="Whether to write to the pull request."
    )
    @click.option("-v", "--verbose", is_flag=True, help="Show every field, step and resource.")
    @with_target
    @wraps(command)
    def packed(  # noqa: PLR0913  -- one for each option
        *,
        paths: tuple[Path, ...],
        values: tuple[Path, ...],
        environment: str,
        samples: int | None,
        comment: bool,
        verbose: bool,
        target: Target,
        **rest: object,
    ) -> int:
        from dpo_ops.cli.ci.setting import Wishes, setting

        screen = click.get_current_context().ensure_object(Screen)
        screen.format, screen.verbose = Format.TEXT, verbose
        specs = Specs(paths or (Path("specs"),), values)
        here = setting(screen, specs, target, Wishes(environment, samples, comment))
        return command(here, **rest)

    return packed


def _subcommand(name: str) -> Callable[[Command], click.Command]:
    return command.command(name, context_settings=_ENVIRONMENT)


_failing = click.option(
    "--fail-on-changes", is_flag=True, help="Exit with 2 where there is anything to change."
)


@_subcommand("plan")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the plan is saved; else in RUNNER_TEMP.",
)
@click.option(
    "--since",
    metavar="REV",
    default="",
    help="The revision that the data is compared with; else what the pull request goes to.",
)
@_failing
@with_prune
@with_setting
def plan(here: Setting, *, out: Path | None, since: str, fail_on_changes: bool, prune: bool) -> int:
    """Show what merging would do, and what it costs.

    Without a key, as on a pull request from a fork, it is compared with the base branch.
    """
    from dpo_ops.cli.ci.planning import plan as run

    return run(here, since=since, prune=prune, out=out, fail_on_changes=fail_on_changes)


def _approval(_: click.Context, __: click.Parameter, given: str) -> str:
    from dpo_ops.cli.ci.applying import FINGERPRINT, REVIEWED, SPECS

    if given not in (REVIEWED, SPECS) and not given.startswith(FINGERPRINT):
        raise click.BadParameter(f"{given!r} is neither {REVIEWED}, {SPECS} nor a fingerprint")
    return given


def _carrying_out(command: Command) -> Command:
    """Add the options of what changes the account: how far, how long, and what to write of it."""
    approve = click.option(
        "--approve",
        default="reviewed",
        show_default=True,
        callback=_approval,
        metavar="reviewed|specs|FINGERPRINT",
        help="What may be carried out: what the merged pull requests' plans showed, whatever the"
        " specs say, or the one plan of a fingerprint.",
    )
    return approve(with_waiting(with_prune(with_cards(with_setting(command)))))


@_subcommand("apply")
@_carrying_out
def apply(
    here: Setting, *, approve: str, patience: Patience, prune: bool, cards: Path | None
) -> int:
    """Carry out what was reviewed before the merge; what is stale is held."""
    from dpo_ops.cli.ci.applying import apply as run

    return run(here, approve=approve, patience=patience, prune=prune, cards=cards)


@_subcommand("reconcile")
@_carrying_out
def reconcile(
    here: Setting, *, approve: str, patience: Patience, prune: bool, cards: Path | None
) -> int:
    """Carry on what an earlier run left, on a schedule."""
    from dpo_ops.cli.ci.applying import apply as run

    return run(here, approve=approve, patience=patience, prune=prune, cards=cards)


@_subcommand("drift")
@_failing
@with_setting
def drift(here: Setting, *, fail_on_changes: bool) -> int:
    """Look for drift, and keep one issue about it."""
    from dpo_ops.cli.ci.looking import drift as run

    return run(here, fail_on_changes=fail_on_changes)


@_subcommand("validate")
@with_setting
def validate(here: Setting) -> int:
    """Check the specs and their data, without a key."""
    from dpo_ops.cli.ci.looking import validate as run

    return run(here)
