"""The arguments and options that the `pairs` commands share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dpo_ops.cli.options import FORMATS
from dpo_ops.cli.screen import Format, Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.cli.options import Command
    from dpo_ops.pairs.policy import Level
    from dpo_ops.pairs.tokens import Tokenizer

FILES: Final[dict[str, Any]] = {
    "nargs": -1,
    "required": True,
    "type": click.Path(path_type=Path),
    "metavar": "FILE...",
}
_SARIF: Final = "sarif"
PLAIN: Final = (Format.TEXT, Format.JSON)
"""The formats of what is said in a line or two."""
PAGED: Final = (*FORMATS, Format.HTML)
"""The formats of what has a page of HTML, too."""


class Share(click.ParamType[float]):
    """A part of a whole such as 0.1 or 10%: above 0 and below 1."""

    name = "share"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the part, or refuse a text that is none."""
        text = str(value).strip()
        try:
            part = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            part = 0.0
        if not 0 < part < 1:
            self.fail(f"{value!r} is no part of a whole; write it like 0.1 or 10%", param, ctx)
        return part


SHARE = Share()


class LevelOf(click.ParamType[tuple[str, "Level"]]):
    """How bad a rule is: `DPO501=off`, `one-turn=warning`."""

    name = "level"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Level]:
        """Return the rule and its level, or refuse a text that is none."""
        from dpo_ops.errors import Severity  # noqa: PLC0415  -- a help page needs none

        rule, _, level = str(value).rpartition("=")
        if level not in (*map(str, Severity), "off") or not rule:
            levels = ", ".join([*map(str, Severity), "off"])
            self.fail(f"{value!r}: write RULE=LEVEL, a level being one of {levels}", param, ctx)
        return rule, "off" if level == "off" else Severity(level)


LEVEL = LevelOf()


def with_tokenizer(command: Command) -> Command:
    """Add `--tokenizer`, the file of a real one."""
    return click.option(
        "--tokenizer",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The model's tokenizer.json, to count tokens; else they are estimated.",
    )(command)


def tokenizer_of(path: Path | None) -> Tokenizer:
    """Return the tokenizer in a file, or the estimate."""
    from dpo_ops.pairs.tokens import ESTIMATE, Vocabulary  # noqa: PLC0415  -- no help page needs it

    return Vocabulary(path) if path else ESTIMATE


def force(command: Command) -> Command:
    """Add `--force`, which overwrites; the command gets `overwrite`."""
    option: Callable[[Command], Command] = click.option(
        "--force", "overwrite", is_flag=True, help="Overwrite what is there."
    )
    return option(command)


def with_check_screen(command: Command) -> Command:
    """Add the options of how a check looks; `sarif` is a form that only checks have."""

    @click.option(
        "--format",
        "format_",
        type=click.Choice([*map(str, PAGED), _SARIF]),
        default=str(Format.TEXT),
        show_default=True,
        help="How to say the result; `github` is Markdown and annotations.",
    )
    @click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR set.")
    @wraps(command)
    def packed(*, format_: str, no_color: bool, **rest: object) -> int:
        screen = click.get_current_context().ensure_object(Screen)
        sarif = format_ == _SARIF
        screen.format = Format.JSON if sarif else Format(format_)
        screen.colour = screen.colour and not no_color
        return command(screen=screen, sarif=sarif, **rest)

    return packed
