"""`dpo-ops metrics`: how a job trains, step by step."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE, ERROR, RUNNING
from dpo_ops.cli.options import FORMATS, Specs, Target, with_screen, with_specs, with_target
from dpo_ops.cli.screen import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.screen import Screen
    from dpo_ops.reporters.metrics import Metrics
    from dpo_ops.resource import State

_SPECS = (Path("specs"),)


@click.command("metrics")
@click.argument("job")
@with_specs
@click.option("--follow", is_flag=True, help="Go on until the job is over.")
@click.option("--all", "whole", is_flag=True, help="Show every step, and not just twenty of them.")
@click.option(
    "--curves/--no-curves",
    default=None,
    help="Draw loss, margin and accuracy; on a terminal this is done unless told otherwise.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a .svg, .png, .csv, .json or .jsonl file instead.",
)
@click.option("--force", is_flag=True, help="Overwrite that file.")
@with_target
@partial(with_screen, formats=(*FORMATS, Format.CSV))
def command(  # noqa: PLR0913  -- each is an option
    screen: Screen,
    specs: Specs,
    target: Target,
    *,
    job: str,
    follow: bool,
    whole: bool,
    curves: bool | None,
    out: Path | None,
    force: bool,
) -> int:
    """Show how JOB trains: loss, margin and accuracy, step by step.

    JOB is the name or address of a job in the specs in PATHS, such as DPOJob/assistant-tune;
    or the id or full name of a job in the account. Exit codes: 0 shown, 1 error, 3 the job has
    not measured anything yet, or was left while it trains.
    """
    from dpo_ops.cli.following import Table
    from dpo_ops.cli.following import follow as followed
    from dpo_ops.cli.metrics_files import check_out, write_out
    from dpo_ops.resource import Health

    if out:
        check_out(out, force=force)
    with _source(screen, specs, target, job) as look:
        if follow:
            table = Table(screen, whole=whole)

            def on_look(found: Metrics, data: bytes) -> None:
                table(found, data)
                if out and found.readings.rows:
                    write_out(screen, out, found, data)

            found, data = followed(screen, target, look, on_look)
        else:
            found, data = look()
    if not found.readings.rows and not found.readings.note and not found.readings.skipped:
        return _nothing_yet(screen, found)
    if out:
        write_out(screen, out, found, data)
        _tell(screen, f"{out} is written: {found.name}, {_last(found)}")
    else:
        drawn = screen.read_by_people if curves is None else curves
        _show(screen, found, whole=whole, curves=drawn, table=not follow)
    if not follow:
        return DONE
    return {Health.CURRENT: DONE, Health.FAILED: ERROR}.get(found.health, RUNNING)


@contextmanager
def _source(
    screen: Screen, specs: Specs, target: Target, job: str
) -> Iterator[Callable[[], tuple[Metrics, bytes]]]:
    """Give what looks at the job, in its folder or in the account, which is open meanwhile."""
    from dpo_ops.cli.account import account
    from dpo_ops.cli.measuring import account_in, find_here, find_job, look, look_here
    from dpo_ops.resource import in_account

    wanted, named = _wanted(screen, specs, job)
    if here := find_here(wanted, job):
        yield partial(look_here, here)
        return
    with account(screen, target, account_in(job) or named, read_only=True) as client:
        meant = find_job(client, in_account(wanted, client.account), job)
        yield partial(look, client, meant)


def _wanted(screen: Screen, specs: Specs, job: str) -> tuple[State, str | None]:
    """Return the specs and the account that they name; without specs, a job has only its id."""
    from dpo_ops.cli.desired import hide_secrets, load
    from dpo_ops.cli.measuring import account_in
    from dpo_ops.resource import State

    unsaid = specs.paths == _SPECS and not specs.paths[0].exists() and "/" not in job
    if unsaid or account_in(job):
        hide_secrets(screen, specs)
        return State({}), None
    desired = load(screen, specs)
    return desired.state, desired.account


def _show(screen: Screen, found: Metrics, *, whole: bool, curves: bool, table: bool) -> None:
    """Print what was found; without the `table` where that has been printed already."""
    from dpo_ops.cli.results import show
    from dpo_ops.reporters.metrics import (
        metrics_csv,
        metrics_document,
        metrics_markdown,
        metrics_text,
    )

    if screen.format is Format.CSV:
        screen.data(metrics_csv(found))
        return
    style = screen.data_style()
    show(
        screen,
        text=lambda: metrics_text(found, style, whole=whole, curves=curves, table=table),
        markdown=lambda: metrics_markdown(found, style, whole=whole),
        document=lambda: metrics_document(found),
    )


def _nothing_yet(screen: Screen, found: Metrics) -> int:
    """Say that there are no metrics: not yet, or never."""
    from dpo_ops import reporters
    from dpo_ops.errors import DpoOpsError
    from dpo_ops.resource import Health

    if found.health in (Health.CURRENT, Health.FAILED, Health.NOT_FOUND):
        why = f"the job is over: {found.state}"
        raise DpoOpsError(f"there are no metrics of {found.name}", where=found.source, why=why)
    if screen.format is Format.JSON:
        from dpo_ops.reporters.metrics import metrics_document

        screen.data(reporters.json_text(metrics_document(found)))
    _tell(screen, f"no metrics yet: {found.name} is in state: {found.state}")
    return RUNNING


def _last(found: Metrics) -> str:
    from dpo_ops.reporters import latest

    last = found.readings.last
    return latest(last) if last else found.readings.note


def _tell(screen: Screen, line: str) -> None:
    screen.say(f"{screen.style().clean(line)}\n")
