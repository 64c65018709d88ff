"""What surrounds a command in CI: the run, the forge, the files that the runner reads."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dpo_ops import reporters
from dpo_ops.errors import Finding, SettingsError, Severity
from dpo_ops.forge import connect, current
from dpo_ops.reporters.pull.outputs import output_lines
from dpo_ops.reporters.pull.subject import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.cli.options import Specs, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.forge import Forge, Run
    from dpo_ops.reporters.pull.subject import Stage

SIGNING_KEY: Final = "DPO_OPS_SIGNING_KEY"
LARGEST_SUMMARY: Final = 1_000_000
"""Bytes; GitHub drops the summary of a step that is larger than 1 MiB."""
_PRIVATE_SAMPLES: Final = 3
_SHOWN_RUN: Final = "outside of CI"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the workflow says besides specs and account.

    `samples` is None where it does not say: then it depends on who can read the comments.
    """

    environment: str
    samples: int | None = None
    comment: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment in one run. Outside of CI there is no `run`, and no `forge` to tell."""

    screen: Screen
    specs: Specs
    target: Target
    wishes: Wishes
    run: Run | None = None
    forge: Forge | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def samples(self) -> int:
        """How many rows of each fate a comment shows of a data set; none where anybody reads."""
        if self.wishes.samples is not None:
            return self.wishes.samples
        return 0 if self.run and self.run.public else _PRIVATE_SAMPLES

    @property
    def env(self) -> str:
        """The environment."""
        return self.wishes.environment

    @property
    def signing_key(self) -> str:
        """The key that signs what was reviewed; empty where there is none."""
        return self.environ.get(SIGNING_KEY, "")

    @property
    def commit(self) -> str:
        """The commit that the run is about: of a pull request, its own."""
        if self.run is None:
            return ""
        return self.run.pull.head if self.run.pull else self.run.commit

    def subject(self, pull: int) -> str:
        """Return what a signature is about besides a header: the pull request."""
        return f"{self.run.repository if self.run else ''}#{pull}"

    def status(self, stage: Stage, note: str = "") -> Status:
        """Return the status line of this moment."""
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        if self.run is None:
            return Status(stage, _SHOWN_RUN, "", at, note)
        return Status(stage, self.run.number, self.run.url, at, note)

    def annotate(self, findings: Sequence[Finding]) -> None:
        """Show findings beside the lines that they are about; elsewhere than on GitHub, as text."""
        style = self.screen.style()
        if self.environ.get("GITHUB_ACTIONS") == "true":
            self.screen.annotate(reporters.workflow_commands(findings, style))
        else:
            self.screen.say(reporters.findings_text(findings, style))

    def warn(self, where: str, what: str, why: str = "", fix: str = "") -> None:
        """Say something that does not end the run."""
        self.annotate([Finding(where, what, why, fix, "ci", Severity.WARNING)])

    def give(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step, for later steps; a later value takes an earlier one's place."""
        self._append("GITHUB_OUTPUT", output_lines(values, secrets.token_hex(16)))

    def sum_up(self, markdown: str) -> None:
        """Add to the summary of the job."""
        self._append("GITHUB_STEP_SUMMARY", markdown)

    def _append(self, variable: str, text: str) -> None:
        if path := self.environ.get(variable):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(self.screen.masks(text))


def setting(screen: Screen, specs: Specs, target: Target, wishes: Wishes) -> Setting:
    """Return what surrounds this process. Errors: DpoOpsError where that can't be read."""
    run = current(os.environ)
    forge = connect(os.environ) if run else None
    return Setting(screen, specs, target, wishes, run, forge)


def has_key(here: Setting) -> bool:
    """Return whether the account can be asked. Errors: SettingsError for settings that are broken.

    A pull request from a fork has no secrets: there an absent key is nothing unusual.
    """
    from dpo_ops.client import settings  # noqa: PLC0415  -- not needed with the emulator

    if here.target.emulator:
        return True
    if not here.environ.get("FIREWORKS_API_KEY") and not (Path.home() / ".fireworks").exists():
        return False
    try:
        settings(here.environ, Path.home(), account=here.target.account)
    except SettingsError as error:
        here.warn("settings", error.what, error.why, error.fix)
        return False
    return True
