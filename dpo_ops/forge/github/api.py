"""GitHub's REST API: the calls that everything here is made of, as JSON in and out."""

from __future__ import annotations

import re
import weakref
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge import environ as read
from dpo_ops.forge.contract import ForgeError
from dpo_ops.forge.exchange import Answer, Ask, Exchange, Lost
from dpo_ops.forge.github.context import REPOSITORY, SERVER
from dpo_ops.forge.reading import number, rows, text
from dpo_ops.forge.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

URL: Final = "https://api.github.com"
VERSION: Final = "2022-11-28"
BOT: Final = "github-actions[bot]"
"""Whom the token of a job stands for, where GitHub does not say."""
PAGES: Final = 50
"""Pages of a hundred that are read of one list; a pull request has at most 2,500 comments."""
MAKES: Final = 3
"""How often something is made whose reply is lost and that is not found afterwards."""

_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="next"')
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_VIEWER = {"query": "query { viewer { login } }"}
_GONE = (404, 410)

Query = dict[str, str | int]


class Api:
    """One repository on GitHub, asked in the name of the run's token.

    Errors of each method: ForgeError, ReadOnly where it writes. `needs` is the permission that a
    call takes, in the words of a workflow.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        token = environ.get("GITHUB_TOKEN", "").strip()
        if not _TOKEN.fullmatch(token):
            raise ForgeError(
                "the token is not usable",
                where="GITHUB_TOKEN",
                why="it holds something else than printable characters",
                fix="pass it as `GITHUB_TOKEN: ${{ github.token }}`",
            )
        self.repository = read.wanted(environ, "GITHUB_REPOSITORY", REPOSITORY)
        self.server = read.url(environ, "GITHUB_SERVER_URL", SERVER)
        self._url = environ.get("GITHUB_API_URL", "").rstrip("/") or URL
        self._root = f"/repos/{self.repository}"
        self._refusals = Refusals("GitHub", token, _permit)
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "dpo-ops",
            "X-GitHub-Api-Version": VERSION,
        }
        self._exchange = Exchange(
            self._url, headers, self._refusals, transport=transport, sleep=sleep
        )
        # A forge has no end of its own; its connections end with it.
        weakref.finalize(self, self._exchange.close)
        self._login = ""

    def get(self, path: str, needs: str) -> Any:
        """Return what there is under the repository, such as `/pulls/7`."""
        ask = Ask("GET", self._root + path)
        return self._value(ask, self._exchange.ask(ask), needs)

    def pages(self, path: str, query: Query, needs: str, inside: str = "") -> Iterator[Any]:
        """Yield the rows of a list, page by page as they are wanted, at most PAGES of them.

        `inside` is the name of the list where it lies in an object.
        """
        ask = Ask("GET", self._root + path, query={**query, "per_page": 100})
        for _ in range(PAGES):
            answer = self._answered(ask, needs)
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
        ask = Ask("PATCH", self._root + path, value=value)
        outcome = self._exchange.ask(ask)
        if isinstance(outcome, Answer) and outcome.status in _GONE:
            return None
        return self._thing(ask, outcome, needs)

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
        """Return bytes that lie behind a redirect, or None where they are gone.

        Errors: ForgeError where they are more than `limit`.
        """
        ask = Ask("GET", self._root + path, limit=limit)
        outcome = self._exchange.ask(ask)
        if isinstance(outcome, Answer) and outcome.status in _GONE:
            return None
        if isinstance(outcome, Lost) or not outcome.ok:
            raise self._refusals.of(ask, outcome, needs)
        return outcome.body

    def login(self) -> str:
        """Return whom the token stands for; asked once.

        REST has no answer for the token of a job, GraphQL has.
        """
        if not self._login:
            # On a server of one's own REST lies under /api/v3 and GraphQL under /api.
            ask = Ask("POST", self._url.removesuffix("/v3") + "/graphql", value=_VIEWER)
            outcome = self._exchange.ask(ask)
            if isinstance(outcome, Lost) or outcome.status in (429, *range(500, 600)):
                # Not a no: to guess now could take another's comment for ours, or leave ours.
                raise self._refusals.of(ask, outcome, "")
            self._login = text(outcome.value(), "data", "viewer", "login") or BOT
        return self._login

    def ours(self, row: Mapping[str, Any]) -> bool:
        """Say whether the token's own user wrote this."""
        return text(row, "user", "login") == self.login()

    def _answered(self, ask: Ask, needs: str) -> Answer:
        outcome = self._exchange.ask(ask)
        if isinstance(outcome, Lost) or not outcome.ok:
            raise self._refusals.of(ask, outcome, needs)
        return outcome

    def _thing(self, ask: Ask, outcome: Answer | Lost, needs: str) -> Any:
        """What was made or changed; without its id it could not be found again."""
        value = self._value(ask, outcome, needs)
        if not number(value, "id"):
            raise self._refusals.unusable(ask, "it has no id")
        return value

    def _value(self, ask: Ask, outcome: Answer | Lost, needs: str) -> Any:
        if isinstance(outcome, Lost) or not outcome.ok:
            raise self._refusals.of(ask, outcome, needs)
        value = outcome.value()
        if value is None:
            raise self._refusals.unusable(ask, "it is not JSON")
        return value


def _permit(needs: str) -> str:
    return (
        f"give the job `permissions: {{{needs}}}`"
        "; on a pull request from a fork a token can only read"
    )
