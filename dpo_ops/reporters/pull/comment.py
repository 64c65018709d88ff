"""The comment of one environment on a pull request: what a plan does, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.reporters.markdown import alert
from dpo_ops.reporters.pull.body import BRIEF, body
from dpo_ops.reporters.pull.header import header_line, header_of
from dpo_ops.reporters.pull.status import LIMIT, LINE, OUTCOME, status_block
from dpo_ops.reporters.style import PLAIN, Style

if TYPE_CHECKING:
    from dpo_ops.reporters.pull.subject import Header, Invalid, Proposal, Status

_WHY = "all of it is in the job's summary"
_UNBOUND = (
    "**The approval is too large to travel in this comment.** Keep the plan as an artifact of the"
    " run, else what is merged counts as not reviewed."
)


def comment(
    about: Proposal | Invalid,
    header: Header,
    status: Status,
    style: Style = PLAIN,
    *,
    limit: int = LIMIT,
) -> str:
    """Return the comment, of at most `limit` bytes and UTF-16 units (not below 30,000).

    Room is left in it for what comes of the plan: OUTCOME bytes, and another status line.
    Sections are left out whole, by their priority.
    """
    made = body(about, BRIEF, style)
    line = header_line(header)
    written = header_of(line)
    if header.approved and not (written and written.approved):
        made.start += "\n" + alert("WARNING", [_UNBOUND])
    block = status_block(status, style=style)
    room = limit - OUTCOME - LINE
    return made.fitted(f"{line}\n", f"\n{block}\n", why=_WHY, limit=room)
