"""The options that several commands share, and the values that they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Literal

import click

from dpo_ops.cli.screen import Format, Screen

Command = Callable[..., int]

EMULATOR_DATA = Path(".dpo-ops") / "emulator"
"""Where the embedded emulator keeps what it was told, below the current folder."""
EMULATOR_SPEED = 120.0
EngineName = Literal["auto", "trl", "stand-in"]
TINY = "dpo-ops/tiny"


@dataclass(frozen=True, slots=True)
class Specs:
    """Which spec files are meant, and the files of values for their templates."""

    paths: tuple[Path, ...]
    values: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What stands behind an emulator's models, and the weights that play every base model."""

    name: EngineName
    weights: str


@dataclass(frozen=True, slots=True)
class Target:
    """Which account is meant, and whether the embedded emulator plays it."""

    account: str | None
    emulator: bool
    data: Path
    speed: float
    engine: EngineChoice


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: `budget_s` seconds in all, or, with `leave`, not at all."""

    budget_s: float | None = None
    leave: bool = False


class Duration(click.ParamType[float]):
    """A duration such as 90s, 10m or 1h30m, in seconds; 0 alone is none at all."""

    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or refuse a text that is no duration."""
        from dpo_ops.kinds.values import seconds  # noqa: PLC0415  -- a help page needs no kinds

        try:
            return 0.0 if value == "0" else seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Age(Duration):
    """A duration that may also be in days, such as 30d; 0 alone is any age."""

    name = "age"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or refuse a text that is no age."""
        days = value.removesuffix("d")
        if days != value and days.isdecimal() and len(days) < _DIGITS:
            return int(days) * _DAY
        return super().convert(value, param, ctx)


_DAY, _DIGITS = 86_400.0, 6
DURATION, AGE = Duration(), Age()


class HostPort(click.ParamType[tuple[str, int]]):
    """HOST:PORT or PORT; the host is 127.0.0.1 where none is named, `[::1]` is in brackets."""

    name = "host:port"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Return host and port, or refuse a text that names none."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        digits = port.isascii() and port.isdigit()
        if not digits or int(port) > MOST_PORT or (":" in bare) != host.startswith("["):
            self.fail(f"{value!r} is no HOST:PORT, such as 127.0.0.1:9464", param, ctx)
        return bare or "127.0.0.1", int(port)


HOST_PORT = HostPort()
MOST_PORT = 65535
LEAST_S = 1.0
"""The shortest time that somebody can mean, in seconds."""

FORMATS = (Format.TEXT, Format.JSON, Format.MARKDOWN, Format.GITHUB)
"""What every command can say its result in."""


def with_screen(command: Command, *, formats: Sequence[Format] = FORMATS) -> Command:
    """Add the options that say how the result looks; the command gets a `screen`."""
    github = "; `github` is Markdown and annotations" if Format.GITHUB in formats else ""

    @click.option(
        "--format",
        "format_",
        type=click.Choice([str(format_) for format_ in formats]),
        default=str(Format.TEXT),
        show_default=True,
        help=f"How to say the result{github}.",
    )
    @click.option("-v", "--verbose", is_flag=True, help="Show every field, step and resource.")
    @click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR set.")
    @wraps(command)
    def packed(*, format_: str, verbose: bool, no_color: bool, **rest: object) -> int:
        screen = click.get_current_context().ensure_object(Screen)
        screen.format, screen.verbose = Format(format_), verbose
        screen.colour = screen.colour and not no_color
        return command(screen=screen, **rest)

    return packed


def with_specs(command: Command) -> Command:
    """Add PATHS and `--values`; the command gets `specs`."""

    @click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
    @click.option(
        "--values",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A YAML file of values for templates; may be given again, later ones win.",
    )
    @wraps(command)
    def packed(*, paths: tuple[Path, ...], values: tuple[Path, ...], **rest: object) -> int:
        return command(specs=Specs(paths or (Path("specs"),), values), **rest)

    return packed


def with_waiting(command: Command) -> Command:
    """Add `--wait-budget` and `--no-wait`; the command gets a `patience`.

    A command that is given both is refused: they say two different things.
    """

    @click.option(
        "--wait-budget",
        type=DURATION,
        metavar="TIME",
        help="Leave what still runs after this long, such as 50m; exit code 3.",
    )
    @click.option(
        "--no-wait",
        is_flag=True,
        help="Leave what runs as soon as only waiting is left; exit code 3.",
    )
    @wraps(command)
    def packed(*, wait_budget: float | None, no_wait: bool, **rest: object) -> int:
        if no_wait and wait_budget is not None:
            raise click.UsageError("--no-wait and --wait-budget can't be given together")
        if wait_budget is not None and wait_budget < LEAST_S:
            # Less is over before anything was begun, however often it is run again.
            raise click.UsageError("--wait-budget is 1s at least; --no-wait waits for nothing")
        return command(patience=Patience(wait_budget, leave=no_wait), **rest)

    return packed


def with_cards(command: Command) -> Command:
    """Add `--cards`; the command gets `cards`, a folder or None."""
    return click.option(
        "--cards",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Write a model card for each model that was made, or has none in DIR, from the commit"
        " that made it.",
    )(command)


def with_prune(command: Command) -> Command:
    """Add `--prune`; the command gets a `prune`."""
    return click.option(
        "--prune",
        is_flag=True,
        help="Delete deployments that carry this stack's mark and have no spec any more."
        " Needs a Stack with a name.",
    )(command)


def with_target(command: Command) -> Command:
    """Add the options that say which account; the command gets a `target`."""

    @click.option("--account", metavar="ID", help="The account; else as the settings say.")
    @click.option(
        "--emulator", is_flag=True, help="Let an embedded emulator answer instead of Fireworks."
    )
    @click.option(
        "--emulator-data",
        type=click.Path(path_type=Path, file_okay=False),
        default=EMULATOR_DATA,
        show_default=True,
        metavar="DIR",
        help="Where the emulator keeps its data.",
    )
    @click.option(
        "--emulator-speed",
        type=click.FloatRange(min=0, min_open=True),
        default=EMULATOR_SPEED,
        show_default=True,
        metavar="X",
        help="Emulated seconds that pass in a second.",
    )
    @with_engine
    @wraps(command)
    def packed(
        *,
        account: str | None,
        emulator: bool,
        emulator_data: Path,
        emulator_speed: float,
        engine: EngineChoice,
        **rest: object,
    ) -> int:
        target = Target(account, emulator, emulator_data, emulator_speed, engine)
        return command(target=target, **rest)

    return packed


def with_engine(command: Command) -> Command:
    """Add the options that say what stands behind the emulator's models; it gets an `engine`."""

    @click.option(
        "--emulator-engine",
        type=click.Choice(["auto", "trl", "stand-in"]),
        default="auto",
        show_default=True,
        envvar="DPO_OPS_EMULATOR_ENGINE",
        show_envvar=True,
        help="What trains and answers in the emulator: TRL for real, or a stand-in that says that"
        " it is one; auto is TRL where dpo-ops[trl] is installed.",
    )
    @click.option(
        "--emulator-weights",
        default=TINY,
        show_default=True,
        metavar="WEIGHTS",
        help="The model that plays every base model: a Hugging Face id, a folder or a .gguf file.",
    )
    @wraps(command)
    def packed(*, emulator_engine: EngineName, emulator_weights: str, **rest: object) -> int:
        return command(engine=EngineChoice(emulator_engine, emulator_weights), **rest)

    return packed
