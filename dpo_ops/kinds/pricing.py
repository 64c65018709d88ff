"""What training and serving cost, from a table of prices that is given. Pure arithmetic.

Sources: the price page for the rates; the platform's own cost estimator for the formula
`rows x epochs x (2P + C + R)` tokens and for the 30 % by which it says that it may be wrong.
What is not known is said not to be, with why; it is never nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dpo_ops.resource import Tokens

MILLION: Final = 1_000_000
BILLION: Final = 1_000_000_000


class Per(StrEnum):
    """What a cost is charged for: once for a job, or for each hour."""

    JOB = "job"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars from `low` to `high`, per job or per hour; `basis` says how they come about.

    With `more` it is what comes on top of what was paid before.
    """

    low: float
    high: float
    per: Per
    basis: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why a cost, per job or per hour, is not known: that of `least` to `most` of something."""

    why: str
    per: Per
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """US dollars per million tokens for base models of up to so many billions of parameters."""

    up_to: float
    adapter: float
    full: float

    @property
    def name(self) -> str:
        """How the band is called: `up to 16B`; the last one is that of any larger model."""
        return "the largest models" if self.up_to == float("inf") else f"up to {self.up_to:g}B"

    def rate(self, *, full: bool) -> float:
        """Return the US dollars per million tokens."""
        return self.full if full else self.adapter


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars as `source` had them on the day `as_of`.

    `margin` is the share by which an estimate of training may be wrong. `gpu_hours` are by
    accelerator type, at rates that hold since the day `since`; `restricted` is the factor for
    a placement that is not global.
    """

    source: str
    as_of: str
    margin: float
    bands: tuple[Band, ...]
    since: str
    gpu_hours: Mapping[str, float]
    restricted: float


_SIZE: Final = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:[.p]\d+)?)b(?![a-z0-9])")
_EXPERTS: Final = re.compile(r"\d+b-\d+e(?![a-z0-9])")


def billions(model: str) -> float | None:
    """Return the billions of parameters that the name of a base model says, or None.

    `qwen3-30b-a3b` has 30, `mixtral-8x7b` 56. `llama4-scout-17b-16e` says only what is active of
    it, so nothing is known.
    """
    name = last_segment(model).lower()
    found = None if _EXPERTS.search(name) else _SIZE.search(name)
    if found is None:
        return None
    return int(found[1] or 1) * float(found[2].replace("p", "."))


def unsized(model: str) -> Unpriced:
    """Return why training a base model has no price when its name says no size."""
    what = f"the name {last_segment(model)} does not say how large the model is"
    return Unpriced(what, Per.JOB)


def band_of(prices: Prices, size: float) -> Band:
    """Return the band of a base model of `size` billions of parameters."""
    return next(band for band in prices.bands if size <= band.up_to)


def training(prices: Prices, tokens: Tokens, *, epochs: int, size: float, full: bool) -> Cost:
    """Return what one DPO job costs on the managed service; `full` tunes all parameters."""
    band = band_of(prices, size)
    billable = tokens.billable(epochs)
    exact = billable / MILLION * band.rate(full=full)
    about = "about " if tokens.estimated else ""
    what = "all parameters" if full else "LoRA"
    return Cost(
        low=exact * (1 - prices.margin),
        high=exact * (1 + prices.margin),
        per=Per.JOB,
        basis=f"{about}{billable:,} tokens at ${band.rate(full=full):g} a million"
        f" for {what}, {band.name}; ±{prices.margin:.0%}",
    )


def serving(
    prices: Prices, gpu: str, gpus: int, *, least: int, most: int, restricted: bool
) -> Cost | Unpriced:
    """Return what `least` to `most` replicas of `gpus` accelerators each cost an hour."""
    rate = prices.gpu_hours.get(gpu)
    if rate is None:
        return Unpriced(f"there is no price for {gpu}", Per.HOUR, gpus * least, gpus * most)
    replica = rate * gpus * (prices.restricted if restricted else 1)
    name = gpu.removeprefix("NVIDIA_").replace("_", " ")
    where = f" x {prices.restricted:g} for its placement" if restricted else ""
    replicas = f"{least}" if least == most else f"{least} to {most}"
    return Cost(
        low=replica * least,
        high=replica * most,
        per=Per.HOUR,
        basis=f"{replicas} x {gpus} {name} at ${rate:g} an hour{where}",
    )


@dataclass(frozen=True, slots=True)
class Spend:
    """What several costs of one sort come to in US dollars.

    `unknown` counts those that are in no sum; where none is known, there is no sum.
    """

    low: float | None
    high: float | None
    unknown: int


def spend(costs: Iterable[Cost | Unpriced | None], per: Per) -> Spend:
    """Return the sum of the costs that are charged `per`, and how many are not known."""
    found = [cost for cost in costs if cost is not None and cost.per is per]
    known = [cost for cost in found if isinstance(cost, Cost)]
    unknown = len(found) - len(known)
    if unknown and not known:
        return Spend(None, None, unknown)
    return Spend(sum(cost.low for cost in known), sum(cost.high for cost in known), unknown)
