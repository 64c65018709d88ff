"""GitLab's REST API: where it is, what it wants to be sent, and whom a token stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.forge import api
from dpo_ops.forge import environ as read
from dpo_ops.forge.exchange import Ask
from dpo_ops.forge.reading import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

URL: Final = "https://gitlab.com/api/v4"
TOKEN: Final = "DPO_OPS_GITLAB_TOKEN"  # noqa: S105 - the name of the variable
SCOPE: Final = "api"
"""What all calls take: GitLab's scopes are not finer."""

_ID = re.compile(r"[1-9][0-9]{0,15}")


class Api(api.Api):
    """One project on GitLab, asked in the name of an access token."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        secret = api.token(environ, TOKEN, "set it as a masked variable of the project")
        project = read.wanted(environ, "CI_PROJECT_ID", _ID)
        self.project = int(project)
        self.address = read.url(environ, "CI_PROJECT_URL", "")
        self._login = ""
        super().__init__(
            api.Manner("GitLab", "PUT", {"PRIVATE-TOKEN": secret}, _permit),
            environ.get("CI_API_V4_URL", "").rstrip("/") or URL,
            f"/projects/{project}",
            secret=secret,
            transport=transport,
            sleep=sleep,
        )

    def ours(self, row: Mapping[str, Any]) -> bool:
        """Say whether the token's own user wrote this; who that is, is asked once."""
        if not self._login:
            ask = Ask("GET", "/user")
            self._login = text(self.at(ask.path, SCOPE), "username")
            if not self._login:
                raise self._refusals.unusable(ask, "it names nobody")
        return text(row, "author", "username") == self._login


def _permit(needs: str) -> str:
    return (
        f"let {TOKEN} be an access token of the project with the scope `{needs}`"
        " and at least the role Reporter"
    )
