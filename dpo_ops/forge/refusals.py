"""What a forge refused, as errors: what, where, why and what to do, without any secret."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.contract import ForgeError, ReadOnly
from dpo_ops.forge.exchange import Lost
from dpo_ops.forge.reading import part, rows, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge.exchange import Answer, Ask

LONGEST: Final = 300
"""Characters of a forge's message that are shown."""
MASK: Final = "[token]"
_REACH: Final = 20 * LONGEST

_REASONS: Final = {
    401: ("the token was refused", "pass the job's own token; a token of another kind may be old"),
    404: ("there is no such thing", "a token also gets this for what it may not see: check both"),
    410: ("it is gone, or turned off", "turn the feature on in the repository's settings"),
    422: ("the request was refused", "see the reason; a text may be too long"),
    429: ("too many requests", "wait a few minutes and run this job again"),
}


class Refusals:
    """Makes errors for one forge; `permit` says how a job is allowed what it was refused."""

    def __init__(self, name: str, secret: str, permit: Callable[[str], str]) -> None:
        self._name, self._secret, self._permit = name, secret, permit

    def __repr__(self) -> str:
        return f"Refusals({self._name!r})"

    def of(self, ask: Ask, outcome: Answer | Lost, needs: str) -> ForgeError:
        """Return the error of an exchange that ended badly; `needs` is the permission it takes."""
        if isinstance(outcome, Lost):
            return self._lost(ask, outcome)
        why = self.line(_told(outcome.value())) or "it gave no reason"
        limited = "rate limit" in why.lower()
        status = 429 if limited else outcome.status
        if status == 403:  # noqa: PLR2004 - Forbidden
            return self._forbidden(ask, why, needs)
        what, fix = _REASONS.get(
            status, (f"{self._name} failed", "run this job again in a few minutes")
        )
        what = f"{what} ({outcome.status})"
        return ForgeError(what, where=self._where(ask), why=why, fix=fix)

    def unusable(self, ask: Ask, why: str) -> ForgeError:
        """Return the error for an answer that is not what the API promises."""
        return ForgeError(
            f"{self._name}'s answer can't be used",
            where=self._where(ask),
            why=self.line(why),
            fix="check that the address of the API is right and no proxy answers in its place",
        )

    def too_large(self, ask: Ask) -> ForgeError:
        """Return the error for an answer that is not read to its end."""
        return ForgeError(
            f"{self._name}'s answer is too large",
            where=self._where(ask),
            why=f"it has more than {ask.limit:,} bytes",
            fix="look at what lies there; nothing of it was used",
        )

    def line(self, text: str) -> str:
        """Return `text` as one short line of printable characters without the secret."""
        plain = " ".join("".join(map(_printable, text[:_REACH])).split())
        # Masked before the cut, which could leave most of it.
        plain = re.sub(re.escape(self._secret), MASK, plain) if self._secret else plain
        return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"

    def _forbidden(self, ask: Ask, why: str, needs: str) -> ForgeError:
        kind = ForgeError if ask.method == "GET" else ReadOnly
        return kind(
            "the token may not do this (403)",
            where=self._where(ask),
            why=why,
            fix=self._permit(needs),
        )

    def _lost(self, ask: Ask, lost: Lost) -> ForgeError:
        doubt = lost.sent and ask.method != "GET"
        return ForgeError(
            f"no usable answer from {self._name}",
            where=self._where(ask),
            why=lost.why,
            fix="check the network and run this job again"
            + ("; the request may have taken effect" if doubt else ""),
        )

    def _where(self, ask: Ask) -> str:
        return self.line(str(ask))


def _told(value: Any) -> str:
    """What an error says: GitHub's `message` and `errors`, GitLab's `message` or `error`."""
    message = text(value, "message") or text(value, "error") or text(value, "error_description")
    if not message and (fields := part(value, "message")):
        message = "; ".join(f"{name}: {said}" for name, said in fields.items())
    errors = value.get("errors") if isinstance(value, dict) else None
    details = [text(e, "message") or " ".join(_words(e)) for e in rows(errors)]
    return ": ".join(p for p in (message, "; ".join(d for d in details if d)) if p)


def _words(error: dict[str, Any]) -> list[str]:
    return [text(error, name) for name in ("resource", "field", "code") if text(error, name)]


def _printable(char: str) -> str:
    if char.isspace():
        return " "
    # C*: control, format (bidirectional overrides), surrogate, private use, unassigned.
    return "" if unicodedata.category(char).startswith("C") else char
