"""A corpus of malformed files, by hand and by mutation: each ends in findings at a right line.

Every file is a few good rows with one hostile line among them, or a good file with its bytes
cut, flipped or doubled. None may raise, hang, or blame a line that is not there.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from typing import TYPE_CHECKING, Final

import pytest

from dpo_ops.errors import Place
from dpo_ops.pairs.check import Part, check_block
from dpo_ops.pairs.layout import learn
from tests.pairs.rows import USER, fine, inspect_bytes, row

if TYPE_CHECKING:
    from pathlib import Path

BYTES = {
    "a byte that begins no character": b"\xff",
    "a byte that only continues one": b"\x80",
    "two bytes of three": b"\xe2\x82",
    "three bytes of four": b"\xf0\x9f\x98",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "an overlong slash": b"\xc0\xaf",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "NUL": b"\0",
    "a tab": b"\t",
    "an escape": b"\x1b",
    "half a pair": rb"\ud83d",
    "the other half": rb"\ude00",
    "halves swapped": rb"\ude00\ud83d",
    "an escape cut off": rb"\u1",
    "no hex": rb"\u12g4",
    "an unknown escape": rb"\x41",
    "a quote too many": b'"',
    "a backslash before the quote": b"\\",
    "the text's end, and a key again": b'", "content": "again',
    "the message's end": b'"}, {"role": "user", "content": "more',
    "the row's end": b'"}]}',
    "a row in the row": fine(0).encode(),
    "a carriage return": b"\r",
}
# Where each of them is put: into a text, between two tokens, before the row and behind it.
PLACES = {
    "in a question": (b"Why", b"Wh%by"),
    "in an answer": (b"Because", b"Be%bcause"),
    "at the end of a text": (b"Dunno.", b"Dunno.%b"),
    "in a key": (b"preferred_output", b"preferred%b_output"),
    "between tokens": (b'": [', b'": %b['),
    "before the row": (b'{"input', b'%b{"input'),
    "behind the row": (b'Dunno."}]}', b'Dunno."}]}%b'),
}
PLACED = {
    f"{what} {where}": fine(2).encode().replace(old, new.replace(b"%b", data), 1)
    for (what, data), (where, (old, new)) in itertools.product(BYTES.items(), PLACES.items())
}
HARMLESS: Final = {
    *(f"{what} {where}" for what in ("a tab", "a carriage return") for where in (
        "between tokens", "before the row", "behind the row")),
}  # fmt: skip
WHOLE = {
    **{f"{open_} {depth} deep": open_.encode() * depth
       for open_, depth in itertools.product(["[", '{"a":', '[{"a":['], [99, 101, 1000, 100_000])},
    **{f"a number {number[:9]}": row(tools=f'[{{"a": {number}}}]').encode()
       for number in ("1e999", "-1e999", "9" * 5000, "1" * 400, "0." + "1" * 5000, "1e", "01",
                      "+1", ".5", "1.", "--1", "0x10", "1_000", "NaN", "-Infinity", "1E+400")},
    **{f"only {word!r}": word.encode()
       for word in ("null", "true", "0", '""', "[]", "{}", "nul", "'a'", "//", "#", "<a/>", "a: b",
                    "---", "{,}", "[,]", "{]", "[}", '{"a"}', '{"a":}', "{:1}", "}", "]", '"', "\\",
                    "undefined", "None", "b''", "{'a': 1}", "[1 2]", '{"a":1 "b":2}', "\x7f")},
    **{f"cut at {at}": fine(2).encode()[:at] for at in range(1, len(fine(2)), 5)},
    **{f"without its first {at}": fine(2).encode()[at:] for at in range(1, len(fine(2)), 9)},
    "a million values": b"[" + b"0," * 1_000_000 + b"0]",
    "a million keys": b"{" + b'"a":0,' * 200_000 + b'"a":0}',
    "UTF-16": fine(2).encode("utf-16"),
    "UTF-32": fine(2).encode("utf-32-le"),
    "Latin-1": row(messages=f"[{USER}]").replace("Why", "Où").encode("latin-1"),
    "a message again and again": row(messages=f"[{', '.join([USER] * 5000)}]").encode(),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)).replace(b"\n", b""),
}  # fmt: skip
CORPUS = {**PLACED, **WHOLE}


def check(folder: Path, line: bytes) -> set[int]:
    """Return the lines that are blamed in a file whose third line this is."""
    good = [fine(number).encode() for number in (11, 12, 13)]
    data = b"\n".join([*good[:2], line, good[2]])
    done = inspect_bytes(folder, data)
    assert (done.digest, done.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert all(len(str(finding)) < 1000 for finding in done.findings)
    # The fast way says the same.
    part = Part(10, "prefs.jsonl")
    layout = learn(good[0])
    assert layout
    check_block(bytearray(data), part, [layout], lambda: data, top=True)
    assert part.tally.findings() == done.findings
    for finding in done.findings:
        assert isinstance(finding.where, Place)
        text = data.split(b"\n")[finding.where.line - 1].decode("utf-8", "replace")
        assert 1 <= finding.where.column <= len(text) + 1
    return {f.where.line for f in done.findings if isinstance(f.where, Place)}


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_line_is_blamed_and_no_other(tmp_path: Path, name: str) -> None:
    blamed = check(tmp_path, CORPUS[name])
    crlf_only = name in HARMLESS or CORPUS[name] == fine(2).encode()
    assert blamed == {3} or (crlf_only and blamed <= {3})


def test_the_corpus_is_large() -> None:
    assert len(set(CORPUS.values())) >= 200


@pytest.mark.parametrize("seed", range(100))
def test_a_file_with_bytes_changed_raises_nothing(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    data = bytearray("\n".join(map(fine, range(5))).encode())
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(data))
        match dice.randrange(4):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randint(1, 300)]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 300)]
            case _:
                data[at:at] = dice.choice(list(BYTES.values()))
    done = inspect_bytes(tmp_path, bytes(data))
    assert done.digest == hashlib.sha256(data).hexdigest()
    assert all(f.where.line <= data.count(b"\n") + 1 for f in done.findings
               if isinstance(f.where, Place))  # fmt: skip
