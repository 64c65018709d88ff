"""`dpo-ops lineage`: what something came from, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("lineage")
@click.argument("name")
@with_specs
@click.option("--offline", is_flag=True, help="Ask Git only, not the account.")
@with_target
@with_screen
def command(screen: Screen, name: str, specs: Specs, target: Target, *, offline: bool) -> int:
    """Show what NAME came from, and what came of it: deployment, model, job, data, commit.

    NAME is an address such as Deployment/einstein, an id, a full name of the account, the hash
    of a commit, or at least 10 characters of the sha256 of a file of pairs.
    """
    from dpo_ops.cli.past import look_at_all, one_of
    from dpo_ops.cli.results import show, warn
    from dpo_ops.planner.lineage import graph
    from dpo_ops.reporters.lineage import Lineage, lineage_document, lineage_markdown, lineage_text

    past = look_at_all(screen, specs, target, offline=offline)
    whole = graph(past.releases, past.account or "-", past.records)
    asked = one_of(whole, name)
    found = Lineage(asked, past.stack, past.account, whole.around(asked), past.doubts, past.offline)
    warn(screen, past.doubts)
    style = screen.data_style()
    show(
        screen,
        text=lambda: lineage_text(found, style),
        markdown=lambda: lineage_markdown(found, style),
        document=lambda: lineage_document(found),
    )
    return DONE
