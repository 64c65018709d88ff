"""`dpo-ops emulator serve`: a stand-in of the Fireworks API on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import EMULATOR_DATA, with_engine
from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from typing import Literal

    from dpo_ops.cli.options import EngineChoice
    from dpo_ops.cli.screen import Screen


@click.group("emulator")
def command() -> None:
    """Serve a stand-in of the Fireworks API on this machine.

    Commands with --emulator need no server: they have one inside.
    """


@command.command("serve")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes any that is free.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=EMULATOR_DATA,
    show_default=True,
    metavar="DIR",
    help="Where it keeps what it was told.",
)
@click.option(
    "--profile",
    type=click.Choice(["managed", "retired"]),
    default="managed",
    show_default=True,
    help="The service with managed training, or as it is since that was retired.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Emulated seconds that pass in a second.",
)
@click.option("--api-key", metavar="KEY", help="The only key let in; else any key is.")
@with_engine
@click.pass_obj
def serve(  # noqa: PLR0913  -- one for each option
    screen: Screen,
    *,
    port: int,
    data: Path,
    profile: Literal["managed", "retired"],
    time_scale: float,
    api_key: str | None,
    engine: EngineChoice,
) -> int:
    """Serve until SIGINT or SIGTERM. Says `listening on http://127.0.0.1:N` when it is ready.

    To use it, set FIREWORKS_BASE_URL to that address, and FIREWORKS_API_KEY.
    """
    from dpo_ops import emulator
    from dpo_ops.cli.account import made

    screen.masks.add(api_key)
    data.mkdir(parents=True, exist_ok=True)
    try:
        emulator.serve(
            port=port,
            data=data,
            profile=profile,
            time_scale=time_scale,
            api_key=api_key,
            engine=made(engine),
            announce=lambda line: screen.data(f"{line}\n"),
        )
    except OSError as error:
        fix = "choose another --port, or 0 for any that is free"
        raise SettingsError(f"can't serve on port {port}", why=str(error), fix=fix) from error
    return DONE
