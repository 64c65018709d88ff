"""Findings in files of pairs as SARIF 2.1.0, which code scanning services show beside the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dpo_ops import __version__
from dpo_ops.errors import Finding, Place
from dpo_ops.reporters.style import PLAIN, Style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dpo_ops.pairs.rules import Rule

VERSION = "2.1.0"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_document(
    findings: Sequence[Finding], rules: Mapping[str, Rule], style: Style = PLAIN
) -> dict[str, Any]:
    """Return one run of the checks; the rules that were broken are described in it."""
    broken = sorted({finding.rule for finding in findings if finding.rule}, key=_id_in(rules))
    driver = {
        "name": "dpo-ops",
        "version": __version__,
        "rules": [_rule(name, rules.get(name)) for name in broken],
    }
    return {
        "$schema": _SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": driver},
                # Columns count characters, not the units of UTF-16.
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, broken, rules, style) for finding in findings],
            }
        ],
    }


def _id_in(rules: Mapping[str, Rule]) -> Callable[[str], str]:
    """Return the function that gives the id which a rule keeps for ever, for its name."""
    return lambda name: rules[name].id if name in rules else name


def _rule(name: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"id": name}
    return {
        "id": rule.id,
        "name": name,
        "shortDescription": {"text": _sentence(rule.what)},
        "fullDescription": {"text": _sentence(rule.why)},
        "help": {"text": _sentence(rule.fix)},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _result(
    finding: Finding, broken: Sequence[str], rules: Mapping[str, Rule], style: Style
) -> dict[str, Any]:
    parts = (style.clean(part) for part in (finding.what, finding.why, finding.fix))
    result: dict[str, Any] = {
        "level": str(finding.severity),
        "message": {"text": " · ".join(part for part in parts if part)},
    }
    if finding.rule:
        result |= {
            "ruleId": _id_in(rules)(finding.rule),
            "ruleIndex": broken.index(finding.rule),
        }
    if isinstance(finding.where, Place):
        result["locations"] = [{"physicalLocation": _location(finding.where)}]
    return result


def _location(place: Place) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": quote(place.file.replace("\\", "/"))},
        "region": {"startLine": place.line, "startColumn": place.column},
    }
