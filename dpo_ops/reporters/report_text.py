"""How an apply ended, for a terminal: done, failed, skipped, still running; and what answers."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from dpo_ops.reporters.ending import APPLIED, WORDS, Ending, headline, hints
from dpo_ops.reporters.style import PLAIN, Style, Tone, cells, dated, elapsed, pad, widest, wrap
from dpo_ops.resource import qualify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dpo_ops.executor.events import Answered, Ended, Report
    from dpo_ops.resource import Json

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
_WORD = widest(WORDS.values(), most=99)
_INDENT = " " * 6
_COMMAND = " " * 2
_TO_REQUEST = "requestModel"  # The output that an inference request names as its model.


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
    for hint in hints(report, ending):
        lines += wrap(style.clean(hint.said), style.width)
        lines += shell_lines(shlex.split(hint.command), style)
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
    for said in map(str, end.findings) if end.findings else (why(end),):
        yield from wrap(style.clean(said), style.width, first=_INDENT, rest=_INDENT)


def why(end: Ended) -> str:
    """Return why it ended like this, with the address that kept it from its turn.

    Without the id and the outcome, which stand beside it.
    """
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


def shell_lines(words: Iterable[str], style: Style) -> Iterator[str]:
    """Yield a command for a shell, continued by backslashes where a line would be too long."""
    line = _COMMAND
    for word in (shlex.quote(style.clean(word)) for word in words):
        if line.strip() and cells(f"{line}{word} \\") > style.width:
            yield f"{line}\\"
            line = _COMMAND * 2
        line += f"{word} "
    if line.strip():
        yield line.rstrip()


def curl(base_url: str, model: str, prompt: str) -> Iterator[str]:
    """Yield a command for a shell that asks `model` for one completion."""
    said = [{"role": "user", "content": prompt}]
    # Between two tokens of JSON a line may end; inside of them it can't.
    body = f'{{"model": {_json(model)},\n"messages": {_json(said)}}}'
    yield f"  curl {shlex.quote(base_url + '/inference/v1/chat/completions')} \\"
    yield '    -H "Authorization: Bearer $FIREWORKS_API_KEY" \\'
    yield "    -H 'Content-Type: application/json' \\"
    yield from f"    -d {shlex.quote(body)}".split("\n")


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
