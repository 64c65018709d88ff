"""The rules that a file of preference pairs must obey, as a table: what, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_ROWS: Final = 3
MAX_ROWS: Final = 3_000_000
MAX_ROW_BYTES: Final = 16 * 2**20
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 100_000
MAX_DIGITS: Final = 4_300

ROW_FIELDS: Final = frozenset({"input", "preferred_output", "non_preferred_output"})
INPUT_FIELDS: Final = frozenset({"messages", "tools"})
# `name` and `tool_call_id` are in every chat API's message; they are tolerated without a word.
MESSAGE_FIELDS: Final = frozenset({"role", "content", "name", "tool_call_id"})
PART_FIELDS: Final = frozenset({"type", "text"})


class Fault(NamedTuple):
    """A broken rule in one row: `at` counts characters from the start of the row, from 0."""

    rule: str
    at: int
    what: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `what` says in general what is wrong, a finding says it of one value.

    `once` marks what concerns the file as a whole: the first place stands for all.
    """

    severity: Severity
    what: str
    why: str
    fix: str
    once: bool = False


def _error(what: str, why: str, fix: str) -> Rule:
    return Rule(Severity.ERROR, what, why, fix)


def _warning(what: str, why: str, fix: str, *, once: bool = False) -> Rule:
    return Rule(Severity.WARNING, what, why, fix, once)


_ONE_TURN = "preference tuning takes one turn: an optional system message, then one user message"
_ONE_BAD_ROW = "one row that is not valid JSON fails the whole job"

RULES: Final[Mapping[str, Rule]] = {
    # The file
    "unreadable": _error(
        "the file can't be read",
        "the rows are checked, and digested into the dataset's id, before anything is sent",
        "name a regular file that may be read",
    ),
    "empty-file": _error(
        "the file holds no rows",
        f"a dataset has at least {MIN_ROWS} rows, and an empty file can't be uploaded",
        "put one preference pair on each line",
    ),
    "too-few-rows": _error(
        "too few rows",
        f"a job needs at least {MIN_ROWS} rows",
        "add rows",
    ),
    "too-many-rows": _error(
        "too many rows",
        f"a job takes at most {MAX_ROWS:,} rows",
        "split the file or draw a sample",
    ),
    "byte-order-mark": _error(
        "the file begins with a byte order mark",
        "to most JSON readers the mark is a stray character before the first row",
        'save the file as UTF-8 without "BOM" or "signature"',
    ),
    "blank-line": _warning(
        "a blank line",
        "it is not a row, and some readers take it for a broken one",
        "delete the line",
    ),
    "crlf": _warning(
        "the line ends in CR LF",
        "it reads the same, but the bytes decide the dataset's id: with LF it is another dataset",
        "save with LF line ends, and say `*.jsonl -text` in .gitattributes",
        once=True,
    ),
    # The text of a row
    "utf-8": _error(
        "the row is not valid UTF-8",
        "JSON Lines are UTF-8; other bytes fail the job",
        "save the file as UTF-8",
    ),
    "row-too-large": _error(
        f"a row over {MAX_ROW_BYTES // 2**20} MiB",
        "no model reads that much at once, so the row is most likely many rows without line ends",
        "put one preference pair on each line, and shorten it",
    ),
    "json-syntax": _error(
        "the row is not JSON",
        _ONE_BAD_ROW,
        "write one JSON object on one line",
    ),
    "too-complex": _error(
        "the row is nested too deeply or holds too many values",
        f"more than {MAX_DEPTH} levels or {MAX_VALUES:,} values can stop a reader for good",
        "simplify the row",
    ),
    "one-object": _error(
        "the line is not exactly one JSON object",
        "each line is one row, and a row is a JSON object",
        "put each object on a line of its own, without brackets or commas between them",
    ),
    "duplicate-key": _error(
        "a key stands twice in one object",
        "readers disagree about which of the two values counts",
        "remove one of the two",
    ),
    "not-a-number": _error(
        "NaN or Infinity",
        "JSON has no such number, and strict readers refuse the row",
        "use a number, null or a string",
    ),
    "number-range": _error(
        "a number outside the range of a double",
        "readers refuse it or turn it into infinity",
        "use a smaller number, or a string",
    ),
    "lone-surrogate": _error(
        "half of a surrogate pair",
        "on its own it is no character and can't be written as UTF-8",
        "restore the missing half or remove this one",
    ),
    # The fields of a row
    "other-format": _error(
        "a row of another preference format",
        "rows have input, preferred_output and non_preferred_output",
        "chosen becomes preferred_output and rejected non_preferred_output, each a list of one "
        "message {role: assistant, content: …}, not a string; prompt becomes input.messages, a "
        "list of messages that ends with the user's",
    ),
    "missing-field": _error(
        "a field is missing",
        "a row has input, preferred_output and non_preferred_output; input has messages; "
        "a message has role and content",
        "add the field",
    ),
    "wrong-type": _error(
        "a value has the wrong type",
        "input is an object, messages, tools and both outputs are lists, role is a string",
        "change the value",
    ),
    "unknown-field": _warning(
        "a field that is not documented",
        "the service may ignore it or refuse it; known are "
        + "; ".join(
            ", ".join(sorted(fields)) for fields in (ROW_FIELDS, INPUT_FIELDS, MESSAGE_FIELDS)
        ),
        "remove it, or correct its spelling",
    ),
    "no-messages": _error(
        "no messages",
        _ONE_TURN,
        "add a user message",
    ),
    "unknown-role": _error(
        "a role that is not known",
        "a message's role is system, user or assistant",
        "change it",
    ),
    "tool-role": _warning(
        "a tool message in input",
        "it passes the service's check, but is not documented for preference tuning",
        "put what the tool said into the user message",
    ),
    "system-first": _error(
        "a system message that is not the first",
        "only the first message may be a system message",
        "move its text into the first message",
    ),
    "one-turn": _error(
        "not exactly one user turn",
        _ONE_TURN,
        "keep one user message, and put earlier turns into it or leave them out",
    ),
    "wrong-content": _error(
        "content that is not text",
        "content is a string, or a list of parts like {type: text, text: ...} with some text",
        "keep only text",
    ),
    "empty-content": _error(
        "empty content",
        "there is nothing to learn from an empty message, and the service refuses it",
        "fill it in, or remove the row",
    ),
    "blank-content": _warning(
        "content of white space only",
        "nobody means to prefer or avoid white space",
        "fill it in, or remove the row",
    ),
    "one-answer": _error(
        "not exactly one answer",
        "each side of a pair is a list of exactly one assistant message",
        "keep one message on each side",
    ),
    "answer-role": _error(
        "an answer that is not the assistant's",
        "the message on each side of a pair has the role assistant",
        "change it to assistant",
    ),
    "same-answers": _warning(
        "both answers are the same",
        "a pair without a difference teaches nothing",
        "change one answer, or remove the row",
    ),
}
