"""`dpo-ops init`: a small set of specs to begin with, ready to be planned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.starter import FILES
from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("init")
@click.argument(
    "folder",
    metavar="[DIR]",
    default=Path("specs"),
    type=click.Path(path_type=Path, file_okay=False),
)
@click.pass_obj
def command(screen: Screen, folder: Path) -> int:
    """Write a small set of specs and three preference pairs into DIR (`specs` by default).

    Never overwrites: where one of the files exists, none is written.
    """
    files = {folder / name: text for name, text in FILES.items()}
    if taken := [path for path in files if path.exists() or path.is_symlink()]:
        raise DpoOpsError(
            f"{taken[0]} exists; nothing was written",
            why="init never overwrites",
            fix="name another folder, or move it away",
        )
    _write(folder, files)
    screen.data("".join(f"wrote {path}\n" for path in files))
    where = "" if folder == Path("specs") else f" {folder}"
    screen.say(
        "\nNext, without a key:\n"
        f"  dpo-ops validate{where}\n"
        f"  dpo-ops plan{where} --emulator\n"
        f"  dpo-ops apply{where} --emulator\n"
        "\nWith FIREWORKS_API_KEY set, leave --emulator out.\n"
    )
    return DONE


def _write(folder: Path, files: dict[Path, str]) -> None:
    """Write all files, or none: what was written goes again where one fails."""
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            # "x": a file that appeared since the look above is not overwritten either.
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise DpoOpsError(
            f"{folder} can't be written to; nothing was left there", why=str(error)
        ) from error
