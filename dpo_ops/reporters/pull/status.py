"""The status block at the end of a comment: one line a stage, replaced as the plan lives on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dpo_ops.reporters.markdown import code, defused, size
from dpo_ops.reporters.pull.header import header_line, header_of
from dpo_ops.reporters.pull.subject import Stage
from dpo_ops.reporters.style import PLAIN, Style, elide

if TYPE_CHECKING:
    from dpo_ops.reporters.pull.subject import Header, Status

LIMIT: Final = 60_000
"""Bytes of a comment, so UTF-16 units as well; GitHub refuses one above 65,536 characters."""
OUTCOME: Final = 14_000
"""Bytes that a comment keeps free for what comes of its plan."""
LINE: Final = 4_000
"""Bytes that a status line has at most, with its markers."""

BEGIN: Final = "<!-- dpo-ops:status -->"
END: Final = "<!-- /dpo-ops:status -->"
_MARKER = re.compile(rf"^(?:({re.escape(BEGIN)})|{re.escape(END)})[ \t\r]*$", re.MULTILINE)
_TITLE = re.compile(r"^### .{1,500}$", re.MULTILINE)

_SYMBOLS = {
    Stage.PLANNED: "🔵",
    Stage.OFFLINE: "⚪",
    Stage.INVALID: "❌",
    Stage.SUPERSEDED: "⚪",
    Stage.APPLYING: "🟠",
    Stage.RUNNING: "🟣",
    Stage.APPLIED: "✅",
    Stage.STALE: "⛔",
    Stage.FAILED: "❌",
}
_NOTES = {
    Stage.PLANNED: "applies on merge",
    Stage.OFFLINE: "the account was not asked",
    Stage.INVALID: "nothing can be planned",
    Stage.RUNNING: "the next scheduled run carries on",
    Stage.STALE: "what differs from what was reviewed is held",
}
_TOO_LONG = "*What was planned is left out: too long for a comment, see the job's summary.*"
_NO_OUTCOME = "*What came of it is left out: too long for a comment, see the job's summary.*"
_SHORT, _LONG = 40, 300
_LONGEST_URL = 1_000
# No character that ends a link, or that Markdown reads; no user before the host.
_URL = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:localhost|127\.0\.0\.1|\[::1\]))"
    r"(?::[0-9]{1,5})?(?:[/?#][A-Za-z0-9._~:/?#@!$&'+,;=%-]*)?"
)
_NUMBER = re.compile(r"[0-9]{1,20}")


def status_line(status: Status, style: Style = PLAIN) -> str:
    """Return one line: `🔵 **planned** in run [#12](url) at 12:01 UTC · applies on merge`."""
    note = status.note or _NOTES.get(status.stage, "")
    at = f" at {_brief(status.at, style, _SHORT)}" if status.at else ""
    more = f" · {_brief(note, style, _LONG)}" if note else ""
    return f"{_SYMBOLS[status.stage]} **{status.stage}**{run_link(status, style)}{at}{more}"


def run_link(status: Status, style: Style = PLAIN) -> str:
    """Return ` in run #12` with a link to its log; nothing where no run is named."""
    number = status.run.removeprefix("#")
    if not number:
        return ""
    if not link(status.url):
        return f" in run {code(elide(style.clean(number), _SHORT), style)}"
    name = f"#{number}" if _NUMBER.fullmatch(number) else _brief(number, style, _SHORT)
    return f" in run [{name}]({link(status.url)})"


def link(url: str) -> str:
    """Return an address as the target of a link; empty where it may not be one."""
    target = url.replace("&", "&amp;")
    return target if len(target) <= _LONGEST_URL and _URL.fullmatch(url) else ""


def _brief(text: str, style: Style, most: int) -> str:
    return defused(elide(style.clean(text), most), style)


def status_block(status: Status, outcome: str = "", style: Style = PLAIN) -> str:
    """Return the status line, and what came of the plan, between their two markers."""
    said = "\n".join(line for line in outcome.splitlines() if not _MARKER.match(line)).strip()
    return "\n\n".join([BEGIN, status_line(status, style), *([said] if said else []), END])


def with_status(
    body: str,
    status: Status,
    outcome: str = "",
    *,
    header: Header | None = None,
    style: Style = PLAIN,
) -> str:
    """Return a comment with its status block replaced, and its hidden line if one is given.

    A comment that has lost its markers gets a block at its end. One that would be longer than
    LIMIT keeps its title and the block.
    """
    first, rest = _parted(body)
    first = header_line(header) if header else first
    before, after = _around(rest)
    title = _TITLE.search(before)
    short = [title[0].strip() if title else "", _TOO_LONG]
    block = status_block(status, outcome, style)
    bare = status_block(status, _NO_OUTCOME, style)
    for parts in ([before, block, after], [*short, block], [*short, bare]):
        text = "\n".join(filter(None, [first, "\n\n".join(filter(None, parts))])) + "\n"
        if size(text) <= LIMIT:
            break
    return text


def _parted(body: str) -> tuple[str, str]:
    """Return the hidden first line, where there is one that can be read, and the rest."""
    first, _, rest = body.partition("\n")
    return (first.rstrip(), rest) if header_of(body) else ("", body)


def _around(text: str) -> tuple[str, str]:
    """Return what stands before the last status block, and what behind it.

    Only a line that is a marker and nothing else counts: no text from outside is ever one.
    """
    begin = end = None
    for found in _MARKER.finditer(text):
        if found[1]:
            begin, end = found, None
        elif begin and not end:
            end = found
    if not begin or not end:
        return text.strip(), ""
    return text[: begin.start()].strip(), text[end.end() :].strip()
