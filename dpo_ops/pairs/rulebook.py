"""What a rule is about, as a page of text: what, why it matters, how to mend it, an example."""

from __future__ import annotations

from dpo_ops.pairs.examples import EXAMPLES, MARK
from dpo_ops.pairs.rules import RULES, named

_LONG = 600


def explanation(rule: str) -> str | None:
    """Return the explanation of a rule, given by id or by name; None if there is no such rule."""
    name = named(rule)
    if name is None:
        return None
    about, example = RULES[name], EXAMPLES[name]
    parts = [
        f"{about.id} {name} ({about.severity})",
        f"{_sentence(about.what)} {_sentence(about.why)}",
        example.why,
        f"What to do: {about.fix}.",
        _shown("Bad", example.bad),
        _shown("Good", example.good),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _shown(word: str, rows: str) -> str:
    if not rows.strip(MARK) or len(rows) > _LONG:
        return ""
    lines = rows.replace(MARK, "").replace("\r", "\\r").replace("\ufeff", "\\ufeff")
    return "\n".join([f"{word}:", *(f"  {line}" for line in lines.split("\n"))])
