"""The command tree. A command's module is imported when it runs, so `--help` stays quick."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dpo_ops import __version__
from dpo_ops.cli.screen import Format, Screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS = {
    "validate": "Check the specs, offline and without a key.",
    "fmt": "Give the spec files one layout; comments stay with what they are about.",
    "plan": "Show what would be done to make the account match the specs.",
    "apply": "Carry the plan out: upload, train, wait, check, deploy.",
    "reconcile": "Make one pass unattended, or keep the account as the specs say.",
    "status": "Show how what the specs describe is doing.",
    "drift": "Show what changed behind the specs' back; exit code 2 if anything did.",
    "metrics": "Show how a job trains: loss, margin and accuracy, step by step.",
    "outputs": "Print the names that others need, such as the model to request.",
    "import": "Write specs for what exists in the account.",
    "destroy": "Remove what the specs describe, but keep what was trained.",
    "history": "Show which commit made which model, and what serves now.",
    "lineage": "Show what something came from, and what came of it.",
    "card": "Write a model card: data, settings, metrics, cost, commit.",
    "gc": "Delete what no kept commit and no deployment refers to any more.",
    "pairs": "Check, compare, count, price, convert and split preference pairs, offline.",
    "ci": "Run a command in CI, and tell the pull request of it.",
    "schema": "Print the JSON Schema of the specs, or of what a command prints.",
    "init": "Write a small set of specs to begin with.",
    "emulator": "Serve a stand-in of the Fireworks API on this machine.",
}


_MODULES = {"import": "importing"}
"""Where a command's module can't have its name."""


class Root(click.Group):
    """The group that finds its commands by name and turns every ending into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command, or return None for a name that is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"dpo_ops.cli.commands.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a name that is none, say which one was most likely meant."""
        if near := get_close_matches(args[0], () if args[0] in COMMANDS else COMMANDS, 1):
            ctx.fail(f"there is no command {args[0]!r}; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,  # noqa: ARG002  -- it has one name
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  -- the signature is click's
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command and exit: 0 done, 1 error, 2 changes, 3 still running."""
        from dpo_ops.cli.endings import ended  # noqa: PLC0415  -- see the head of the file

        given = list(sys.argv[1:] if args is None else args)
        screen = Screen(sys.stdout, sys.stderr, sys.stdin, os.environ)
        screen.format = asked_format(given)
        screen.given = tuple(given)
        run = super().main
        sys.exit(
            ended(
                screen,
                lambda: run(
                    given,
                    "dpo-ops",
                    complete_var=complete_var,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    obj=screen,
                    **extra,
                ),
            )
        )


def asked_format(args: Sequence[str]) -> Format:
    """Return the format that is asked for, even where the rest of the line is wrong."""
    words = " ".join(args).replace("--format ", "--format=").split()
    said = (word.removeprefix("--format=") for word in words if word.startswith("--format="))
    return next((Format(word) for word in said if word in _FORMATS), Format.TEXT)


_FORMATS: Mapping[str, Format] = Format._value2member_map_  # type: ignore[assignment]


@click.command(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 in sync or done, 1 error, 2 changes (plan, drift, fmt), 3 still running.",
)
@click.version_option(__version__, "-V", "--version", message="dpo-ops %(version)s")
def app() -> None:
    """Turn YAML specs in Git into preference-tuned models on Fireworks AI.

    Try it without a key: `dpo-ops init`, then `dpo-ops apply --emulator`.
    """
