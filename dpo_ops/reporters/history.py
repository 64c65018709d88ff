"""Which commit made which model: lines for people, values for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpo_ops.planner.history import How, Standing
from dpo_ops.reporters.documents import VERSION, finding_document
from dpo_ops.reporters.markdown import code, defused, table
from dpo_ops.reporters.shapes import FINDING, TEXT, list_of, published, record
from dpo_ops.reporters.style import PLAIN, Style, Tone, count, elide, pad, widest, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpo_ops.errors import Finding
    from dpo_ops.planner.history import Entry, Made
    from dpo_ops.planner.releases import Commit

_TONES = {
    Standing.READY: Tone.GOOD,
    Standing.TRAINING: Tone.CHANGE,
    Standing.FAILED: Tone.BAD,
    Standing.GONE: Tone.QUIET,
    Standing.UNKNOWN: Tone.CHANGE,
}
_WORD = widest(map(str, Standing), most=99)
_DAY = len("2026-11-23")
_DIGEST = 12
_INDENT = " " * 4
_HOW = {How.NEW: "", How.AGAIN: "as before", How.SAME: "unchanged"}


@dataclass(frozen=True, slots=True)
class History:
    """The commits of a stack. `account` is None where it was not asked, and `offline` says why.

    `doubts` are what is not known of the past.
    """

    stack: str
    account: str | None
    entries: Sequence[Entry]
    doubts: tuple[Finding, ...] = ()
    offline: str = ""


def history_text(found: History, style: Style = PLAIN) -> str:
    """Return a commit a line, and below it what it made, how that is now, and what serves."""
    return "".join(f"{line}\n" for line in _lines(found, style))


def commit_line(commit: Commit, style: Style) -> str:
    """Return a commit in one clean line: hash, day, author, subject."""
    who, why = style.clean(commit.author), style.clean(commit.subject)
    return f"{style.clean(commit.short)}  {style.clean(commit.date)[:_DAY]}  {who}: {why}"


def _lines(found: History, style: Style) -> Iterator[str]:
    for entry in found.entries:
        line = commit_line(entry.commit, style)
        head, *more = wrap(line, style.width, rest=" " * len(f"{entry.commit.short}  "))
        hash_ = style.clean(entry.commit.short)
        yield style.paint(hash_, Tone.STRONG) + head[len(hash_) :]
        yield from more
        changed = [made for made in entry.made if made.how is not How.SAME]
        for made in changed:
            yield from _made(made, style)
        if entry.findings:
            said = style.clean(str(entry.findings[0]))
            lines = wrap(f"its specs can't be used: {elide(said, 200)}", style.width - 4)
            yield from (style.paint(_INDENT + line, Tone.BAD) for line in lines)
        elif not changed:
            yield style.paint(f"{_INDENT}no model changed", Tone.QUIET)
    yield ""
    yield from wrap(_whole(found, style), style.width)


def _made(made: Made, style: Style) -> Iterator[str]:
    word = pad(str(made.standing), _WORD) + "  " if made.standing else ""
    painted = style.paint(word, _TONES[made.standing]) if made.standing else ""
    first = f"{_INDENT}{word}"
    line = " ".join(filter(None, (f"{made.address} → {made.model}", _HOW[made.how])))
    lines = wrap(style.clean(line), style.width, first=first, rest=" " * (len(first) + 2))
    yield _INDENT + painted + lines[0][len(first) :]
    yield from lines[1:]
    below = " " * len(first)
    said = " · ".join(filter(None, (_data(made), _served(made), _odd(made))))
    yield from wrap(style.clean(said), style.width, first=below, rest=below)


def _data(made: Made) -> str:
    return f"data sha256 {made.digest[:_DIGEST]}" if made.digest else ""


def _served(made: Made) -> str:
    return f"served by {', '.join(made.serving)}" if made.serving else ""


def _odd(made: Made) -> str:
    plain = (Standing.READY, Standing.GONE)
    told = made.message.removeprefix(f"{made.standing}: ")  # The word stands before it.
    return told if made.standing and made.standing not in plain else ""


def _whole(found: History, style: Style) -> str:
    commits = count(len(found.entries), "commit")
    if found.account is None:
        why = f": {style.clean(found.offline)}" if found.offline else ""
        return f"{commits} of stack {style.clean(found.stack)}; the account was not asked{why}"
    where = f"account {style.clean(found.account)}, stack {style.clean(found.stack)}"
    return f"{commits}; {where}"


def history_markdown(found: History, style: Style = PLAIN) -> str:
    """Return the same as a table in Markdown."""
    rows = [row for entry in found.entries for row in _rows(entry, style)]
    head = ("commit", "date", "author", "subject", "model", "state", "data", "served by")
    notes = "".join(f"\n{defused(doubt, style)}\n" for doubt in found.doubts)
    title = f"### dpo-ops history · stack {code(found.stack, style)}"
    return f"{title}\n\n{table(head, rows)}\n{defused(_whole(found, style), style)}\n{notes}"


def _rows(entry: Entry, style: Style) -> Iterator[tuple[str, ...]]:
    commit = entry.commit
    cells = (
        code(commit.short, style),
        style.clean(commit.date)[:_DAY],
        defused(commit.author, style),
        defused(commit.subject, style),
    )
    changed = [made for made in entry.made if made.how is not How.SAME]
    for made in changed:
        served = ", ".join(code(id_, style) for id_ in made.serving)
        digest = code(made.digest[:_DIGEST], style)
        yield (*cells, code(made.model, style), str(made.standing or ""), digest, served)
    if not changed:
        said = "its specs can't be used" if entry.findings else "no model changed"
        yield (*cells, said, "", "", "")


def commit_document(commit: Commit) -> dict[str, Any]:
    """Return a commit."""
    return {
        "id": commit.id,
        "short": commit.short,
        "date": commit.date,
        "author": commit.author,
        "subject": commit.subject,
    }


def history_document(found: History) -> dict[str, Any]:
    """Return all of it, models that a commit left as they were included."""
    return {
        "version": VERSION,
        "account": found.account,
        "stack": found.stack,
        "offline": found.offline,
        "commits": [_entry(entry) for entry in found.entries],
        "findings": [finding_document(doubt) for doubt in found.doubts],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        **commit_document(entry.commit),
        "usable": not entry.findings,
        "models": [
            {
                "address": str(made.address),
                "model": made.model,
                "how": str(made.how),
                "dataset": made.digest or None,
                "state": str(made.standing) if made.standing else None,
                "message": made.message,
                "servedBy": list(made.serving),
            }
            for made in entry.made
        ],
    }


_MAYBE_TEXT = {"type": ["string", "null"]}
COMMIT = {"id": TEXT, "short": TEXT, "date": TEXT, "author": TEXT, "subject": TEXT}
_MADE = record(
    {
        "address": TEXT,
        "model": TEXT,
        "how": {"enum": [str(how) for how in How]},
        "dataset": {**_MAYBE_TEXT, "description": "sha256 of the file of pairs"},
        "state": {
            "enum": [*(str(standing) for standing in Standing), None],
            "description": "null: the account was not asked",
        },
        "message": TEXT,
        "servedBy": list_of(TEXT),
    }
)
HISTORY_SCHEMA = published(
    "history",
    {
        "account": {**_MAYBE_TEXT, "description": "null: it was not asked"},
        "stack": TEXT,
        "offline": {**TEXT, "description": "why the account was not asked"},
        "commits": list_of(
            record({**COMMIT, "usable": {"type": "boolean"}, "models": list_of(_MADE)})
        ),
        "findings": list_of(FINDING),
    },
)
