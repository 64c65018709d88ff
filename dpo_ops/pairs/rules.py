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

    `id` never changes; the key of the rule in `RULES`, its name, is what findings carry.

    `once` marks what concerns the file as a whole: the first place stands for all.
    """

    id: str
    severity: Severity
    what: str
    why: str
    fix: str
    once: bool = False


def _error(id_: str, what: str, why: str, fix: str) -> Rule:
    return Rule(id_, Severity.ERROR, what, why, fix)


def _warning(id_: str, what: str, why: str, fix: str, *, once: bool = False) -> Rule:
    return Rule(id_, Severity.WARNING, what, why, fix, once)


def named(word: str) -> str | None:
    """Return the name of the rule that `word` means, its id or its name; None if there is none."""
    if word in RULES:
        return word
    return next((name for name, rule in RULES.items() if rule.id == word.upper()), None)


_ONE_TURN = "preference tuning takes one turn: an optional system message, then one user message"
_ONE_BAD_ROW = "one row that is not valid JSON fails the whole job"

RULES: Final[Mapping[str, Rule]] = {
    # The file
    "unreadable": _error(
        "DPO101",
        "the file can't be read",
        "the rows are checked, and digested into the dataset's id, before anything is sent",
        "name a regular file that may be read",
    ),
    "empty-file": _error(
        "DPO102",
        "the file holds no rows",
        f"a dataset has at least {MIN_ROWS} rows, and an empty file can't be uploaded",
        "put one preference pair on each line",
    ),
    "too-few-rows": _error(
        "DPO103",
        "too few rows",
        f"a job needs at least {MIN_ROWS} rows",
        "add rows",
    ),
    "too-many-rows": _error(
        "DPO104",
        "too many rows",
        f"a job takes at most {MAX_ROWS:,} rows",
        "split the file or draw a sample",
    ),
    "too-many-examples": _error(
        "DPO105",
        "too many examples",
        f"a job trains on at most {MAX_ROWS:,} examples: rows times epochs",
        "train fewer epochs, or draw a sample",
    ),
    "byte-order-mark": _error(
        "DPO106",
        "the file begins with a byte order mark",
        "to most JSON readers the mark is a stray character before the first row",
        'save the file as UTF-8 without "BOM" or "signature"',
    ),
    "blank-line": _warning(
        "DPO107",
        "a blank line",
        "it is not a row, and some readers take it for a broken one",
        "delete the line",
    ),
    "crlf": _warning(
        "DPO108",
        "the line ends in CR LF",
        "it reads the same, but the bytes decide the dataset's id: with LF it is another dataset",
        "save with LF line ends, and say `*.jsonl -text` in .gitattributes",
        once=True,
    ),
    # The text of a row
    "utf-8": _error(
        "DPO201",
        "the row is not valid UTF-8",
        "JSON Lines are UTF-8; other bytes fail the job",
        "save the file as UTF-8",
    ),
    "row-too-large": _error(
        "DPO202",
        f"a row over {MAX_ROW_BYTES // 2**20} MiB",
        "no model reads that much at once, so the row is most likely many rows without line ends",
        "put one preference pair on each line, and shorten it",
    ),
    "json-syntax": _error(
        "DPO203",
        "the row is not JSON",
        _ONE_BAD_ROW,
        "write one JSON object on one line",
    ),
    "too-complex": _error(
        "DPO204",
        "the row is nested too deeply or holds too many values",
        f"more than {MAX_DEPTH} levels or {MAX_VALUES:,} values can stop a reader for good",
        "simplify the row",
    ),
    "one-object": _error(
        "DPO205",
        "the line is not exactly one JSON object",
        "each line is one row, and a row is a JSON object",
        "put each object on a line of its own, without brackets or commas between them",
    ),
    "duplicate-key": _error(
        "DPO206",
        "a key stands twice in one object",
        "readers disagree about which of the two values counts",
        "remove one of the two",
    ),
    "not-a-number": _error(
        "DPO207",
        "NaN or Infinity",
        "JSON has no such number, and strict readers refuse the row",
        "use a number, null or a string",
    ),
    "number-range": _error(
        "DPO208",
        "a number outside the range of a double",
        "readers refuse it or turn it into infinity",
        "use a smaller number, or a string",
    ),
    "lone-surrogate": _error(
        "DPO209",
        "half of a surrogate pair",
        "on its own it is no character and can't be written as UTF-8",
        "restore the missing half or remove this one",
    ),
    # The fields of a row
    "other-format": _error(
        "DPO301",
        "a row of another preference format",
        "rows have input, preferred_output and non_preferred_output",
        "chosen becomes preferred_output and rejected non_preferred_output, each a list of one "
        "message {role: assistant, content: …}, not a string; prompt becomes input.messages, a "
        "list of messages that ends with the user's",
    ),
    "missing-field": _error(
        "DPO302",
        "a field is missing",
        "a row has input, preferred_output and non_preferred_output; input has messages; "
        "a message has role and content",
        "add the field",
    ),
    "wrong-type": _error(
        "DPO303",
        "a value has the wrong type",
        "input is an object, messages, tools and both outputs are lists, role is a string",
        "change the value",
    ),
    "unknown-field": _warning(
        "DPO304",
        "a field that is not documented",
        "the service may ignore it or refuse it; known are "
        + "; ".join(
            ", ".join(sorted(fields)) for fields in (ROW_FIELDS, INPUT_FIELDS, MESSAGE_FIELDS)
        ),
        "remove it, or correct its spelling",
    ),
    "no-messages": _error(
        "DPO401",
        "no messages",
        _ONE_TURN,
        "add a user message",
    ),
    "unknown-role": _error(
        "DPO402",
        "a role that is not known",
        "a message's role is system, user or assistant",
        "change it",
    ),
    "tool-role": _warning(
        "DPO403",
        "a tool message in input",
        "it passes the service's check, but is not documented for preference tuning",
        "put what the tool said into the user message",
    ),
    "system-first": _error(
        "DPO404",
        "a system message that is not the first",
        "only the first message may be a system message",
        "move its text into the first message",
    ),
    "one-turn": _error(
        "DPO405",
        "not exactly one user turn",
        _ONE_TURN,
        "keep one user message, and put earlier turns into it or leave them out",
    ),
    "wrong-content": _error(
        "DPO406",
        "content that is not text",
        "content is a string, or a list of parts like {type: text, text: ...} with some text",
        "keep only text",
    ),
    "empty-content": _error(
        "DPO407",
        "empty content",
        "there is nothing to learn from an empty message, and the service refuses it",
        "fill it in, or remove the row",
    ),
    "blank-content": _warning(
        "DPO408",
        "content of white space only",
        "nobody means to prefer or avoid white space",
        "fill it in, or remove the row",
    ),
    "one-answer": _error(
        "DPO409",
        "not exactly one answer",
        "each side of a pair is a list of exactly one assistant message",
        "keep one message on each side",
    ),
    "answer-role": _error(
        "DPO410",
        "an answer that is not the assistant's",
        "the message on each side of a pair has the role assistant",
        "change it to assistant",
    ),
    "same-answers": _warning(
        "DPO501",
        "both answers are the same",
        "a pair without a difference teaches nothing",
        "change one answer, or remove the row",
    ),
    # The pairs beside each other
    "duplicate-pair": _warning(
        "DPO502",
        "a pair that stands here before",
        "a pair given twice counts twice, which is seldom meant",
        "remove one of the two",
    ),
    "contradictory-pair": _warning(
        "DPO503",
        "two pairs with the same input and the sides swapped",
        "each says the opposite of the other, so together they teach nothing",
        "keep the one that is right",
    ),
    "length-bias": _warning(
        "DPO504",
        "the longer side is nearly always preferred",
        "the model may learn that longer is better, and nothing else",
        "add pairs whose shorter side is preferred",
    ),
    "held-out-leak": _error(
        "DPO505",
        "an input that the training data has too",
        "a model that trained on a question is no measure of how it answers it",
        "remove it from one of the two files",
    ),
    # The deep look, on demand
    "near-duplicate": _warning(
        "DPO901",
        "a pair that is nearly the same as an earlier one",
        "pairs that differ in a word or two count nearly twice",
        "keep one of them, unless the difference is the lesson",
    ),
    "over-context": _error(
        "DPO902",
        "a pair over the context length",
        "pairs longer than maxContextLength are dropped or cut, without a word",
        "shorten it, or raise maxContextLength",
    ),
    "likely-secret": _warning(
        "DPO903",
        "what looks like a secret",
        "what a model trains on it may repeat, to anyone",
        "remove it, and revoke it if it is real",
    ),
    "personal-data": _warning(
        "DPO904",
        "what looks like personal data",
        "what a model trains on it may repeat, to anyone",
        "remove it or put a placeholder, unless it may be there",
    ),
    # Policy
    "waiver-lapsed": _error(
        "DPO001",
        "a waiver that has lapsed",
        "it no longer hides what it was for",
        "mend what it hid, or renew it with a reason",
    ),
    "waiver-idle": _warning(
        "DPO002",
        "a waiver that hides nothing",
        "what it was for is mended, so it only stands ready to hide the next case",
        "remove it",
    ),
    "unknown-rule": _error(
        "DPO003",
        "a policy for a rule that does not exist",
        "it has no effect",
        "correct its spelling",
    ),
}
