"""How a run came to its end, and how it is carried on: the same for text, Markdown and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.planner import Verb
from dpo_ops.planner.approval import STALE
from dpo_ops.reporters.style import elapsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dpo_ops.executor.events import Ended, Report
    from dpo_ops.planner import Change, Plan
    from dpo_ops.resource import Address

AGAIN = "run the same command again: nothing is done twice"
"""How any interrupted run is carried on."""

WORDS = {
    "done": "done",
    "in-sync": "unchanged",
    "failed": "failed",
    "blocked": "blocked",
    "skipped": "skipped",
    "still-running": "still running",
    "not-started": "not started",
}
"""What an outcome is called, in the order in which outcomes are counted."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Hint:
    """What to do, and the command for a shell that does it, if one can."""

    said: str
    command: str = ""

    def after(self, start: str) -> Hint:
        """Return the whole sentence that begins with `start`."""
        return Hint(f"{start} {self.said}{':' if self.command else '.'}", self.command)


@dataclass(frozen=True, slots=True)
class Carry:
    """How this run can be carried on, as the way in which it was begun allows.

    `again` goes on with what was left or has failed. `anew` has what is held planned again; None
    where the same run does that by itself. Both are the ends of sentences.
    """

    again: Hint = Hint(AGAIN)
    anew: Hint | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What a report does not hold of how the run came to its end.

    `removal` says that it was to remove. `left_s` are the seconds after which it left what runs
    to itself, as it was told to, and `unwaited` that it was told to wait for nothing; `cause` is
    why it could not go on. `hopeless` says that what failed will fail again, `ahead` is the plan
    of the next run. `rounds` says that it was one of many rounds, so that nobody has to do anything
    to carry on; else `carry` says what.
    """

    removal: bool = False
    left_s: float | None = None
    unwaited: bool = False
    cause: str = ""
    hopeless: bool = False
    ahead: Plan | None = None
    rounds: bool = False
    carry: Carry = Carry()


APPLIED = Ending()
_TRIES = Hint("the next round tries again")


def headline(report: Report, ending: Ending = APPLIED) -> str:
    """Return `Applied: 2 done, 1 failed.`, with only the outcomes that occurred."""
    words = {**WORDS, "done": ""} if ending.removal else WORDS
    parts = [
        f"{number} {word}".rstrip()
        for outcome, word in words.items()
        if (number := sum(end.outcome == outcome for end in report.ended))
    ]
    if not any(end.outcome != "in-sync" for end in report.ended):
        verb = "Nothing to remove" if ending.removal else "Nothing to do"
        return f"{verb}: {', '.join(parts) or 'no resources'}."
    return f"{_verb(report, ending)}: {', '.join(parts)}."


def _verb(report: Report, ending: Ending) -> str:
    if not report.interrupted:
        return "Removed" if ending.removal else "Applied"
    if ending.rounds:
        return "So far"
    if ending.unwaited:
        return "Left (--no-wait)"
    if ending.left_s is not None:
        return f"Left after {elapsed(ending.left_s)} (--wait-budget)"
    return "Stopped" if ending.cause else "Interrupted"


def hints(report: Report, ending: Ending = APPLIED) -> list[Hint]:
    """Return why it is not over and what the reader can do next; nothing when all is done."""
    found = [Hint(ending.cause)] if ending.cause else []
    found += _left(report, ending) if report.interrupted else _failed(report, ending)
    anew = ending.carry.anew
    if anew and _held(report, ending):
        found.append(anew.after("What is held needs a new plan:"))
    return found


def _left(report: Report, ending: Ending) -> Iterator[Hint]:
    running = report.running
    if running:
        said = "; ".join(f"{end.address} {end.message}" for end in running[:_NAMED])
        more = f"; and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
        yield Hint(f"{said}{more}.")
    if ending.rounds:
        yield Hint("The next round carries on.")
    else:
        yield ending.carry.again.after("To carry on,")


def _failed(report: Report, ending: Ending) -> Iterator[Hint]:
    failed = [end for end in report.ended if end.outcome == "failed"]
    known = {end.address: text for end in failed if (text := _next(end, ending.ahead))}
    for text in dict.fromkeys(known.values()):
        yield Hint(text)
    again = ending.carry.again
    settled = {*known, *(_held(report, ending) if ending.carry.anew else ())}
    if not ending.hopeless and any(_may_mend(end, settled) for end in report.ended):
        yield (_TRIES if ending.rounds else again).after("When the cause is mended,")
    elif not ending.rounds and known.keys() - {c.address for c in _blocked(ending)}:
        yield again.after("To have that done,")


def _may_mend(end: Ended, settled: Collection[Address]) -> bool:
    """Whether the same again may end better, once somebody has mended what was in its way."""
    if end.outcome == "skipped":
        return end.cause not in settled
    return end.outcome == "not-started" or (end.outcome == "failed" and end.address not in settled)


def _held(report: Report, ending: Ending) -> set[Address]:
    """Return what was not done, or will not be, for it is not what was approved."""
    failed = {end.address for end in report.ended if end.outcome == "failed"}
    stale = {change.address for change in report.plan.blocked if _is_stale(change)}
    return stale | {c.address for c in _blocked(ending) if c.address in failed and _is_stale(c)}


def _blocked(ending: Ending) -> Sequence[Change]:
    """Return what the next run would not do either."""
    return ending.ahead.blocked if ending.ahead else ()


def _is_stale(change: Change) -> bool:
    return any(finding.rule == STALE for finding in change.blocked)


def _next(end: Ended, ahead: Plan | None) -> str:
    """Return what the next apply does about a failure, where it does not just try the same."""
    changes = ahead.changes if ahead else ()
    for change in changes:
        if change.address != end.address:
            continue
        if change.blocked:
            reasons = (part for f in change.blocked for part in (f.why, f.fix) if part)
            return f"{change.address} stays blocked: {' · '.join(reasons)}."
        verbs = {step.verb for step in change.steps if step.name.endswith(f"/{change.id}")}
        anew = change.id != end.id or Verb.DELETE in verbs
        if Verb.CREATE in verbs and anew:
            pays = " and pays for" if change.kind.paid else ""
            return f"The next apply makes{pays} another attempt: {change.id}."
    return ""
