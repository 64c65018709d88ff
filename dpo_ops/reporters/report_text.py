"""How an apply ended, for a terminal: done, failed, skipped, still running; and what answers."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.planner import Verb
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, dated, pad, widest, wrap
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.executor.events import Answered, Ended, Report
    from dpo_ops.planner import Plan
    from dpo_ops.resource import Json

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

_TONES = {
    "done": Tone.GOOD,
    "in-sync": Tone.QUIET,
    "failed": Tone.BAD,
    "blocked": Tone.BAD,
    "skipped": Tone.CHANGE,
    "still-running": Tone.CHANGE,
    "not-started": Tone.CHANGE,
}
TIMED = ("done", "failed", "still-running")
"""Outcomes for which it matters how long they took."""
_UNFINISHED = {
    "still-running": "goes on without us",
    "not-started": "its turn did not come",
}
_WORD = widest(WORDS.values(), most=99)
_INDENT = " " * 6
_TO_REQUEST = "requestModel"  # The output that an inference request names as its model.


@dataclass(frozen=True, slots=True)
class Ending:
    """What a report does not hold of how the run came to its end.

    `removal` says that it was to remove. `left_s` are the seconds after which it left what runs
    to itself, as it was told to; `cause` is why it could not go on. `hopeless` says that what
    failed will fail again, `ahead` is the plan of the next apply. `rounds` says that it was one of
    many rounds, so that nobody has to do anything to carry on.
    """

    removal: bool = False
    left_s: float | None = None
    cause: str = ""
    hopeless: bool = False
    ahead: Plan | None = None
    rounds: bool = False


APPLIED = Ending()


def report_text(
    report: Report,
    style: Style = PLAIN,
    *,
    ending: Ending = APPLIED,
    verbose: bool = False,
    base_url: str = "",
) -> str:
    """Return how it ended. With a `base_url`, a command that asks the new model is shown."""
    lines = [*_lines(report, style, base_url, verbose=verbose)]
    lines.append(style.paint(headline(report, ending), Tone.STRONG))
    for line in closing(report, ending):
        lines += wrap(style.clean(line), style.width)
    return "".join(f"{line}\n" for line in lines)


def _lines(report: Report, style: Style, base_url: str, *, verbose: bool) -> Iterator[str]:
    shown = [end for end in report.ended if verbose or end.outcome != "in-sync"]
    column = widest((str(end.address) for end in shown), most=style.width // 2)
    for end in shown:
        yield from _ended(end, style, column)
    if shown:
        yield ""
    for answer in report.answers:
        yield from _answer(answer, style)
        yield ""
    # What was there before is not news; `outputs` prints all of them.
    news = {str(end.address) for end in shown}
    if outputs := {a: said for a, said in report.outputs.items() if a in news}:
        yield from _outputs(outputs, report.plan.account, style)
        if base_url:
            yield from _requests(report, outputs, base_url, style)


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
    if ending.left_s is not None:
        spent = f"after {elapsed(ending.left_s)} (--wait-budget)"
        return f"Left {spent if ending.left_s else '(--no-wait)'}"
    return "Stopped" if ending.cause else "Interrupted"


def closing(report: Report, ending: Ending = APPLIED) -> list[str]:
    """Return why it is not over and what the reader can do next; nothing when all is done."""
    outcomes = {end.outcome.value for end in report.ended}
    lines = [ending.cause] if ending.cause else []
    if ending.rounds and report.interrupted:
        return [*lines, "The next round carries on."]
    if report.interrupted:
        goes_on = "What is still running goes on without this command. "
        runs = "still-running" in outcomes
        return [*lines, f"{goes_on if runs else ''}To carry on, {AGAIN}."]
    failed = [end for end in report.ended if end.outcome == "failed"]
    known = {end.address: text for end in failed if (text := _next(end, ending.ahead))}
    lines += dict.fromkeys(known.values())
    left = len(known) < len(failed) or not failed
    if left and not ending.hopeless and outcomes & {"failed", "skipped", "not-started"}:
        then = "the next round tries again" if ending.rounds else AGAIN
        lines.append(f"When the cause is mended, {then}.")
    return lines


def _next(end: Ended, ahead: Plan | None) -> str:
    """Return what the next apply does about a failure, where it does not just try the same."""
    changes = ahead.changes if ahead else ()
    for change in changes:
        if change.address != end.address:
            continue
        if change.blocked:
            finding = change.blocked[0]
            reasons = " · ".join(filter(None, (finding.why, finding.fix)))
            return f"{change.address} stays blocked: {reasons}."
        verbs = {step.verb for step in change.steps if step.name.endswith(f"/{change.id}")}
        anew = change.id != end.id or Verb.DELETE in verbs
        if Verb.CREATE in verbs and anew:
            pays = " and pays for" if change.kind.paid else ""
            return f"The next apply makes{pays} another attempt: {change.id}."
    return ""


def _ended(end: Ended, style: Style, column: int) -> Iterator[str]:
    word = style.paint(pad(WORDS[end.outcome], _WORD), _TONES[end.outcome])
    address, id_ = style.clean(end.address), style.clean(end.id)
    took = elapsed(end.waited) if end.waited >= 1 and end.outcome in TIMED else ""
    head = f"  {word}  {took:>7}  "
    used = 2 + _WORD + 2 + 7 + 2 + column + 2
    if used + cells(id_) <= style.width and cells(address) <= column:
        yield f"{head}{style.paint(pad(address, column), Tone.STRONG)}  {id_}"
    else:
        yield head + style.paint(address, Tone.STRONG)
        yield _INDENT + id_
    if end.outcome != "done":
        yield from _why(end, style)


def _why(end: Ended, style: Style) -> Iterator[str]:
    yield from wrap(style.clean(why(end)), style.width, first=_INDENT, rest=_INDENT)


def why(end: Ended) -> str:
    """Return why it ended like this, with the address that kept it from its turn.

    Without the id and the outcome, which stand beside it. What is left unfinished has one reason,
    and `closing` says it.
    """
    if end.outcome in _UNFINISHED:
        return _UNFINISHED[end.outcome]
    known = end.cause is None or str(end.cause) in end.message
    said = end.message.removeprefix(f"{end.id} ").removeprefix(f"{WORDS[end.outcome]}: ")
    parts = ("" if known else f"because of {end.cause}", dated(said))
    return " · ".join(part for part in parts if part)


def _answer(answer: Answered, style: Style) -> Iterator[str]:
    yield f"{style.paint(style.clean(answer.address), Tone.STRONG)} answers:"
    # Lines of an answer are its author's; a stripe keeps them apart from ours.
    yield from wrap(style.clean(answer.prompt), style.width, first="  > ", rest="  > ")
    yield from wrap(style.clean(answer.answer), style.width, first="  < ", rest="  < ")


def _outputs(
    outputs: Mapping[str, Mapping[str, Json]], account: str, style: Style
) -> Iterator[str]:
    for address, values in qualify(outputs, account).items():
        yield style.paint(style.clean(address), Tone.STRONG)
        for key, value in values.items():
            if value is not None:
                yield f"  {pad(style.clean(key), 12)}  {style.clean(value)}"
        yield ""


def outputs_lines(
    outputs: Mapping[str, Mapping[str, Json]], account: str, style: Style
) -> Iterator[str]:
    """Yield `Kind/name.key = value`, one line an output, so that each can be searched for."""
    for address, values in outputs.items():
        for key, value in qualify(values, account).items():
            if value is not None:
                yield style.clean(f"{address}.{key} = {value}")


def _requests(
    report: Report, outputs: Mapping[str, Mapping[str, Json]], base_url: str, style: Style
) -> Iterator[str]:
    prompts = {str(answer.address): answer.prompt for answer in report.answers}
    for address, values in outputs.items():
        if model := values.get(_TO_REQUEST):
            prompt = prompts.get(address, "Say hello.")
            yield f"Ask {style.clean(address)}:"
            name = str(qualify(model, report.plan.account))
            yield from curl(style.clean(base_url), style.clean(name), style.clean(prompt))
            yield ""


def curl(base_url: str, model: str, prompt: str) -> Iterator[str]:
    """Yield a command for a shell that asks `model` for one completion."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    yield f"  curl {shlex.quote(base_url + '/inference/v1/chat/completions')} \\"
    yield '    -H "Authorization: Bearer $FIREWORKS_API_KEY" \\'
    yield "    -H 'Content-Type: application/json' \\"
    yield f"    -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"


def elapsed(seconds: float) -> str:
    """Return a time such as `8s`, `3m 05s` or `2h 10m`."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
