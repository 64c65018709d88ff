"""The state of the fake, what tests do to it, and the way from a request to its reply."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from tests.hub import artifacts, comments, deployments, issues, pulls
from tests.hub.events import environ
from tests.hub.faults import Faults
from tests.hub.server import Server
from tests.hub.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from pathlib import Path

BOT = "github-actions[bot]"
PLAYED = "ghs_fake"
ALL = {
    "actions": "read",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "pull-requests": "write",
}
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Token:
    """Whom a token stands for, and what it may do, in the words of a workflow's `permissions`."""

    login: str = BOT
    permissions: dict[str, str] = field(default_factory=lambda: dict(ALL))


class Hub:
    """One repository on GitHub, answering at `url` while the `with` block lasts.

    What it holds is in GitHub's shapes. `tokens` maps a token to whom it stands for, `graphql`
    says whether `viewer` may be asked. `requests` are all requests so far, in their order.
    """

    def __init__(
        self, repository: str = "acme/tuning", *, private: bool = False, token: str = PLAYED
    ) -> None:
        self.repository = repository
        self.private = private
        self.graphql = True
        self.token = token
        self.tokens: dict[str, Token] = {token: Token()}
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.pulls: dict[int, dict[str, Any]] = {}
        self.commits: dict[int, list[str]] = {}
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.artifacts: list[artifacts.Artifact] = []
        self.requests: list[Request] = []
        self.faults = Faults()
        self._lock = threading.RLock()
        self._count = 0
        self._server = Server(self.answer)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def storage(self) -> str:
        """Where archives are downloaded from: another host name, as on GitHub."""
        return f"http://localhost:{self._server.port}"

    @property
    def calls(self) -> list[str]:
        """All requests so far as `METHOD path`."""
        return [r.call for r in self.requests]

    # What tests do to the repository.

    def open_pull(
        self, number: int, head: str, base: str, *, fork: bool = False, login: str = "ada"
    ) -> dict[str, Any]:
        """A pull request of a branch whose last commit is `head`; `base` is a commit of main."""
        return pulls.opened(self, number, head, base, fork=fork, login=login)

    def push(self, number: int, head: str) -> None:
        """A new commit on the branch of a pull request."""
        pulls.pushed(self, number, head)

    def merge(self, number: int, commits: list[str]) -> None:
        """The pull request comes to main as these commits: the last is what it merged as."""
        pulls.merged(self, number, commits)

    def say(self, number: int, body: str, login: str = BOT) -> dict[str, Any]:
        """A comment by whom you like."""
        return comments.said(self, number, body, login)

    def report(self, title: str, body: str, labels: list[str], login: str = BOT) -> dict[str, Any]:
        """An issue by whom you like."""
        return issues.opened(self, {"title": title, "body": body, "labels": labels}, login)

    def keep(self, name: str, content: bytes, head: str, **more: Any) -> artifacts.Artifact:
        """An artifact of one file; `fork`, `run`, `expired`, `file` or `archive` say more."""
        return artifacts.kept(self, name, content, head, **more)

    def fail(self, match: str = "", *, times: int = 1, **how: Any) -> None:
        """Let the next requests fail whose `METHOD path?query` this regex is found in.

        `status` (default 502), `headers`, `message`; `drop` breaks the connection instead;
        `after` does so once the request took effect.
        """
        self.faults.add(match, times=times, **how)

    def environ(
        self,
        folder: Path,
        event: str = "push",
        *,
        commit: str = "",
        pull: int | None = None,
        token: str | None = None,
        run: int = 77,
    ) -> dict[str, str]:
        """The variables of a run, with its event file written to `folder`."""
        return environ(self, folder, event, commit=commit, pull=pull, token=token, run=run)

    # What the routes stand on.

    def now(self) -> str:
        """A time of its own for each change, a second after the last."""
        self._count += 1
        return (START + timedelta(seconds=self._count)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_id(self) -> int:
        self._count += 1
        return 1_000_000 + self._count

    def next_number(self) -> int:
        return max([0, *self.pulls, *(i["number"] for i in self.issues)]) + 1

    def user(self, login: str) -> dict[str, Any]:
        kind = "Bot" if login.endswith("[bot]") else "User"
        return {"login": login, "id": sum(login.encode()), "type": kind, "site_admin": False}

    def who(self, request: Request, *scopes: str, write: bool = False) -> str:
        """The login that asks. Errors: 401, 403 or 404, as GitHub has them."""
        given = request.headers.get("authorization", "")
        if not given:
            if write or request.path == "/graphql":
                raise Refusal(401, "Requires authentication")
            if self.private:
                raise Refusal(404, "Not Found")
            return ""
        kind, _, secret = given.partition(" ")
        token = self.tokens.get(secret) if kind.lower() in ("bearer", "token") else None
        if token is None:
            raise Refusal(401, "Bad credentials")
        enough = ("write",) if write else ("read", "write")
        allowed = any(token.permissions.get(s) in enough for s in scopes)
        # What is public can be read by every token, but for what only members may download.
        if not allowed and scopes and (write or self.private):
            raise Refusal(403, "Resource not accessible by integration")
        return token.login

    def answer(self, request: Request) -> Reply | None:
        with self._lock:
            self.requests.append(request)
            fault = self.faults.of(request)
            if fault and not fault.after:
                reply = fault.reply()
            else:
                reply = self._route(request)
                if fault:
                    reply = fault.reply()
            request.status = reply.status if reply else 0
            return reply

    def _route(self, request: Request) -> Reply:
        try:
            return self._routed(request)
        except Refusal as refusal:
            return refusal.reply()

    def _routed(self, request: Request) -> Reply:
        prefix = f"/repos/{self.repository}/"
        if request.call == "POST /graphql":
            return self._viewer(request)
        if request.path.startswith(("/_test/", "/_signed/")):
            reply = artifacts.route(self, request, request.path.split("/")[1:])
            return reply or Refusal(404, "Not Found").reply()
        if request.path.lower().startswith(prefix.lower()):
            parts = request.path[len(prefix) :].split("/")
            for module in (comments, issues, pulls, artifacts, deployments):
                if reply := module.route(self, request, parts):
                    return reply
        return Refusal(404, "Not Found").reply()

    def _viewer(self, request: Request) -> Reply:
        login = self.who(request)
        if not self.graphql:
            raise Refusal(403, "Resource not accessible by integration")
        if "viewer" not in json.dumps(request.json().get("query", "")):
            return Reply(200, {"errors": [{"type": "undefinedField", "message": "not here"}]})
        return Reply(200, {"data": {"viewer": {"login": login}}})
