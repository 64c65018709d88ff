"""A small fake of GitLab's REST API, as a transport."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

API = "https://gitlab.example.com/api/v4"
ENVIRON = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": API,
    "CI_PROJECT_ID": "55",
    "CI_PROJECT_URL": "https://gitlab.example.com/acme/tuning",
    "CI_COMMIT_BRANCH": "main",
    "DPO_OPS_GITLAB_TOKEN": "glpat-fake",
}


class Lab(httpx.MockTransport):
    """One project. `lose` are calls whose next reply is lost, after its effect."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.login, self.scope = "project_55_bot", "api"
        self.notes: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.merges: dict[int, dict[str, Any]] = {}
        self.commits: dict[str, list[int]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        self.lose: list[str] = []
        self.calls: list[str] = []
        self._ids = iter(range(1000, 10**6))

    def say(self, body: str, login: str, *, system: bool = False) -> dict[str, Any]:
        author = {"username": login}
        note = {"id": next(self._ids), "body": body, "author": author, "system": system}
        self.notes.append(note)
        return note

    def report(self, title: str, description: str, labels: str, login: str) -> dict[str, Any]:
        iid = len(self.issues) + 1
        issue = {
            "id": next(self._ids),
            "iid": iid,
            "title": title,
            "description": description,
            "labels": labels.split(","),
            "state": "opened",
            "author": {"username": login},
            "web_url": f"{ENVIRON['CI_PROJECT_URL']}/-/issues/{iid}",
        }
        self.issues.append(issue)
        return issue

    def run(self, commit: str, job: str, files: dict[str, bytes], status: str = "success") -> None:
        pipeline, number = next(self._ids), next(self._ids)
        self.pipelines.append({"id": pipeline, "sha": commit, "status": status})
        kept = {"filename": "artifacts.zip"}
        self.jobs[pipeline] = [
            {"id": number, "name": job, "status": status, "artifacts_file": kept}
        ]
        self.files |= {f"{number}/{name}": content for name, content in files.items()}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v4").removeprefix("/projects/55")
        call = f"{request.method} {path}"
        self.calls.append(call)
        if request.headers.get("private-token") != "glpat-fake":
            return httpx.Response(401, json={"message": "401 Unauthorized"})
        if request.method != "GET" and self.scope != "api":
            told = {"error": "insufficient_scope", "error_description": "higher privileges needed"}
            return httpx.Response(403, json=told)
        sent = json.loads(request.content or b"{}")
        reply = self._written(call, sent) if sent else self._read(request, call)
        if call in self.lose:
            self.lose.remove(call)
            raise httpx.ReadError("lost")
        return reply

    def _written(self, call: str, sent: dict[str, Any]) -> httpx.Response:
        if call == "POST /merge_requests/7/notes":
            return httpx.Response(201, json=self.say(sent["body"], self.login))
        if found := re.fullmatch(r"PUT /merge_requests/7/notes/(\d+)", call):
            return _edited(self.notes, "id", int(found[1]), sent)
        if call == "POST /issues":
            return httpx.Response(201, json=self.report(**sent, login=self.login))
        if found := re.fullmatch(r"PUT /issues/(\d+)", call):
            event = sent.pop("state_event", "")
            state = {"close": {"state": "closed"}, "reopen": {"state": "opened"}}.get(event, {})
            return _edited(self.issues, "iid", int(found[1]), {**sent, **state})
        return _missing()

    def _read(self, request: httpx.Request, call: str) -> httpx.Response:
        if call == "GET /user":
            return httpx.Response(200, json={"id": 1, "username": self.login})
        if found := re.fullmatch(r"GET /jobs/(\d+)/artifacts/(.+)", call):
            content = self.files.get(f"{found[1]}/{found[2]}")
            return _missing() if content is None else httpx.Response(200, content=content)
        if found := re.fullmatch(r"GET /merge_requests/(\d+)", call):
            merge = self.merges.get(int(found[1]))
            return httpx.Response(200, json=merge) if merge else _missing()
        rows = self._rows(request.url.params, call)
        return _missing() if rows is None else self._page(request, rows)

    def _rows(self, query: httpx.QueryParams, call: str) -> list[dict[str, Any]] | None:
        if call == "GET /merge_requests/7/notes":
            return self.notes
        if call == "GET /issues":
            return [i for i in self.issues[::-1] if query["labels"] in i["labels"]]
        if call == "GET /pipelines":
            return [p for p in self.pipelines[::-1] if p["sha"] == query["sha"]]
        if found := re.fullmatch(r"GET /repository/commits/(\w+)/merge_requests", call):
            return [self.merges[n] for n in self.commits.get(found[1], [])]
        if found := re.fullmatch(r"GET /pipelines/(\d+)/jobs", call):
            return self.jobs[int(found[1])]
        return None

    def _page(self, request: httpx.Request, rows: list[dict[str, Any]]) -> httpx.Response:
        query = request.url.params
        page, size = int(query.get("page", "1")), min(int(query["per_page"]), 100)
        link = f'<{request.url.copy_set_param("page", page + 1)}>; rel="next"'
        headers = {"Link": link} if len(rows) > page * size else {}
        return httpx.Response(200, json=rows[(page - 1) * size : page * size], headers=headers)


def _edited(
    rows: list[dict[str, Any]], key: str, wanted: int, change: dict[str, Any]
) -> httpx.Response:
    row = next((r for r in rows if r[key] == wanted), None)
    if row is None:
        return _missing()
    row |= change
    return httpx.Response(200, json=row)


def _missing() -> httpx.Response:
    return httpx.Response(404, json={"message": "404 Not Found"})
