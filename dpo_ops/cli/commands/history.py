"""`dpo-ops history`: which commit made which model, and what serves now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("history")
@with_specs
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="The last N commits only; what an earlier one made counts as new.",
)
@click.option("--offline", is_flag=True, help="Ask Git only, not the account.")
@with_target
@with_screen
def command(
    screen: Screen, specs: Specs, target: Target, *, limit: int | None, offline: bool
) -> int:
    """Show which commit made which model, from what data, how it is now, and what serves it.

    The commits are those of this branch that changed the specs in PATHS, their data or their
    values; nothing is checked out. Without a key the account's part is left out.
    """
    from dpo_ops.cli.past import look_at_all
    from dpo_ops.cli.results import show, warn
    from dpo_ops.errors import Place
    from dpo_ops.planner.history import history
    from dpo_ops.reporters.history import History, history_document, history_markdown, history_text

    past = look_at_all(screen, specs, target, limit=limit, offline=offline)
    entries = history(past.releases, past.account or "-", past.records)
    found = History(past.stack, past.account, entries, past.doubts, past.offline)
    # What is wrong with a commit stands beside it.
    warn(screen, [doubt for doubt in past.doubts if not isinstance(doubt.where, Place)])
    style = screen.data_style()
    show(
        screen,
        text=lambda: history_text(found, style),
        markdown=lambda: history_markdown(found, style),
        document=lambda: history_document(found),
    )
    return DONE
