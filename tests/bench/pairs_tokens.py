"""How wrong the estimate of tokens is, beside a real tokenizer.

    python tests/bench/pairs_tokens.py PAIRS.jsonl --tokenizer tokenizer.json [--tokenizer …]

Prints for each tokenizer the error of the total, and of single rows the median, the ninetieth
percentile and the largest, without what a chat template adds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from dpo_ops.pairs.rows import lines, pair_of
from dpo_ops.pairs.tokens import ESTIMATE, Tokenizer, Vocabulary


def texts(path: Path) -> list[list[str]]:
    pairs = filter(None, (pair_of(line.data) for line in lines(path)))
    return [[*(m.text for m in p.messages), p.preferred, p.other] for p in pairs]


def totals(rows: list[list[str]], tokenizer: Tokenizer) -> list[int]:
    return [sum(map(tokenizer.count, row)) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description="measure the estimate of tokens")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--tokenizer", type=Path, action="append", required=True)
    given = parser.parse_args()
    rows = texts(given.pairs)
    guessed = totals(rows, ESTIMATE)
    for path in given.tokenizer:
        counted = totals(rows, Vocabulary(path))
        errors = sorted(abs(a / b - 1) for a, b in zip(guessed, counted, strict=True))
        middle, high = (errors[int(len(errors) * part)] for part in (0.5, 0.9))
        print(
            f"{path.name}: {sum(counted):,} tokens in {len(rows):,} rows; estimate "
            f"{sum(guessed) / sum(counted) - 1:+.1%}; rows: median {middle:.1%}, "
            f"90 % {high:.1%}, worst {errors[-1]:.1%}"
        )


if __name__ == "__main__":
    main()
