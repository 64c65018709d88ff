"""For each rule a file that breaks it and nothing else, and the same file mended.

`▸` stands where the finding points; it is no part of the file. A file is given as its rows;
a row that stands for many, or bytes that are no text, are described instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK: Final = "▸"


class Example(NamedTuple):
    """One bad row and what it should be; `bad` is empty where no single row shows it."""

    bad: str
    good: str
    why: str


def _row(
    messages: str = '[{"role": "user", "content": "Why is the sky blue?"}]',
    preferred: str = '[{"role": "assistant", "content": "Air scatters blue light most."}]',
    other: str = '[{"role": "assistant", "content": "Because it is."}]',
    more: str = "",
    tools: str = "",
) -> str:
    with_tools = f', "tools": {tools}' if tools else ""
    return (
        f'{{"input": {{"messages": {messages}{with_tools}}}, "preferred_output": {preferred}, '
        f'"non_preferred_output": {other}{more}}}'
    )


def _user(content: str) -> str:
    return f'[{{"role": "user", "content": {content}}}]'


def _answer(content: str) -> str:
    return f'[{{"role": "assistant", "content": {content}}}]'


GOOD: Final = _row()
_USER: Final = '{"role": "user", "content": "Why?"}'

EXAMPLES: Final[Mapping[str, Example]] = {
    "unreadable": Example(
        "", GOOD, "Without the bytes there is no digest, and so no id for the dataset."
    ),
    "empty-file": Example(
        "▸", GOOD, "The service takes an example count of at least 1, and a job at least 3 rows."
    ),
    "too-few-rows": Example(
        "▸" + GOOD, GOOD, "Fireworks refuses the job; three rows are the least it takes."
    ),
    "too-many-rows": Example("", GOOD, "Fireworks refuses the job; the limit is hard."),
    "too-many-examples": Example(
        "",
        GOOD,
        "The limit of 3,000,000 holds for rows times epochs, too: 1,600,000 rows train for one "
        "epoch and not for two.",
    ),
    "byte-order-mark": Example(
        "▸\ufeff" + GOOD,
        GOOD,
        "Editors hide the mark. A JSON reader meets it as a character that no value begins with, "
        "in the first row, and one bad row fails the job.",
    ),
    "blank-line": Example(
        "▸ ", GOOD, "Line numbers in messages of the service count from there on are off by one."
    ),
    "crlf": Example(
        GOOD + "▸\r",
        GOOD,
        "Git on Windows changes line ends when it checks a file out. The rows stay the same but "
        "the digest does not, so a plan on one machine would train what another has trained.",
    ),
    "utf-8": Example(
        "", GOOD, "The service's reader says `JSONL row must be valid UTF-8` and fails the job."
    ),
    "row-too-large": Example(
        "", GOOD, "A row is a prompt and two answers; 16 MiB are some 4,000,000 tokens."
    ),
    "json-syntax": Example(
        GOOD[:-1] + ", ▸}",
        GOOD,
        "The job reads all rows before it trains (JOB_STATE_VALIDATING); at the first that is no "
        "JSON it fails, and the line it names can be off by one.",
    ),
    "too-complex": Example(
        _row(tools='[{"x": ' + "[" * 96 + "▸[" + "]" * 97 + "}]"),
        GOOD,
        "Readers keep a stack; at great depth they stop with an error, or with a crash.",
    ),
    "one-object": Example(
        GOOD + " ▸" + GOOD,
        GOOD,
        "The service says `JSONL row must be an object`. Rows on one line, or a list of rows, "
        "come from tools that write JSON and not JSON Lines.",
    ),
    "duplicate-key": Example(
        _row(
            '[{"role": "user", "content": "Why?", ▸"content": "How?"}]',
        ),
        _row(_user('"How?"')),
        "Python keeps the last of the two, other readers the first, strict ones refuse the row: "
        "what trains is not what was reviewed.",
    ),
    "not-a-number": Example(
        _row(tools='[{"x": ▸NaN}]'),
        GOOD,
        "Python writes NaN and Infinity unless told not to. No other reader takes them.",
    ),
    "number-range": Example(
        _row(tools='[{"x": ▸1e999}]'),
        GOOD,
        "Numbers in JSON are read as doubles; beyond 1.8e308 readers refuse or round to infinity.",
    ),
    "lone-surrogate": Example(
        _row(_user('"▸\\ud83d?"')),
        _row(_user('"\\ud83d\\ude00?"')),
        "Text cut by UTF-16 units leaves half an emoji behind. It can't be written as UTF-8.",
    ),
    "other-format": Example(
        '{"prompt": "Why?", ▸"chosen": "Because.", "rejected": "No."}',
        GOOD,
        "The managed service reads its own row format only. The Training API's recipes read "
        "chosen/rejected and samples too, and drop without a word what they can't read. "
        "`dpo-ops pairs import` converts.",
    ),
    "missing-field": Example(
        '▸{"input": {"messages": [' + _USER + ']}, "preferred_output": '
        '[{"role": "assistant", "content": "Because."}]}',
        GOOD,
        "A pair has an input and two sides. A row without one of them fails the job.",
    ),
    "wrong-type": Example(
        _row(preferred='▸{"role": "assistant", "content": "Because."}'),
        GOOD,
        "The prose of the docs says that a side is a message; every example, and the service's "
        "own check, say a list of one message.",
    ),
    "unknown-field": Example(
        _row(more=', ▸"weight": 0.5'),
        GOOD,
        "Weights are for supervised tuning, reasoning_content is not documented for pairs: what "
        "is not documented may be ignored, and then trains otherwise than you think.",
    ),
    "no-messages": Example(_row("▸[]"), GOOD, "There is nothing to answer."),
    "unknown-role": Example(
        _row('[{"role": ▸"bananas", "content": "Why?"}]'),
        GOOD,
        "The service says `invalid role bananas in message 1, must be 'system', 'user', "
        "'assistant' or 'tool'` and fails the job. Roles are in lower case.",
    ),
    "tool-role": Example(
        _row(f'[{_USER}, {{"role": ▸"tool", "content": "42"}}]'),
        GOOD,
        "The service's check lets it pass, its documentation does not know it.",
    ),
    "system-first": Example(
        _row(f'[{_USER}, {{"role": ▸"system", "content": "Be brief."}}]'),
        _row(f'[{{"role": "system", "content": "Be brief."}}, {_USER}]'),
        "Chat templates put the system message first or refuse it elsewhere.",
    ),
    "one-turn": Example(
        _row(f'[{_USER}, {{"role": ▸"user", "content": "How?"}}]'),
        GOOD,
        "Preference tuning on Fireworks is one-turn only; its tutorials filter longer talks out.",
    ),
    "wrong-content": Example(
        _row(_user('[{"type": ▸"image_url"}]')),
        GOOD,
        "Images are for supervised tuning of vision models; pairs are text.",
    ),
    "empty-content": Example(
        _row(other=_answer('▸""')), GOOD, "The service's check refuses an empty message."
    ),
    "blank-content": Example(
        _row(other=_answer('▸" "')),
        GOOD,
        "It passes the service's check, and trains the model for or against white space.",
    ),
    "one-answer": Example(
        _row(
            preferred='[{"role": "assistant", "content": "a"}, '
            '▸{"role": "assistant", "content": "b"}]'
        ),
        GOOD,
        "The service's check wants exactly one message on each side.",
    ),
    "answer-role": Example(
        _row(other='[{"role": ▸"user", "content": "Because it is."}]'),
        GOOD,
        "The service's check wants the role assistant on both sides.",
    ),
    "same-answers": Example(
        _row(_user('"Why?"'), _answer('"Because."'), _answer('▸"Because."')),
        GOOD,
        "The loss of such a pair is a constant: it costs tokens and moves no weight.",
    ),
    "duplicate-pair": Example(
        GOOD + "\n▸" + GOOD,
        GOOD,
        "Rows are compared by what they mean: key order, spaces and escapes make no difference.",
    ),
    "contradictory-pair": Example(
        GOOD
        + "\n▸"
        + _row(
            preferred='[{"role": "assistant", "content": "Because it is."}]',
            other='[{"role": "assistant", "content": "Air scatters blue light most."}]',
        ),
        GOOD,
        "Two reviewers disagreed, or a column was swapped. The finding names both lines.",
    ),
    "length-bias": Example(
        "",
        GOOD,
        "Models tuned on such data learn to talk. The rule looks at 50 pairs or more, and warns "
        "from 85 % on; pairs whose sides are of one length are left out of account.",
    ),
    "held-out-leak": Example(
        "", GOOD, "The gate would measure memory. Only the input is compared, not the answers."
    ),
    "near-duplicate": Example(
        "", GOOD, "Compared are runs of five words (MinHash, 128 permutations, from 0.9 on)."
    ),
    "over-context": Example(
        "", GOOD, "Recipes drop a pair over max_seq_len, and say nothing if others remain."
    ),
    "likely-secret": Example(
        "", GOOD, "Keys of well-known shapes are looked for; the finding never shows one."
    ),
    "personal-data": Example(
        "", GOOD, "E-mail addresses, card numbers with a right check digit, IBANs, US SSNs."
    ),
    "waiver-lapsed": Example("", "", "A waiver is a loan; this is the day to pay it back."),
    "waiver-idle": Example("", "", "What hides nothing today will hide the next mistake."),
    "unknown-rule": Example("", "", "Rules are named by id (DPO203) or by name (json-syntax)."),
}
