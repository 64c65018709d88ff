"""`dpo-ops pairs`: files of preference pairs, offline and without a key."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpo_ops.cli.endings import CHANGES, DONE, ERROR
from dpo_ops.cli.options import with_screen
from dpo_ops.cli.pairs_options import (
    FILES,
    LEVEL,
    PAGED,
    PLAIN,
    SHARE,
    force,
    tokenizer_of,
    with_check_screen,
    with_tokenizer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.cli.screen import Screen
    from dpo_ops.pairs.policy import Level


@click.group("pairs")
@click.pass_obj
def command(screen: Screen) -> None:
    """Check, compare, count, price, convert and split preference pairs.

    Everything here is offline and needs no key, so it works on a fork's pull request too.
    """
    if Path("specs").exists():  # Rows may repeat what specs beside them keep secret.
        from dpo_ops.cli.desired import hide_secrets

        hide_secrets(screen)


@command.command("check")
@click.argument("files", **FILES)
@click.option(
    "--held-out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file whose inputs must not be among those of FILES.",
)
@click.option(
    "--severity",
    "severities",
    type=LEVEL,
    multiple=True,
    metavar="RULE=LEVEL",
    help="How bad a rule is here: error, warning or off; may be given again.",
)
@click.option(
    "--deep", is_flag=True, help="Look also for near duplicates, secrets and personal data."
)
@click.option(
    "--max-context",
    type=click.IntRange(0),
    default=0,
    metavar="TOKENS",
    help="With --deep: the most that a pair may have on its longer side.",
)
@with_tokenizer
@with_check_screen
def check(  # noqa: PLR0913  -- one for each option
    screen: Screen,
    files: Sequence[Path],
    *,
    held_out: Path | None,
    severities: Sequence[tuple[str, Level]],
    deep: bool,
    max_context: int,
    tokenizer: Path | None,
    sarif: bool,
) -> int:
    """Check the rows of FILES, and show the text that is wrong.

    Exit codes: 0 good, perhaps with warnings; 1 something is wrong.
    """
    from dpo_ops.cli.pairs_check import Wanted, checked, depth, print_checked

    looked = depth(tokenizer_of(tokenizer), max_context) if deep else None
    found = checked(files, Wanted(looked, held_out, dict(severities)))
    print_checked(screen, found, sarif=sarif)
    return ERROR if found.wrong else DONE


@command.command("stats")
@click.argument("files", **FILES)
@with_tokenizer
@partial(with_screen, formats=PAGED)
def stats(screen: Screen, files: Sequence[Path], tokenizer: Path | None) -> int:
    """Show what the pairs of FILES look like: lengths, bias, repeats, roles, scripts."""
    from dpo_ops.cli.results import show
    from dpo_ops.pairs.stats import statistics
    from dpo_ops.reporters import pairs as reporters

    found = statistics(files, tokenizer_of(tokenizer))
    style = screen.data_style()
    show(
        screen,
        text=lambda: reporters.stats_text(found, style),
        markdown=lambda: reporters.stats_markdown(found, style),
        document=lambda: reporters.stats_document(list(map(str, files)), found),
        html=lambda: reporters.stats_html(found, style),
    )
    return DONE


@command.command("diff")
@click.argument("before")
@click.argument("after")
@click.option(
    "--samples",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    metavar="N",
    help="How many pairs to show of each sort of change.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 2 where the pairs differ.")
@with_tokenizer
@partial(with_screen, formats=PAGED)
def diff(
    screen: Screen,
    before: str,
    after: str,
    *,
    samples: int,
    exit_code: bool,
    tokenizer: Path | None,
) -> int:
    """Show which pairs were added, removed, edited, flipped and moved from BEFORE to AFTER.

    Each is a file, or REV:path for one in git, such as main:data/pairs.jsonl.
    """
    from dpo_ops.cli.results import show
    from dpo_ops.cli.revisions import opened
    from dpo_ops.pairs.diff import compare
    from dpo_ops.pairs.prices import prices
    from dpo_ops.reporters import pairs as reporters

    with ExitStack() as stack:
        old, new = (stack.enter_context(opened(name)) for name in (before, after))
        found = compare(old, new, tokenizer=tokenizer_of(tokenizer), samples=samples)
    style, names, bands = screen.data_style(), (before, after), prices().bands
    show(
        screen,
        text=lambda: reporters.diff_text(names, found, bands, style),
        markdown=lambda: reporters.diff_markdown(names, found, bands, style),
        document=lambda: reporters.diff_document(names, found),
        html=lambda: reporters.diff_html(names, found, bands, style),
    )
    return CHANGES if exit_code and not found.equal else DONE


@command.command("cost")
@click.argument("files", **FILES)
@click.option("--base-model", default="", metavar="NAME", help="The model to tune; else each size.")
@click.option(
    "--epochs", type=click.IntRange(1), default=1, show_default=True, help="Passes over the data."
)
@with_tokenizer
@with_screen
def cost(
    screen: Screen, files: Sequence[Path], base_model: str, epochs: int, tokenizer: Path | None
) -> int:
    """Show what DPO on the pairs of FILES costs on the managed service."""
    from dpo_ops.cli.results import show
    from dpo_ops.pairs.cost import costs
    from dpo_ops.pairs.prices import prices
    from dpo_ops.reporters import pairs as reporters

    counted = tokenizer_of(tokenizer)
    found = costs(files, prices(), epochs=epochs, base_model=base_model, tokenizer=counted)
    style = screen.data_style()
    show(
        screen,
        text=lambda: reporters.cost_text(found, style),
        markdown=lambda: reporters.cost_markdown(found, style),
        document=lambda: reporters.cost_document(list(map(str, files)), found),
    )
    return DONE


@command.command("explain")
@click.argument("rule", required=False)
@partial(with_screen, formats=PLAIN)
def explain(screen: Screen, rule: str | None) -> int:
    """Say what RULE (an id or a name) asks, why, and what to do; without it, list the rules."""
    from dpo_ops.cli.pairs_check import rule_text, rules_named
    from dpo_ops.cli.results import show
    from dpo_ops.reporters import pairs as reporters

    text = partial(rule_text, rule, screen.data_style())
    document = partial(reporters.rules_document, rules_named(rule))
    show(screen, text=text, markdown=text, document=document)
    return DONE


@command.command("import")
@click.argument("files", **FILES)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The file to write."
)
@click.option("--skip-bad", is_flag=True, help="Leave out the rows that can't be converted.")
@force
@partial(with_screen, formats=PLAIN)
def import_(
    screen: Screen, files: Sequence[Path], output: Path, *, skip_bad: bool, overwrite: bool
) -> int:
    """Convert FILES to the row format: JSONL as TRL has it, transcripts, or Parquet.

    Each row that can't be converted is named on standard error; then nothing is written,
    unless --skip-bad is given.
    """
    from dpo_ops.cli.pairs_check import show_refused
    from dpo_ops.cli.results import show
    from dpo_ops.pairs.imports import import_files
    from dpo_ops.reporters import pairs as reporters
    from dpo_ops.reporters.style import count

    found = import_files(files, output, refuse=show_refused(screen), skip=skip_bad, force=overwrite)
    left = f", {found.refused:,} left out" if found.refused else ""
    text = f"wrote {count(found.rows, 'pair')} to {output}{left}\n"
    document = partial(reporters.import_document, str(output), found)
    show(screen, text=lambda: text, markdown=lambda: text, document=document)
    return DONE


@command.command("split")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--share",
    type=SHARE,
    default="10%",
    show_default=True,
    help="The part to hold out of training.",
)
@click.option(
    "--training", required=True, type=click.Path(path_type=Path), help="The file to train on."
)
@click.option(
    "--held-out", required=True, type=click.Path(path_type=Path), help="The file to hold out."
)
@click.option("--seed", default="", help="Any text; another one draws another part.")
@click.option("--skip-bad", is_flag=True, help="Leave out the lines that are no pairs.")
@force
@partial(with_screen, formats=PLAIN)
def split(  # noqa: PLR0913  -- one for each option
    screen: Screen,
    file: Path,
    *,
    share: float,
    training: Path,
    held_out: Path,
    seed: str,
    skip_bad: bool,
    overwrite: bool,
) -> int:
    """Divide FILE into pairs to train on and pairs to hold out, by what their input says.

    The same input always lands on the same side, in whichever file and order.
    """
    from dpo_ops.cli.pairs_check import show_refused
    from dpo_ops.cli.results import show
    from dpo_ops.pairs import split as dividing
    from dpo_ops.reporters import pairs as reporters
    from dpo_ops.reporters.style import count

    found = dividing.split(
        file,
        training,
        held_out,
        dividing.Rule(share, seed),
        refuse=show_refused(screen),
        skip=skip_bad,
        force=overwrite,
    )
    left = f"{found.lost:,} left out\n" if found.lost else ""
    text = (
        f"{training}: {count(found.training, 'pair')}\n"
        f"{held_out}: {count(found.held_out, 'pair')}\n{left}"
    )
    document = partial(reporters.split_document, str(training), str(held_out), found)
    show(screen, text=lambda: text, markdown=lambda: text, document=document)
    return DONE
