"""Where the stages of the loader put what they find, so that one run reports all of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dpo_ops.errors import Finding, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PER_FILE = 100


class Refused(Exception):
    """Something can't be read any further; `finding` says what and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Log:
    """The findings so far, each once, and no more than 100 a file."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}
        self._per_file: Counter[str] = Counter()
        self.errors = 0
        """How many errors were reported, repeated ones included: it grows with each."""

    def report(
        self, where: Place | str, what: str, why: str = "", fix: str = "", *, rule: str
    ) -> None:
        """Report an error, unless its file has had too many."""
        if isinstance(where, Place) and self._per_file[where.file] > MAX_PER_FILE:
            self.errors += 1
        else:
            self.add(Finding(where, what, why, fix, rule))

    def add(self, finding: Finding) -> None:
        """Report a finding of any severity."""
        self.errors += finding.severity is Severity.ERROR
        if finding in self._findings:
            return
        file = finding.where.file if isinstance(finding.where, Place) else ""
        if file:
            self._per_file[file] += 1
        if self._per_file[file] <= MAX_PER_FILE:
            self._findings[finding] = None
        elif self._per_file[file] == MAX_PER_FILE + 1:
            self._findings[_more(finding)] = None

    def extend(self, findings: Iterable[Finding]) -> None:
        """Report findings of a stage that limits their number itself."""
        for finding in findings:
            self.errors += finding.severity is Severity.ERROR
            self._findings[finding] = None

    def all(self) -> tuple[Finding, ...]:
        """Return the findings in the order of files, lines and columns."""
        return tuple(sorted(self._findings, key=_order))


def _more(finding: Finding) -> Finding:
    what = f"more than {MAX_PER_FILE} findings in this file; the rest is not shown"
    return Finding(finding.where, what, fix="fix these first, then look again", rule="too-many")


def _order(finding: Finding) -> tuple[str, int, int]:
    if isinstance(finding.where, Place):
        return (finding.where.file, finding.where.line, finding.where.column)
    return ("", 0, 0)
