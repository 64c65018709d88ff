"""What a file of pairs looks like, in numbers: lengths, bias, repeats, roles, scripts.

One pass. Lengths are counted by value, so mean and percentiles are exact in little memory;
repeats cost about 100 bytes a row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from dpo_ops.pairs.rows import INPUT, fingerprint, lines, pair_of
from dpo_ops.pairs.scripts import script_of
from dpo_ops.pairs.tokens import ESTIMATE, Measure, measure
from dpo_ops.resource import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dpo_ops.pairs.rows import Pair
    from dpo_ops.pairs.tokens import Tokenizer


class Bucket(NamedTuple):
    """How many rows have a length of at most `up_to`, and above the bucket before."""

    up_to: int
    rows: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long something is over all rows. The `histogram` has buckets that double."""

    total: int
    mean: float
    p50: int
    p90: int
    p99: int
    longest: int
    histogram: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Bias:
    """Which side is longer, in pairs, and the mean length of preferred over non-preferred.

    A model tuned on pairs whose preferred side is mostly longer learns to be wordy.
    """

    longer: int
    shorter: int
    equal: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What some files of pairs hold together; lengths are in tokens, `turns` in messages.

    `duplicates` counts rows that mean the same as an earlier one, `repeated_inputs` those whose
    input an earlier row has. `roles` counts messages, `scripts` rows. `tokens` are all of them.
    """

    rows: int
    unreadable: int
    turns: Lengths
    prompt: Lengths
    preferred: Lengths
    other: Lengths
    bias: Bias
    duplicates: int
    repeated_inputs: int
    roles: Mapping[str, int]
    scripts: Mapping[str, int]
    tokens: Tokens
    tokenizer: str


def statistics(paths: Sequence[Path], tokenizer: Tokenizer = ESTIMATE) -> Statistics:
    """Return the numbers of all pairs in `paths`.

    Raises:
        DpoOpsError: a file can't be read.
    """
    seen = _Seen()
    for line in chain.from_iterable(map(lines, paths)):
        pair = pair_of(line.data)
        if pair is None:
            seen.unreadable += 1
        else:
            seen.add(pair, measure(pair, tokenizer))
    return seen.statistics(tokenizer)


class _Seen:
    """What was seen so far."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._sides: Counter[int] = Counter()  # the sign of preferred minus non-preferred
        self._rows: set[bytes] = set()
        self._inputs: set[bytes] = set()
        self._turns: Counter[int] = Counter()
        self._lengths: tuple[Counter[int], ...] = (Counter(), Counter(), Counter())
        self._roles: Counter[str] = Counter()
        self._scripts: Counter[str] = Counter()

    def add(self, pair: Pair, found: Measure) -> None:
        print_ = fingerprint(pair)
        self._rows.add(print_)
        self._inputs.add(print_[INPUT])
        self._turns[len(pair.messages)] += 1
        for counter, length in zip(self._lengths, found, strict=True):
            counter[length] += 1
        self._sides[(found.preferred > found.other) - (found.preferred < found.other)] += 1
        self._roles.update(message.role for message in pair.messages)
        last = pair.messages[-1].text if pair.messages else ""
        self._scripts[script_of(last + pair.preferred)] += 1

    def statistics(self, tokenizer: Tokenizer) -> Statistics:
        rows = self._turns.total()
        prompt, preferred, other = map(lengths, self._lengths)
        totals = (prompt.total, preferred.total, other.total)
        return Statistics(
            rows=rows,
            unreadable=self.unreadable,
            turns=lengths(self._turns),
            prompt=prompt,
            preferred=preferred,
            other=other,
            bias=Bias(
                longer=self._sides[1],
                shorter=self._sides[-1],
                equal=self._sides[0],
                ratio=preferred.mean / other.mean if other.mean else None,
            ),
            duplicates=rows - len(self._rows),
            repeated_inputs=rows - len(self._inputs),
            roles=dict(self._roles.most_common()),
            scripts=dict(self._scripts.most_common()),
            tokens=Tokens(*totals, estimated=tokenizer.estimated),
            tokenizer=tokenizer.name,
        )


def lengths(counts: Mapping[int, int]) -> Lengths:
    """Return mean, percentiles (by nearest rank) and histogram of values with their counts."""
    number = sum(counts.values())
    if not number:
        return Lengths(0, 0.0, 0, 0, 0, 0, ())
    values = sorted(counts)
    total = sum(value * counts[value] for value in values)
    p50, p90, p99 = (_percentile(values, counts, ceil(number * p / 100)) for p in (50, 90, 99))
    return Lengths(total, total / number, p50, p90, p99, values[-1], _histogram(values, counts))


def _percentile(values: Sequence[int], counts: Mapping[int, int], rank: int) -> int:
    below = 0
    for value in values:
        below += counts[value]
        if below >= rank:
            return value
    return values[-1]


def _histogram(values: Sequence[int], counts: Mapping[int, int]) -> tuple[Bucket, ...]:
    """Return buckets up to powers of two, from the one of the shortest to that of the longest."""
    found: Counter[int] = Counter()
    for value in values:
        found[_exponent(value)] += counts[value]
    return tuple(Bucket(1 << n, found[n]) for n in range(min(found), max(found) + 1))


def _exponent(value: int) -> int:
    return max(0, value - 1).bit_length()
