"""What there is to say about pairs in any format: percentages, histograms, names, costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.kinds.pricing import MILLION
from dpo_ops.pairs.diff import Fate
from dpo_ops.pairs.tokens import ESTIMATE_ERROR
from dpo_ops.reporters.plan_words import dollars
from dpo_ops.reporters.style import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpo_ops.kinds.pricing import Band
    from dpo_ops.pairs.diff import Comparison
    from dpo_ops.pairs.stats import Lengths, Statistics

BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def share(part: int, whole: int) -> str:
    """Return a percentage, which is only 0 or 100 where it is so exactly."""
    if part in (0, whole) or not whole:
        return "0%" if not part else "100%"
    percent = min(max(100 * part / whole, 0.1), 99.9)
    return f"{percent:.1f}%"


def columns(lengths: Sequence[Lengths]) -> range:
    """Return the exponents of the buckets that several histograms have together."""
    ends = [b.up_to.bit_length() - 1 for one in lengths for b in one.histogram if b.rows]
    return range(min(ends), max(ends) + 1) if ends else range(0)


def bars(lengths: Lengths, exponents: range) -> str:
    """Return a histogram, one character a bucket; a dot where there is nothing."""
    rows = {bucket.up_to.bit_length() - 1: bucket.rows for bucket in lengths.histogram}
    most = max(rows.values(), default=0)
    return "".join(_bar(rows.get(n, 0), most) for n in exponents)


def _bar(rows: int, most: int) -> str:
    return BARS[(rows * len(BARS) - 1) // most] if rows else _NONE


def axis(exponents: range) -> str:
    """Return what the buckets of a histogram stand for: `up to 8 … 2,048`."""
    if not exponents:
        return ""
    first, last = 1 << exponents[0], 1 << exponents[-1]
    return f"up to {first:,} … {last:,}" if first < last else f"up to {first:,}"


def table_of(found: Statistics) -> list[tuple[str, ...]]:
    """Return the lengths as rows of cells, with the head first."""
    named = {"prompt": found.prompt, "preferred": found.preferred, "non-preferred": found.other}
    exponents = columns(list(named.values()))
    head = ("tokens", "mean", "p50", "p90", "p99", "max", "total", axis(exponents))
    rows = [_lengths(name, one, bars(one, exponents)) for name, one in named.items()]
    turns = found.turns
    own = columns([turns])
    last = _lengths("messages", turns, f"{bars(turns, own)} {axis(own)}")
    return [head, *rows, last]


def _lengths(name: str, one: Lengths, histogram: str) -> tuple[str, ...]:
    numbers = (one.p50, one.p90, one.p99, one.longest, one.total)
    mean = f"{one.mean:,.1f}" if one.mean < 10 else f"{one.mean:,.0f}"  # noqa: PLR2004  -- digits that tell something
    return (name, mean, *(f"{number:,}" for number in numbers), histogram)


def remarks(found: Statistics) -> Iterator[tuple[str, str]]:
    """Yield what else the numbers say, each with its name."""
    bias, rows = found.bias, found.rows
    ratio = f"; {bias.ratio:.2f} times as long on average" if bias.ratio else ""
    longer, shorter = share(bias.longer, rows), share(bias.shorter, rows)
    yield "length bias", f"preferred is longer in {longer} of pairs, shorter in {shorter}{ratio}"
    yield (
        "duplicates",
        f"{found.duplicates:,} of {count(rows, 'row')} ({share(found.duplicates, rows)})",
    )
    repeated = share(found.repeated_inputs, rows)
    yield "repeated inputs", f"{found.repeated_inputs:,} ({repeated})"
    yield "roles", listed(found.roles)
    yield "scripts", listed(found.scripts)
    yield "tokenizer", tokenizer(found.tokenizer, estimated=found.tokens.estimated)


def listed(counts: Mapping[str, int], most: int = 8) -> str:
    """Return `user 284, system 12`, the most frequent first."""
    shown = [f"{name} {number:,}" for name, number in list(counts.items())[:most]]
    more = len(counts) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"


def tokenizer(name: str, *, estimated: bool) -> str:
    """Return how tokens were counted; an estimate is called one, with its error."""
    return f"none; estimated, {ESTIMATE_ERROR}" if estimated else name


def unread(number: int) -> str:
    """Return what to say of lines that are no pairs, or nothing."""
    if not number:
        return ""
    return f"{count(number, 'line')} left out: no pair; see `dpo-ops pairs check`"


SYMBOLS = {
    Fate.ADDED: "+",
    Fate.REMOVED: "-",
    Fate.EDITED_PREFERRED: "~",
    Fate.EDITED_OTHER: "~",
    Fate.EDITED_BOTH: "~",
    Fate.FLIPPED: "!",
    Fate.MOVED: ">",
    Fate.SAME: "=",
}


def differences(found: Comparison) -> Iterator[tuple[str, int, str]]:
    """Yield a symbol, a number and what it counts; only what there is, but always the same."""
    counts = found.counts
    sides = (
        (counts[Fate.EDITED_PREFERRED], "preferred"),
        (counts[Fate.EDITED_OTHER], "non-preferred"),
        (counts[Fate.EDITED_BOTH], "both"),
    )
    edited = ", ".join(f"{number:,} {side}" for number, side in sides if number)
    rewritten = counts[Fate.REWRITTEN]
    same = f" ({rewritten:,} written differently)" if rewritten else ""
    rows = (
        ("+", counts[Fate.ADDED], "added"),
        ("-", counts[Fate.REMOVED], "removed"),
        ("~", found.edited, f"edited: {edited}"),
        ("!", counts[Fate.FLIPPED], "flipped: the sides are swapped"),
        (">", counts[Fate.MOVED], "moved, and otherwise the same"),
    )
    yield from (row for row in rows if row[1])
    yield "=", counts[Fate.SAME], f"the same{same}"


def token_change(found: Comparison) -> str:
    """Return by how many training tokens an epoch grows or shrinks."""
    change = found.tokens_after.billable() - found.tokens_before.billable()
    estimated = found.tokens_after.estimated or found.tokens_before.estimated
    return f"{change:+,}" + (" (estimate)" if estimated else "")


def cost_change(found: Comparison, bands: Sequence[Band]) -> str:
    """Return by how much an epoch of LoRA costs more or less, for each size of base model."""
    change = found.tokens_after.billable() - found.tokens_before.billable()
    return ", ".join(f"{signed(change / MILLION * band.adapter)} ({band.name})" for band in bands)


def signed(amount: float) -> str:
    """Return US dollars more or less."""
    return f"{dollars(abs(amount))} {'less' if amount < 0 else 'more'}" if amount else "$0.00"
