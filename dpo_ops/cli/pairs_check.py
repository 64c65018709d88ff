"""Check files of pairs and print what is wrong, with the text that it is about."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dpo_ops import pairs, reporters
from dpo_ops.cli.results import show
from dpo_ops.errors import DpoOpsError, Finding, Place
from dpo_ops.pairs.excerpts import excerpts
from dpo_ops.reporters.style import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dpo_ops.cli.screen import Screen
    from dpo_ops.pairs.excerpts import Excerpt
    from dpo_ops.reporters import Checked
    from dpo_ops.reporters.style import Style


def checked(files: Sequence[Path]) -> Checked:
    """Return what is wrong with the rows of `files`."""
    named = {str(path): path for path in files}
    inspected = {name: pairs.inspect(path, shown=name) for name, path in named.items()}
    findings = tuple(finding for one in inspected.values() for finding in one.findings)
    return reporters.Checked(
        files=tuple(
            reporters.CheckedFile(name, one.rows, one.size, one.digest)
            for name, one in inspected.items()
        ),
        findings=findings,
        excerpts=_excerpts(named, findings),
    )


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
        document = reporters.sarif_document(found.findings, pairs.RULES, style)
        screen.data(reporters.json_text(document))
        return
    show(
        screen,
        text=lambda: reporters.check_text(found, style),
        markdown=lambda: reporters.check_markdown(found, style),
        document=lambda: reporters.check_document(found),
        findings=found.findings,
    )


def show_refused(screen: Screen) -> Callable[[Finding], None]:
    """Return the function that names each row which can't be converted, as it is met."""
    style = screen.style()

    def say(finding: Finding) -> None:
        screen.say(reporters.findings_text([finding], style))

    return say


def rule_text(name: str | None, style: Style) -> str:
    """Return what one rule asks, why and what to do; without a name, all rules on a line each.

    Raises:
        DpoOpsError: there is no such rule.
    """
    if name is None:
        return "".join(f"{line}\n" for line in _all_rules(style))
    rule = pairs.RULES.get(name)
    if rule is None:
        raise DpoOpsError(f"there is no rule {name}", fix="`dpo-ops pairs explain` lists them")
    lines = wrap(rule.what, style.width, first=f"{name} ({rule.severity}): ", rest="  ")
    for label, text in (("why", rule.why), ("do", rule.fix)):
        lines += wrap(text, style.width, first=f"  {label + ':':<5}", rest=" " * 7)
    return "".join(f"{line}\n" for line in lines)


def _all_rules(style: Style) -> Iterator[str]:
    width = max(map(len, pairs.RULES))
    for name, rule in pairs.RULES.items():
        head = f"{name:<{width}}  {rule.severity:<7}  "
        yield from wrap(rule.what, style.width, first=head, rest=" " * len(head))
