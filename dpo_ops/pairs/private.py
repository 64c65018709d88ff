"""What looks like a secret or like personal data in a text. Few shapes, and few false alarms.

A match is named by its kind and its place, and never shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Sighting(NamedTuple):
    """A match: the rule it breaks, what it looks like, and where it begins (characters from 0)."""

    rule: str
    kind: str
    at: int


def sightings(text: str) -> Iterator[Sighting]:
    """Yield what looks like a secret or personal data in `text`."""
    for rule, kind, pattern, is_real in _SHAPES:
        for found in pattern.finditer(text):
            if is_real(found[0]):
                yield Sighting(rule, kind, found.start())


def _always(_: str) -> bool:
    return True


def _is_varied(text: str) -> bool:
    """Say whether this is random enough for a key: documentation has AKIAXXXXXXXXXXXXXXXX."""
    return len(set(text[4:])) > _VARIED and "example" not in text.lower()


_VARIED: Final = 8


def _is_card(text: str) -> bool:
    digits = [int(c) for c in reversed(text) if c.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 2  # noqa: PLR2004


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _is_mailbox(text: str) -> bool:
    domain = text.rpartition("@")[2].lower()
    return not re.search(r"(^|\.)(example(\.\w+)?|test|invalid|localhost)$", domain)


_SECRET: Final = "likely-secret"  # noqa: S105 - the name of a rule
_PERSONAL: Final = "personal-data"

_SHAPES: Final[tuple[tuple[str, str, re.Pattern[str], Callable[[str], bool]], ...]] = (
    (
        _SECRET,
        "a private key",
        re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}"),
        _always,
    ),
    (_SECRET, "an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), _is_varied),
    (_SECRET, "a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"), _is_varied),
    (_SECRET, "a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,200}"), _is_varied),
    (_SECRET, "a Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"), _is_varied),
    (_SECRET, "a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{34}\b"), _is_varied),
    (_SECRET, "a Fireworks API key", re.compile(r"\bfw_[A-Za-z0-9]{20,64}\b"), _is_varied),
    (
        _SECRET,
        "an API key",
        re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,200}\b"),
        _is_varied,
    ),
    (
        _PERSONAL,
        "an e-mail address",
        re.compile(
            r"\b[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}\b"
        ),
        _is_mailbox,
    ),
    (
        _PERSONAL,
        "a card number",
        re.compile(r"(?<![\d.-])[3-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\d.-]\d)(?!\d)"),
        _is_card,
    ),
    (
        _PERSONAL,
        "a US social security number",
        re.compile(r"\b(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b"),
        _always,
    ),
    (
        _PERSONAL,
        "an IBAN",
        re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        _is_iban,
    ),
)
