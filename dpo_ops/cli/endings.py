"""How a command ends: every outcome becomes an exit code, every failure a message."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

import click

from dpo_ops.cli.screen import Format, Screen
from dpo_ops.errors import DpoOpsError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

DONE, ERROR, CHANGES, RUNNING = 0, 1, 2, 3
"""The exit codes."""

_TRACEBACK = "DPO_OPS_TRACEBACK"


class UsageError(DpoOpsError):
    """The command line is not one that the tool understands."""


def ended(screen: Screen, run: Callable[[], Any]) -> int:
    """Run a command and return its exit code; nothing gets past this as a traceback."""
    try:
        return int(run() or DONE)
    except click.exceptions.NoArgsIsHelpError as error:
        screen.say(error.format_message() + "\n")
    except click.ClickException as error:
        _fail(screen, UsageError(error.format_message(), fix=_see_help(error)))
    except DpoOpsError as error:
        _fail(screen, error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _fail(screen, DpoOpsError("interrupted", fix="run the same command again"))
    except Exception as error:  # noqa: BLE001  -- the last place that can turn it into words
        _fail(screen, unexpected(error))
    return ERROR


def _see_help(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"see {error.ctx.command_path} --help"
    return ""


def unexpected(error: Exception) -> DpoOpsError:
    """Return a defect as a failure in words."""
    if os.environ.get(_TRACEBACK):
        why, fix = "".join(traceback.format_exception(error)), ""
    else:
        why = "the tool did not expect this, so it is a defect"
        fix = f"set {_TRACEBACK}=1 to see where it comes from"
    return Unexpected(f"{type(error).__name__}: {error}", why=why, fix=fix)


class Unexpected(DpoOpsError):
    """A defect of the tool; `why` may hold a traceback."""


def _fail(screen: Screen, error: DpoOpsError) -> None:
    """Say a failure in the format that was asked for."""
    from dpo_ops import reporters  # noqa: PLC0415  -- a command that succeeds may not need them

    if screen.format is Format.JSON:
        screen.data(reporters.json_text(reporters.error_document(error)))
    if screen.format is Format.GITHUB and isinstance(error, SpecError):
        screen.annotate(reporters.workflow_commands(error.findings, screen.style()))
    if screen.format in (Format.MARKDOWN, Format.GITHUB):
        screen.data(reporters.error_markdown(error, screen.data_style()))
    if isinstance(error, Unexpected) and not error.fix:
        screen.say(error.why)
        return
    screen.say(reporters.error_text(error, screen.style()))
