"""How long `pairs diff` takes over two large files with known edits, and how much memory.

    python tests/bench/pairs_diff.py [--rows 1000000] [--words 40] [--reformat]

Makes two files in a temporary folder, the second with a known number of rows added, removed,
edited on either side and on both, flipped and moved; compares them; prints seconds, peak memory
and whether every count is exact. With --reformat each row of the second file is also written
with other spaces, so that no line has the same bytes: the worst case.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from dpo_ops.pairs.diff import compare
from tests.pairs.edits import KNOWN, write_edited


def main() -> None:
    parser = argparse.ArgumentParser(description="compare two large files of pairs")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=40)
    parser.add_argument("--reformat", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        before, after = Path(place) / "before.jsonl", Path(place) / "after.jsonl"
        known = write_edited(before, after, given.rows, words=given.words, spaced=given.reformat)
        size = (before.stat().st_size + after.stat().st_size) / 2**20
        start = time.perf_counter()
        found = compare(before, after)
        took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    exact = all(found.counts[fate] == known[fate] for fate in KNOWN)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{found.rows_before:,} and {found.rows_after:,} rows, {size:,.0f} MiB in two files")
    print(f"{took:.1f} s, peak memory {peak:.2f} GiB, counts exact: {exact}")
    for fate in KNOWN:
        print(f"  {fate:22} {found.counts[fate]:>9,} of {known[fate]:>9,}")


if __name__ == "__main__":
    main()
