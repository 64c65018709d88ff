"""The table of prices that comes with this version, read from the data file beside this one."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dpo_ops.kinds.pricing import Band, Prices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date


def prices(on: date | None = None) -> Prices:
    """Return the prices that hold on a day; without one, the newest that are known."""
    return _prices(on.isoformat() if on else "9999")


@cache
def _prices(day: str) -> Prices:
    table = json.loads(files("dpo_ops.pairs").joinpath("prices.json").read_text("utf-8"))
    rates = _rates(table["serving"]["rates"], day)
    return Prices(
        source=table["source"],
        as_of=table["asOf"],
        margin=table["margin"],
        bands=tuple(map(_band, table["training"]["bands"])),
        since=rates.get("from", ""),
        gpu_hours=rates["gpuHour"],
        restricted=table["serving"]["restrictedPlacement"],
    )


def _band(row: Mapping[str, Any]) -> Band:
    limit = row["upToBillions"]
    return Band(float("inf") if limit is None else limit, row["lora"], row["full"])


def _rates(rates: Sequence[Mapping[str, Any]], day: str) -> Mapping[str, Any]:
    """Return the rates that hold on `day`; they stand newest first, the oldest without a start."""
    return next(row for row in rates if row.get("from", "") <= day)
