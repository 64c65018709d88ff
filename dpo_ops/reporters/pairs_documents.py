"""What the `pairs` commands say as JSON, each with a version, and the published schemas.

Within a version, fields are only ever added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpo_ops.pairs.diff import Fate
from dpo_ops.reporters.documents import VERSION, finding_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpo_ops.pairs.cost import Costs
    from dpo_ops.pairs.diff import Comparison, Sample, Side
    from dpo_ops.pairs.imports import Imported
    from dpo_ops.pairs.rules import Rule
    from dpo_ops.pairs.split import Divided
    from dpo_ops.pairs.stats import Lengths, Statistics
    from dpo_ops.reporters.pairs_check import Checked
    from dpo_ops.resource import Tokens

NAMES = {
    Fate.ADDED: "added",
    Fate.REMOVED: "removed",
    Fate.FLIPPED: "flipped",
    Fate.EDITED_PREFERRED: "editedPreferred",
    Fate.EDITED_OTHER: "editedNonPreferred",
    Fate.EDITED_BOTH: "editedBoth",
    Fate.MOVED: "moved",
    Fate.REWRITTEN: "rewritten",
    Fate.SAME: "same",
}
"""How JSON calls what became of a row. `moved` and `rewritten` are counted in `same` too."""


def check_document(found: Checked) -> dict[str, Any]:
    """Return the result of a check."""
    files = [
        {"path": file.path, "rows": file.rows, "size": file.size, "sha256": file.digest or None}
        for file in found.files
    ]
    return {
        "version": VERSION,
        "files": files,
        "findings": [finding_document(finding) for finding in found.findings],
    }


def import_document(output: str, found: Imported) -> dict[str, Any]:
    """Return what was written and how many rows were left out."""
    return {"version": VERSION, "output": output, "rows": found.rows, "refused": found.refused}


def split_document(training: str, held_out: str, found: Divided) -> dict[str, Any]:
    """Return how many pairs went to which file, and how many lines to none."""
    return {
        "version": VERSION,
        "training": {"path": training, "rows": found.training},
        "heldOut": {"path": held_out, "rows": found.held_out},
        "refused": found.lost,
    }


def rules_document(rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Return what rules ask, by their names."""
    told = [
        {
            "id": rule.id,
            "name": name,
            "severity": str(rule.severity),
            "what": rule.what,
            "why": rule.why,
            "fix": rule.fix,
        }
        for name, rule in rules.items()
    ]
    return {"version": VERSION, "rules": told}


def stats_document(files: Sequence[str], found: Statistics) -> dict[str, Any]:
    """Return statistics; lengths are in tokens, those of `turns` in messages."""
    bias = found.bias
    return {
        "version": VERSION,
        "files": list(files),
        "rows": found.rows,
        "unreadable": found.unreadable,
        "turns": _lengths(found.turns),
        "prompt": _lengths(found.prompt),
        "preferred": _lengths(found.preferred),
        "nonPreferred": _lengths(found.other),
        "lengthBias": {
            "preferredLonger": bias.longer,
            "preferredShorter": bias.shorter,
            "equal": bias.equal,
            "ratio": bias.ratio and round(bias.ratio, 4),
        },
        "duplicates": found.duplicates,
        "repeatedInputs": found.repeated_inputs,
        "roles": dict(found.roles),
        "scripts": dict(found.scripts),
        "tokens": _tokens(found.tokens),
        "tokenizer": None if found.tokens.estimated else found.tokenizer,
    }


def _lengths(one: Lengths) -> dict[str, Any]:
    return {
        "total": one.total,
        "mean": round(one.mean, 3),
        "p50": one.p50,
        "p90": one.p90,
        "p99": one.p99,
        "max": one.longest,
        "histogram": [{"upTo": bucket.up_to, "rows": bucket.rows} for bucket in one.histogram],
    }


def _tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt": tokens.prompt,
        "preferred": tokens.preferred,
        "nonPreferred": tokens.other,
        "billable": tokens.billable(),
        "estimated": tokens.estimated,
    }


def diff_document(names: tuple[str, str], found: Comparison) -> dict[str, Any]:
    """Return how two files differ; `tokens` are of an epoch, of what differs in bytes."""
    before, after = found.tokens_before, found.tokens_after
    return {
        "version": VERSION,
        "before": {"file": names[0], "rows": found.rows_before},
        "after": {"file": names[1], "rows": found.rows_after},
        "equal": found.equal,
        "counts": {name: found.counts[fate] for fate, name in NAMES.items()},
        "unreadable": found.unreadable,
        "tokens": {
            "removed": before.billable(),
            "added": after.billable(),
            "change": after.billable() - before.billable(),
            "estimated": before.estimated or after.estimated,
        },
        "samples": [_sample(sample) for sample in found.samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    before, after = _side(sample.before), _side(sample.after)
    return {"what": NAMES[sample.fate], "before": before, "after": after}


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    pair = side.pair
    return {
        "line": side.line,
        "messages": [m._asdict() for m in pair.messages] if pair else [],
        "preferred": pair.preferred if pair else None,
        "nonPreferred": pair.other if pair else None,
    }


def cost_document(files: Sequence[str], found: Costs) -> dict[str, Any]:
    """Return what training costs, in US dollars."""
    return {
        "version": VERSION,
        "files": list(files),
        "rows": found.rows,
        "unreadable": found.unreadable,
        "epochs": found.epochs,
        "tokens": _tokens(found.tokens),
        "estimate": found.estimate and _tokens(found.estimate),
        "tokenizer": None if found.tokens.estimated else found.tokenizer,
        "baseModel": found.base_model or None,
        "quotes": [
            {
                "models": quote.band,
                "tunes": "all" if quote.full else "lora",
                "low": round(quote.cost.low, 4),
                "high": round(quote.cost.high, 4),
            }
            for quote in found.quotes
        ],
        "unpriced": found.unpriced,
        "prices": {"source": found.source, "asOf": found.as_of},
    }
