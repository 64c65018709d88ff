"""How a command in CI fails: in its outputs, the summary, the comment and beside the lines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dpo_ops.cli.endings import unexpected
from dpo_ops.errors import (
    ApiError,
    DpoOpsError,
    Finding,
    PlanError,
    Retired,
    SettingsError,
    SpecError,
    Unauthorized,
    Unreachable,
)
from dpo_ops.reporters.pull.subject import Invalid
from dpo_ops.reporters.pull.summary import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.cli.ci.setting import Setting

_REASONS: tuple[tuple[type[DpoOpsError], str], ...] = (
    (SpecError, "invalid-specs"),
    (PlanError, "plan-changed"),
    (SettingsError, "settings"),
    (Unauthorized, "unauthorized"),
    (Unreachable, "unreachable"),
    (Retired, "retired"),
    (ApiError, "api"),
)


def reason(error: DpoOpsError) -> str:
    """Return the one word of the output `failure-reason`."""
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "error")


@contextmanager
def told(here: Setting, also: Callable[[Invalid], None] = lambda _: None) -> Iterator[None]:
    """Tell of a failure wherever people look for it, and let it go on; `also` is told first."""
    try:
        yield
    except Exception as caught:
        error = caught if isinstance(caught, DpoOpsError) else unexpected(caught)
        about = Invalid(here.env, here.commit, error)
        here.give({"failure-reason": reason(error)})
        here.sum_up(summary(about, here.screen.data_style()))
        here.annotate(_findings(error))
        also(about)
        raise


def _findings(error: DpoOpsError) -> tuple[Finding, ...]:
    if isinstance(error, SpecError):
        return error.findings
    return (Finding(error.where or "dpo-ops", error.what, error.why, error.fix, "ci"),)
