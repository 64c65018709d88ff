"""`dpo-ops import`: specs for what exists in an account. Reads the account, writes files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.options import Target, with_screen, with_target
from dpo_ops.cli.screen import Format

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("import")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Import all that there is.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("imported"),
    show_default=True,
    metavar="DIR",
    help="Where the specs are written: one file a kind.",
)
@click.option("--force", is_flag=True, help="Write over files that exist.")
@with_target
@lambda command: with_screen(command, formats=(Format.TEXT, Format.JSON))
def command(
    screen: Screen,
    target: Target,
    *,
    names: tuple[str, ...],
    everything: bool,
    out: Path,
    force: bool,
) -> int:
    """Write specs for what exists in the account: datasets, models and deployments.

    NAME is an id, a full name, or a pattern such as 'prod-*'. Each spec is `external: true`, so
    that it changes nothing and plans to no changes at once; a comment beside it says how to
    take the thing over with `adopt`.
    """
    from dpo_ops.cli.account import account
    from dpo_ops.cli.desired import hide_secrets
    from dpo_ops.cli.endings import DONE
    from dpo_ops.cli.results import show
    from dpo_ops.cli.specs_files import write_specs
    from dpo_ops.errors import DpoOpsError
    from dpo_ops.kinds.facts import Listing
    from dpo_ops.observer import survey
    from dpo_ops.reporters.imported import imported, imported_document, imported_text, skipped_text

    if everything == bool(names):
        raise click.UsageError("name what to import, or give --all")
    hide_secrets(screen)
    with account(screen, target, None, read_only=True) as client:
        found = imported(Listing(survey(client)), client.account, names, screen.masks)
    screen.say(skipped_text(found, screen.style()))
    if not found.files:
        raise DpoOpsError(
            "there is nothing to import" if everything else "nothing has such a name",
            where=f"account {found.account}",
            fix="" if everything else "look with --all, or check the names",
        )
    paths = write_specs(out, found.files, force=force)
    style = screen.data_style()
    show(
        screen,
        text=lambda: imported_text(found, paths, style),
        markdown=lambda: "",
        document=lambda: imported_document(found, paths),
    )
    screen.say(f"\nThey change nothing: `dpo-ops plan {out}` shows it.\n")
    return DONE
