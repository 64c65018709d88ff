"""One project on a forge over REST: the calls that its methods are made of, JSON in and out."""

from __future__ import annotations

import re
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge.contract import ForgeError
from dpo_ops.forge.exchange import Answer, Ask, Exchange, Lost
from dpo_ops.forge.reading import number, rows
from dpo_ops.forge.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

PAGES: Final = 50
"""Pages of a hundred that are read of one list; a pull request has at most 2,500 comments."""
MAKES: Final = 3
"""How often something is made whose reply is lost and that is not found afterwards."""

_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="next"')
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_GONE = (404, 410)

Query = dict[str, str | int]


def token(environ: Mapping[str, str], name: str, fix: str) -> str:
    """Return the token in a variable. Errors: ForgeError where it could not be sent."""
    value = environ.get(name, "").strip()
    if _TOKEN.fullmatch(value):
        return value
    raise ForgeError(
        "the token is not usable",
        where=name,
        why="it holds something else than printable characters",
        fix=fix,
    )


@dataclass(frozen=True, slots=True)
class Manner:
    """How one forge differs from another: its name, its verb for changes, what it is sent.

    `permit` turns what a call needs into what to do about a refusal.
    """

    name: str
    edits: str
    headers: Mapping[str, str]
    permit: Callable[[str], str]


class Api:
    """One project under `url` + `root`, asked in the name of a token.

    Errors of each method: ForgeError, ReadOnly where it writes. `needs` is the permission that a
    call takes, in the words of the forge.
    """

    def __init__(
        self,
        manner: Manner,
        url: str,
        root: str,
        *,
        secret: str,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._root, self._edits = root, manner.edits
        self._refusals = Refusals(manner.name, secret, manner.permit)
        headers = {"User-Agent": "dpo-ops", **manner.headers}
        self._exchange = Exchange(url, headers, self._refusals, transport=transport, sleep=sleep)
        # A forge has no end of its own; its connections end with it.
        weakref.finalize(self, self._exchange.close)

    def get(self, path: str, needs: str) -> Any:
        """Return what there is under the project, such as `/pulls/7`."""
        return self.at(self._root + path, needs)

    def at(self, path: str, needs: str) -> Any:
        """Return what there is outside of the project, by its path under the API."""
        ask = Ask("GET", path)
        return self._value(ask, self._exchange.ask(ask), needs)

    def pages(self, path: str, query: Query, needs: str, inside: str = "") -> Iterator[Any]:
        """Yield the rows of a list, page by page as they are wanted, at most PAGES of them.

        `inside` is the name of the list where it lies in an object.
        """
        ask = Ask("GET", self._root + path, query={**query, "per_page": 100})
        for _ in range(PAGES):
            answer = self._answered(ask, self._exchange.ask(ask), needs)
            value = answer.value()
            found = value.get(inside) if inside and isinstance(value, dict) else value
            if not isinstance(found, list):
                raise self._refusals.unusable(ask, "it holds no list")
            yield from rows(found)
            follows = _NEXT.search(answer.headers.get("link", ""))
            if follows is None:
                return
            ask = Ask("GET", follows[1])
        raise self._refusals.unusable(ask, f"its list has more than {PAGES * 100:,} rows")

    def edit(self, path: str, value: Any, needs: str) -> Any | None:
        """Change what there is, and return it; None where it is gone."""
        ask = Ask(self._edits, self._root + path, value=value)
        outcome = self._exchange.ask(ask)
        return None if _gone(outcome) else self._thing(ask, outcome, needs)

    def make(self, path: str, value: Any, look: Callable[[], Any | None], needs: str) -> Any:
        """Make something once, and return it.

        Where the reply is lost, `look` returns what was made, or None where nothing was.
        """
        ask = Ask("POST", self._root + path, value=value, repeatable=False)
        for left in reversed(range(MAKES)):
            outcome = self._exchange.ask(ask)
            if isinstance(outcome, Answer) or not outcome.sent:
                break
            self._exchange.wait()
            made = look()
            if made is not None:
                return made
            if not left:
                break
        return self._thing(ask, outcome, needs)

    def download(self, path: str, needs: str, limit: int) -> bytes | None:
        """Return bytes, which may lie behind a redirect, or None where they are gone.

        Errors: ForgeError where they are more than `limit`.
        """
        ask = Ask("GET", self._root + path, limit=limit)
        outcome = self._exchange.ask(ask)
        return None if _gone(outcome) else self._answered(ask, outcome, needs).body

    def _answered(self, ask: Ask, outcome: Answer | Lost, needs: str) -> Answer:
        if isinstance(outcome, Lost) or not outcome.ok:
            raise self._refusals.of(ask, outcome, needs)
        return outcome

    def _value(self, ask: Ask, outcome: Answer | Lost, needs: str) -> Any:
        value = self._answered(ask, outcome, needs).value()
        if value is None:
            raise self._refusals.unusable(ask, "it is not JSON")
        return value

    def _thing(self, ask: Ask, outcome: Answer | Lost, needs: str) -> Any:
        """What was made or changed; without its id it could not be found again."""
        value = self._value(ask, outcome, needs)
        if not number(value, "id"):
            raise self._refusals.unusable(ask, "it has no id")
        return value


def _gone(outcome: Answer | Lost) -> bool:
    return isinstance(outcome, Answer) and outcome.status in _GONE
