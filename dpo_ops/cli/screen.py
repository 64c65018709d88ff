"""The one place where text leaves the tool: masked, in UTF-8, and quiet about a closed pipe."""

from __future__ import annotations

import io
import os
import re
import shutil
import threading
from enum import StrEnum
from typing import IO, TYPE_CHECKING

from dpo_ops.cli.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.reporters.style import Style

_NARROWEST, _WIDEST, _UNKNOWN = 40, 120, 80
_SECRETS = ("FIREWORKS_API_KEY", "DPO_OPS_SIGNING_KEY", "GITHUB_TOKEN", "DPO_OPS_GITLAB_TOKEN")
"""The variables with secrets of the tool's own; which others there are is said by the specs."""
# What GitHub's runner takes for a command to itself, wherever a line begins with it.
_RUNNER_COMMAND = re.compile(r"^(\s*):(?=:)|##(?=\[)", re.MULTILINE)


class Format(StrEnum):
    """How a command says its result."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"
    CSV = "csv"
    """Only of what is rows: `metrics`."""
    HTML = "html"
    """Only of what has a page: what the `pairs` commands show."""


class Screen:
    """Standard output for data, standard error for everything else, and the secrets to hide."""

    def __init__(
        self,
        out: IO[str] | None,
        err: IO[str] | None,
        stdin: IO[str] | None,
        environ: Mapping[str, str],
    ) -> None:
        # Python has no stream where the shell closed it, as in `>&-`.
        self._out, self._err, self._stdin = (s or io.StringIO() for s in (out, err, stdin))
        self._environ = environ
        self._lock = threading.RLock()
        self.masks = Masks()
        for variable in _SECRETS:
            self.hide(variable)
        self.format = Format.TEXT
        self.given: tuple[str, ...] = ()
        """The words of the command line, after the tool's name."""
        self.verbose = False
        self.colour = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        for stream in (self._out, self._err):
            # A locale without UTF-8 must not turn a word into a crash.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="replace")

    def hide(self, variable: str) -> None:
        """Hide what an environment variable holds, from now on."""
        self.masks.add(self._environ.get(variable), f"${variable}")

    def data(self, text: str) -> None:
        """Write to standard output: what the command was asked for."""
        self._write(self._out, self._harmless(text))

    def say(self, text: str) -> None:
        """Write to standard error: progress, questions, warnings, errors."""
        self._write(self._err, self._harmless(text))

    def annotate(self, commands: str) -> None:
        """Write commands to GitHub's runner, which reads both streams."""
        self._write(self._err, self.masks(commands))

    def ask(self, question: str) -> str:
        """Return the line that is typed in answer; empty when there is none."""
        self.say(question)
        return self._stdin.readline().strip()

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return _is_terminal(self._stdin) and _is_terminal(self._err)

    @property
    def live(self) -> bool:
        """Whether standard error can show a picture that changes."""
        return _is_terminal(self._err) and self._environ.get("TERM") != "dumb"

    @property
    def read_by_people(self) -> bool:
        """Whether standard output is a terminal."""
        return _is_terminal(self._out)

    def data_style(self) -> Style:
        """Return how text for standard output looks."""
        return self._style(self._out)

    def style(self) -> Style:
        """Return how text for standard error looks."""
        return self._style(self._err)

    def _style(self, stream: IO[str]) -> Style:
        from dpo_ops.reporters.style import Style  # noqa: PLC0415  -- `--help` needs no reporter

        plain = _ascii_only(self._environ)
        if not _is_terminal(stream):
            return Style(width=_UNKNOWN, mask=self.masks, ascii_only=plain)
        columns = shutil.get_terminal_size((_UNKNOWN, 24)).columns
        width = max(_NARROWEST, min(_WIDEST, columns))
        return Style(colour=self.colour, width=width, mask=self.masks, ascii_only=plain)

    def _harmless(self, text: str) -> str:
        text = self.masks(text)
        if self._environ.get("GITHUB_ACTIONS") != "true":
            return text
        # A spec's text must not steer the runner; in JSON an escape means the same.
        instead = r"##\u005b" if self.format is Format.JSON else "# #["
        text = text.replace("##[", instead)
        return _RUNNER_COMMAND.sub("\\1:\u200b", text) if self.format is not Format.JSON else text

    def _write(self, stream: IO[str], text: str) -> None:
        with self._lock:
            try:
                stream.write(text)
                stream.flush()
            except OSError as error:
                # Nobody reads any more. What is being carried out goes on all the same; only
                # data that could not be written for another reason is a failure.
                if stream is self._out and not isinstance(error, BrokenPipeError):
                    raise
                _silence(stream)


def _ascii_only(environ: Mapping[str, str]) -> bool:
    """Say whether the locale is one without UTF-8; where none is named, it is taken to have it."""
    named = (environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    said = next((name for name in named if name), "utf-8").lower()
    return "utf-8" not in said and "utf8" not in said


def _silence(stream: IO[str]) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # It is closed.
        return False
