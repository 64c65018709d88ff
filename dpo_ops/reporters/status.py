"""What the account holds for the specs: a table for people, values for programs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dpo_ops.planner.order import dependency_order
from dpo_ops.reporters.curves import sparkline
from dpo_ops.reporters.markdown import code, defused, table
from dpo_ops.reporters.measured import curves_of, latest
from dpo_ops.reporters.style import PLAIN, Style, Tone, count, dated, kept, pad, widest, wrap
from dpo_ops.resource import Health, qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.planner import Accounted
    from dpo_ops.reporters.measured import Readings
    from dpo_ops.resource import Address, State

_TONES = {
    Health.CURRENT: Tone.GOOD,
    Health.IN_PROGRESS: Tone.CHANGE,
    Health.FAILED: Tone.BAD,
    Health.TERMINATING: Tone.CHANGE,
    Health.NOT_FOUND: Tone.QUIET,
    Health.UNKNOWN: Tone.CHANGE,
}
_SPARK = 16
_NOTHING: Mapping[Address, Readings] = MappingProxyType({})
_WORD = widest(map(str, Health), most=99)
# The most telling of the times that a record has comes first.
_TIMES = ("completedTime", "deleteTime", "updateTime", "createTime")


@dataclass(frozen=True, slots=True)
class Row:
    """How one address is. `since` is RFC 3339 in UTC, empty where there is no record.

    `readings` are there for what trains, where its metrics were looked at.
    """

    address: Address
    id: str
    health: Health
    message: str
    since: str
    earlier: int
    readings: Readings | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What an account holds for the specs of one stack."""

    account: str
    stack: str
    rows: tuple[Row, ...]


def status_of(
    desired: State, observed: Accounted, measured: Mapping[Address, Readings] = _NOTHING
) -> Status:
    """Return a row for each address, what is needed before what needs it."""
    account = observed.account
    rows = tuple(
        Row(
            address=address,
            id=seen.id if seen.record else "",
            health=seen.health,
            message=qualify(seen.conflict or seen.message or _absent(seen.health), account),
            since=_since(seen.record or {}),
            earlier=len(seen.earlier),
            readings=measured.get(address),
        )
        for address in dependency_order(desired)
        for seen in [observed.resources[address]]
    )
    return Status(account, desired.stack, rows)


def _absent(health: Health) -> str:
    return "not in the account" if health is Health.NOT_FOUND else ""


def _since(record: Mapping[str, object]) -> str:
    return next((str(record[key]) for key in _TIMES if record.get(key)), "")


def status_text(found: Status, style: Style = PLAIN) -> str:
    """Return one line a resource: health, address, since when; its id and message below."""
    return "".join(f"{line}\n" for line in _lines(found, style))


def _lines(found: Status, style: Style) -> Iterator[str]:
    column = widest((str(row.address) for row in found.rows), most=style.width // 2)
    below = " " * (_WORD + 2)
    for row in found.rows:
        since = f"  since {style.clean(dated(row.since))}" if row.since else ""
        word = style.paint(pad(row.health, _WORD), _TONES[row.health])
        address = pad(style.clean(row.address), column) if since else style.clean(row.address)
        yield f"{word}  {style.paint(address, Tone.STRONG)}{since}"
        yield from wrap(style.clean(_remarks(row)), style.width, first=below, rest=below)
        yield from wrap(_trained(row, style), style.width, first=below, rest=below)
    current = sum(row.health is Health.CURRENT for row in found.rows)
    where = f"account {style.clean(found.account)}, stack {style.clean(found.stack)}"
    yield ""
    yield f"{current} of {count(len(found.rows), 'resource')} in place; {where}"


def _remarks(row: Row) -> str:
    earlier = f"{count(row.earlier, 'earlier generation')} kept" if row.earlier else ""
    return " · ".join(part for part in (row.id, dated(row.message), earlier) if part)


def _trained(row: Row, style: Style) -> str:
    """Return the last step and two small curves, or nothing for what does not train."""
    if row.readings is None or row.readings.last is None:
        return ""
    curves = [
        kept(f"{curve.name} {line}")
        for curve in curves_of(row.readings)[:2]
        if (line := sparkline(curve.values, _SPARK, ascii_only=style.ascii_only).strip())
    ]
    return " · ".join([latest(row.readings.last), *curves])


def status_markdown(found: Status, style: Style = PLAIN) -> str:
    """Return the same as a table in Markdown."""
    rows = [
        (
            code(row.address, style),
            str(row.health),
            code(row.id, style),
            style.clean(dated(row.since)),
            " · ".join(filter(None, (defused(dated(row.message), style), _trained(row, style)))),
        )
        for row in found.rows
    ]
    where = f"account {code(found.account, style)}, stack {code(found.stack, style)}"
    head = ("resource", "health", "id", "since", "")
    return f"### dpo-ops status · {where}\n\n{table(head, rows)}"
