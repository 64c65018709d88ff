"""GitHub's REST API: where it is, what it wants to be sent, and whom a token stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge import api
from dpo_ops.forge import environ as read
from dpo_ops.forge.exchange import Ask, Lost
from dpo_ops.forge.github.context import REPOSITORY, SERVER
from dpo_ops.forge.reading import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

URL: Final = "https://api.github.com"
VERSION: Final = "2022-11-28"
BOT: Final = "github-actions[bot]"
"""Whom the token of a job stands for, where GitHub does not say."""

_VIEWER = {"query": "query { viewer { login } }"}


class Api(api.Api):
    """One repository on GitHub, asked in the name of the run's token."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        secret = api.token(
            environ, "GITHUB_TOKEN", "pass it as `GITHUB_TOKEN: ${{ github.token }}`"
        )
        self.repository = read.wanted(environ, "GITHUB_REPOSITORY", REPOSITORY)
        self.server = read.url(environ, "GITHUB_SERVER_URL", SERVER)
        self._url = environ.get("GITHUB_API_URL", "").rstrip("/") or URL
        self._login = ""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {secret}",
            "X-GitHub-Api-Version": VERSION,
        }
        super().__init__(
            api.Manner("GitHub", "PATCH", headers, _permit),
            self._url,
            f"/repos/{self.repository}",
            secret=secret,
            transport=transport,
            sleep=sleep,
        )

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


def _permit(needs: str) -> str:
    return (
        f"give the job `permissions: {{{needs}}}`"
        "; on a pull request from a fork a token can only read"
    )
