"""`dpo-ops card`: a model card, from Git, the account and the file of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import DONE
from dpo_ops.cli.options import Specs, Target, with_screen, with_specs, with_target

if TYPE_CHECKING:
    from dpo_ops.cli.screen import Screen


@click.command("card")
@click.argument("name")
@with_specs
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the card to FILE instead, over one that is there.",
)
@click.option("--offline", is_flag=True, help="Ask Git only, not the account.")
@with_target
@with_screen
def command(
    screen: Screen, name: str, specs: Specs, target: Target, *, out: Path | None, offline: bool
) -> int:
    """Write the model card of NAME in Markdown: what it was made from, how, and how it went.

    NAME is the id of a model or of its job, or the address of what trains it, such as
    DPOJob/einstein-tune. Of the metrics it has the last step; what the account alone knows is
    left out without a key.
    """
    from dpo_ops import reporters
    from dpo_ops.cli.cards import cards_of, write_text
    from dpo_ops.cli.screen import Format
    from dpo_ops.reporters.card import card_document, card_markdown

    (card,) = cards_of(screen, specs, target, [name], offline=offline)
    if screen.format is Format.JSON:
        text = reporters.json_text(card_document(card))
    else:
        text = card_markdown(card, screen.data_style())
    if out is None:
        screen.data(text)
    else:
        write_text(screen, out, text)
    return DONE
