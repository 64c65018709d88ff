"""Check files of pairs and print what is wrong, with the text that it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from dpo_ops import pairs, reporters
from dpo_ops.cli.results import show
from dpo_ops.errors import DpoOpsError, Finding, Place
from dpo_ops.pairs.excerpts import excerpts
from dpo_ops.pairs.policy import Policy, judge
from dpo_ops.pairs.tokens import measure
from dpo_ops.reporters import pairs as told
from dpo_ops.reporters.style import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dpo_ops.cli.screen import Screen
    from dpo_ops.pairs import Inspection, Rule
    from dpo_ops.pairs.deep import Depth
    from dpo_ops.pairs.excerpts import Excerpt
    from dpo_ops.pairs.policy import Level
    from dpo_ops.pairs.rows import Pair
    from dpo_ops.pairs.tokens import Tokenizer
    from dpo_ops.reporters.pairs import Checked
    from dpo_ops.reporters.style import Style


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked for: `depth` for a deep look, `held_out` for leaks into that file."""

    depth: Depth | None = None
    held_out: Path | None = None
    severities: Mapping[str, Level] = field(default_factory=dict)


def checked(files: Sequence[Path], wanted: Wanted) -> Checked:
    """Return what is wrong with the rows of `files`, and with the held-out file beside them."""
    held_out = [wanted.held_out] if wanted.held_out else []
    named = {str(path): path for path in (*files, *held_out)}
    inspected = {name: pairs.inspect(path, shown=name) for name, path in named.items()}
    found = [f for name in named for f in _findings(name, named[name], inspected[name], wanted)]
    found += [f for path in files for f in _leaks(path, inspected, wanted)]
    policy = Policy(wanted.severities, where="--severity")
    findings = judge(found, policy, today=datetime.now(UTC).date()).findings
    return told.Checked(
        files=tuple(
            told.CheckedFile(name, one.rows, one.size, one.digest)
            for name, one in inspected.items()
        ),
        findings=findings,
        excerpts=_excerpts(named, findings),
    )


def _findings(name: str, path: Path, found: Inspection, wanted: Wanted) -> Iterator[Finding]:
    yield from found.findings
    if wanted.depth and found.digest:
        from dpo_ops.pairs.deep import look_deep  # noqa: PLC0415  -- only a deep look needs it

        yield from look_deep(path, wanted.depth, shown=name)


def _leaks(path: Path, inspected: Mapping[str, Inspection], wanted: Wanted) -> Sequence[Finding]:
    """Return the rows of the held-out file that `path` has too; none where one can't be read."""
    held_out = wanted.held_out
    if held_out is None or not all(inspected[str(one)].digest for one in (path, held_out)):
        return ()
    from dpo_ops.pairs.leaks import leaks  # noqa: PLC0415  -- most checks have no such file

    return leaks(path, held_out, shown=str(held_out), named=str(path))


def depth(tokenizer: Tokenizer, context: int) -> Depth:
    """Return how deep to look: with a context length, also at the tokens of the longer side."""
    from dpo_ops.pairs import deep  # noqa: PLC0415  -- only a deep look needs it

    def tokens(pair: Pair) -> int:
        found = measure(pair, tokenizer)
        return found.prompt + max(found.preferred, found.other)

    return deep.Depth(count=tokens, context=context)


def _excerpts(named: Mapping[str, Path], findings: Sequence[Finding]) -> dict[Place, Excerpt]:
    places = sorted(f.where for f in findings if isinstance(f.where, Place))
    found: dict[Place, Excerpt] = {}
    for file, group in groupby(places, key=lambda place: place.file):
        wanted = {(place.line, place.column) for place in group}
        for (line, column), text in excerpts(named[file], wanted).items():
            found[Place(file, line, column)] = text
    return found


def print_checked(screen: Screen, found: Checked, *, sarif: bool) -> None:
    """Write the result to standard output in the form that was asked for."""
    style = screen.data_style()
    if sarif:
        document = told.sarif_document(found.findings, pairs.RULES, style)
        screen.data(reporters.json_text(document))
        return
    show(
        screen,
        text=lambda: told.check_text(found, style),
        markdown=lambda: told.check_markdown(found, style),
        document=lambda: told.check_document(found),
        html=lambda: told.check_html(found, style),
        findings=found.findings,
    )


def show_refused(screen: Screen) -> Callable[[Finding], None]:
    """Return the function that names each row which can't be used, as it is met."""
    style = screen.style()

    def say(finding: Finding) -> None:
        screen.say(reporters.findings_text([finding], style))

    return say


def rule_text(word: str | None, style: Style) -> str:
    """Return the page about a rule, given by id or name; without one, all rules on a line each.

    Raises:
        DpoOpsError: there is no such rule.
    """
    lines = _all_rules(style) if word is None else _one_rule(word, style)
    return "".join(f"{line}\n" for line in lines)


def rules_named(word: str | None) -> Mapping[str, Rule]:
    """Return the rule that is named by id or name, or all.

    Raises:
        DpoOpsError: there is no such rule.
    """
    if word is None:
        return pairs.RULES
    name = pairs.named(word)
    if name is None:
        raise no_rule(word)
    return {name: pairs.RULES[name]}


def no_rule(word: str) -> DpoOpsError:
    """Return the failure of naming a rule that there is not."""
    return DpoOpsError(f"there is no rule {word}", fix="`dpo-ops pairs explain` lists them")


def _all_rules(style: Style) -> Iterator[str]:
    width = max(map(len, pairs.RULES))
    for name, rule in pairs.RULES.items():
        head = f"{rule.id}  {name:<{width}}  {rule.severity:<7}  "
        yield from wrap(rule.what, style.width, first=head, rest=" " * len(head))


def _one_rule(word: str, style: Style) -> Iterator[str]:
    from dpo_ops.pairs.rulebook import explanation  # noqa: PLC0415  -- a list needs no pages

    page = explanation(word)
    if page is None:
        raise no_rule(word)
    for line in page.splitlines():
        # A row is shown as it is: broken over lines it would be no row.
        yield from [line] if line.startswith(" ") or not line else wrap(line, style.width)
