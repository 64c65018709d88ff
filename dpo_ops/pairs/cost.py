"""What it costs to train on some files of pairs: their tokens, and a price for each size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.kinds.pricing import Band, Cost, Unpriced, band_of, billions, training, unsized
from dpo_ops.pairs.tokens import ESTIMATE, count_file
from dpo_ops.resource import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpo_ops.kinds.pricing import Prices
    from dpo_ops.pairs.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one way to train, for base models of one band of sizes."""

    band: str
    full: bool
    cost: Cost


@dataclass(frozen=True, slots=True)
class Costs:
    """What training on some files costs. `quotes` is empty where `unpriced` says why.

    `estimate` is what the tokens would have been estimated at, where they were counted.
    """

    rows: int
    unreadable: int
    epochs: int
    tokens: Tokens
    tokenizer: str
    estimate: Tokens | None
    base_model: str
    quotes: tuple[Quote, ...]
    unpriced: str
    source: str
    as_of: str


def costs(
    paths: Sequence[Path],
    prices: Prices,
    *,
    epochs: int = 1,
    base_model: str = "",
    tokenizer: Tokenizer = ESTIMATE,
) -> Costs:
    """Return what DPO on all pairs of `paths` costs; without a base model, for each size.

    Raises:
        DpoOpsError: a file can't be read.
    """
    found = [count_file(path, tokenizer) for path in paths]
    tokens = total([one.tokens for one in found])
    bands = _bands(prices, base_model)
    return Costs(
        rows=sum(one.rows for one in found),
        unreadable=sum(one.unreadable for one in found),
        epochs=epochs,
        tokens=tokens,
        tokenizer=tokenizer.name,
        estimate=None if tokens.estimated else total([count_file(p).tokens for p in paths]),
        base_model=base_model,
        quotes=() if isinstance(bands, Unpriced) else _quotes(prices, bands, tokens, epochs),
        unpriced=bands.why if isinstance(bands, Unpriced) else "",
        source=prices.source,
        as_of=prices.as_of,
    )


def total(tokens: Sequence[Tokens]) -> Tokens:
    """Return the sum of several; it is an estimate if one of them is."""
    return Tokens(
        sum(one.prompt for one in tokens),
        sum(one.preferred for one in tokens),
        sum(one.other for one in tokens),
        estimated=any(one.estimated for one in tokens),
    )


def _bands(prices: Prices, base_model: str) -> Sequence[Band] | Unpriced:
    if not base_model:
        return prices.bands
    size = billions(base_model)
    if size is None:
        return unsized(base_model)
    return [band_of(prices, size)]


def _quotes(
    prices: Prices, bands: Sequence[Band], tokens: Tokens, epochs: int
) -> tuple[Quote, ...]:
    return tuple(
        Quote(band.name, full, training(prices, tokens, epochs=epochs, size=band.up_to, full=full))
        for band in bands
        for full in (False, True)
    )
