"""Whether a held-out file asks what the training data has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.pairs.keys import input_key
from dpo_ops.pairs.rows import lines, pair_of
from dpo_ops.pairs.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.errors import Finding


def leaks(
    training: Path, held_out: Path, *, shown: str, named: str, cap: int = 10
) -> tuple[Finding, ...]:
    """Return a finding for each row of `held_out` whose input is one of `training`, too.

    Findings call the held-out file `shown` and name lines of the training data as `named`;
    at most `cap` of them, then one that counts the rest. Memory grows with the
    held-out file, by some 100 bytes a row. Rows that are no pair are passed over.

    Raises:
        DpoOpsError: one of the files can't be read.
    """
    asked: dict[int, int] = {}
    for number, said in _inputs(held_out):
        asked.setdefault(said, number)
    seen: dict[int, int] = {}
    for number, said in _inputs(training):
        if said in asked:
            seen.setdefault(said, number)
    tally = Tally(shown, cap)
    for number, said in _inputs(held_out) if seen else ():
        if said in seen:
            what = f"the same input as in line {seen[said]} of {named}"
            tally.add("held-out-leak", number, 1, what)
    return tally.findings()


def _inputs(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the line number and the key of the input of each pair."""
    for line in lines(path):
        pair = pair_of(line.data)
        if pair:
            yield line.number, input_key(pair)
