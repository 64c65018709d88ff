"""What the commands about pairs find, as values: a file of three pairs and its next version."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dpo_ops.pairs import RULES
from dpo_ops.pairs.cost import costs
from dpo_ops.pairs.diff import compare
from dpo_ops.pairs.imports import Imported
from dpo_ops.pairs.prices import prices
from dpo_ops.pairs.split import Divided
from dpo_ops.pairs.stats import statistics
from dpo_ops.reporters.pairs import (
    Checked,
    CheckedFile,
    check_document,
    cost_document,
    diff_document,
    import_document,
    rules_document,
    split_document,
    stats_document,
)
from tests.pairs.edits import as_row
from tests.reporters import cases

BEFORE = [as_row(f"q{n}", "good", "bad") for n in range(3)]
AFTER = [
    as_row("q0", "bad", "good"),
    "no pair",
    as_row("q2", "good", "worse"),
    as_row("n", "a", "b"),
]


def _documents(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    before, after = folder / "before", folder / "after"
    for path, rows in ((before, BEFORE), (after, AFTER)):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    empty = folder / "empty"
    empty.touch()
    names, table = ("before", "after"), prices()
    checked = CheckedFile("a.jsonl", 3, 100, "ab" * 32), CheckedFile("gone", 0, 0, "")
    return [
        ("pairs-check", check_document(Checked(checked, (cases.ERROR, cases.WARNING)))),
        ("pairs-stats", stats_document(["after"], statistics([after]))),
        ("pairs-stats", stats_document(["empty"], statistics([empty]))),
        ("pairs-diff", diff_document(names, compare(before, after))),
        ("pairs-diff", diff_document(names, compare(empty, empty))),
        ("pairs-cost", cost_document(["before"], costs([before], table))),
        ("pairs-explain", rules_document(RULES)),
        ("pairs-import", import_document("out.jsonl", Imported(3, 1))),
        ("pairs-split", split_document("a.jsonl", "b.jsonl", Divided(9, 1, 0))),
        ("pairs-cost", cost_document(["before"], costs([before], table, base_model="x"))),
    ]


with TemporaryDirectory() as _place:
    DOCUMENTS = _documents(Path(_place))
