"""The deep look: slower, on demand. Near duplicates, context length, secrets, personal data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.errors import SettingsError
from dpo_ops.pairs.private import sightings
from dpo_ops.pairs.rows import lines, pair_of
from dpo_ops.pairs.scan import Broken, Kind, Node, Scanner
from dpo_ops.pairs.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dpo_ops.errors import Finding
    from dpo_ops.pairs.rows import Line, Pair

SIMILAR: Final = 0.9
_PERMUTATIONS: Final = 128
# At 0.9 these find 9,999 of 10,000 pairs that are so much alike.
_BANDS: Final = 16
_SEED: Final = 1
_WORDS: Final = re.compile(r"\w+")
_SHINGLE: Final = 5


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep to look. `count` gives the tokens of a pair's longer side with its input.

    `context` is maxContextLength in tokens; 0 counts no tokens. `similar` is the Jaccard
    index from 0 to 1 from which on two pairs are nearly the same; 0 compares none.
    """

    count: Callable[[Pair], int] | None = None
    context: int = 0
    similar: float = SIMILAR


def look_deep(path: Path, depth: Depth, *, shown: str, cap: int = 10) -> tuple[Finding, ...]:
    """Return what only a deep look finds in a file; findings call it `shown`.

    Lines that are no pair are passed over: the check names them. To compare pairs takes some
    2 kB of memory for each.

    Raises:
        DpoOpsError: the file can't be read.
        SettingsError: pairs are to be compared, and the extra `deep` is not installed.
    """
    tally = Tally(shown, cap)
    twin = _twins(depth.similar) if depth.similar else None
    for line in lines(path):
        pair = pair_of(line.data)
        if pair:
            _note_private(line, tally)
            _note_length(line, pair, depth, tally)
            earlier = twin(line.number, pair) if twin else None
            if earlier:
                what = f"nearly the same pair as in line {earlier}"
                tally.add("near-duplicate", line.number, 1, what)
    return tally.findings()


def _note_length(line: Line, pair: Pair, depth: Depth, tally: Tally) -> None:
    tokens = depth.count(pair) if depth.count and depth.context else 0
    if tokens > depth.context:
        what = f"{tokens:,} tokens, of which {depth.context:,} are read"
        tally.add("over-context", line.number, 1, what)


def _note_private(line: Line, tally: Tally) -> None:
    # Most rows hold nothing of the kind, and are not worth a tree.
    text = str(line.data, "utf-8", "replace")
    if not any(True for _ in sightings(text)) and "\\" not in text:
        return
    try:
        row = Scanner(text).scan()
    except Broken:
        return
    for node in _strings(row):
        for seen in sightings(node.text):
            column = _column(text, node, seen.at)
            tally.add(seen.rule, line.number, column, f"what looks like {seen.kind}")


def _column(text: str, node: Node, at: int) -> int:
    """Return the column of a character of a string, 1 for the first of the line."""
    here = node.at + 1
    if node.end - node.at - 2 == len(node.text):
        return here + at + 1
    for _ in range(at):
        here = _behind(text, here)
    return here + 1


def _behind(text: str, at: int) -> int:
    """Return the offset behind a character of a JSON string, which may be escaped."""
    if text[at] != "\\":
        return at + 1
    if text[at + 1] != "u":
        return at + 2
    pair = text[at + 2].lower() == "d" and text[at + 3].lower() in "89ab"
    return at + (12 if pair else 6)


def _strings(node: Node) -> Iterator[Node]:
    if node.kind is Kind.STRING:
        yield node
    for item in node.items:
        yield from _strings(item)
    for _, value in node.members:
        yield from _strings(value)


def _twins(similar: float) -> Callable[[int, Pair], int | None]:
    """Return what remembers pairs and names the line of an earlier one nearly the same."""
    sketch, index = _library()
    known = index(similar, _PERMUTATIONS, _BANDS)
    sketches: dict[int, Any] = {}

    def earlier(line: int, pair: Pair) -> int | None:
        mine = sketch(_PERMUTATIONS, _SEED)
        mine.update(_shingles(pair))
        close = [n for n in known.query(mine) if mine.jaccard(sketches[n]) >= similar]
        if close:
            return int(min(close))
        known.insert(line, mine)
        sketches[line] = mine
        return None

    return earlier


def _library() -> tuple[Any, Any]:
    # rensa and not datasketch: 1 MB in place of 150, for it needs neither numpy nor scipy.
    try:
        library = import_module("rensa")
    except ImportError as error:
        why = "rensa is not installed"
        fix = "pip install 'dpo-ops[deep]'"
        raise SettingsError("near duplicates can't be looked for", why=why, fix=fix) from error
    return library.RMinHash, library.RMinHashLSH


def _shingles(pair: Pair) -> list[str]:
    """Return the runs of words of a pair; which side they are on makes a difference."""
    texts = [message.text for message in pair.messages]
    found = {
        f"{side} {' '.join(run)}"
        for side, text in enumerate((" ".join(texts), pair.preferred, pair.other))
        for run in _runs(_WORDS.findall(text.lower()))
    }
    return sorted(found)


def _runs(words: list[str]) -> Iterator[list[str]]:
    for at in range(max(1, len(words) - _SHINGLE + 1)):
        yield words[at : at + _SHINGLE]
