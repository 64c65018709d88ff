"""All that a scenario needs: a repository on a fake GitHub, an account, and workflows that run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.action.account import KEY, Account
from tests.action.acting import ROOT, Ended, act, depth, permissions
from tests.action.environment import TOOL_FILES, files_of
from tests.action.history import History
from tests.hub import Token

if TYPE_CHECKING:
    from tests.hub import Hub

STATUS = re.compile(r"<!-- dpo-ops:status -->(.*?)<!-- /dpo-ops:status -->", re.DOTALL)
STACK = 'apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: "{{ values.environment }}"}\n'
Files = dict[str, str | bytes]


def users_files() -> Files:
    """The repository of somebody who copied the examples."""
    einstein, workflows = ROOT / "examples/einstein", ROOT / "examples/github"
    values = ROOT / "specs/values"
    return {
        "specs/pipeline/stack.yaml": STACK,
        "specs/pipeline/einstein.yaml": (einstein / "einstein.yaml").read_bytes(),
        "specs/pipeline/einstein_dpo.jsonl": (einstein / "einstein_dpo.jsonl").read_bytes(),
        **{f"specs/values/{p.name}": p.read_bytes() for p in values.glob("*.yaml")},
        **{f".github/workflows/{p.name}": p.read_bytes() for p in workflows.glob("*.yml")},
    }


def own_files() -> Files:
    """This repository, as far as its own workflows need it."""
    return {n: c for place in ("specs", *TOOL_FILES) for n, c in files_of(place).items()}


class Stage:
    """One repository on `hub`, and the runs of its workflows.

    `only` is the environment whose jobs run, or None for all of them. The workflows are those of
    the commit that they run on, as on GitHub.
    """

    def __init__(
        self, folder: Path, hub: Hub, shared: Path, account: Account | None, files: Files
    ) -> None:
        self.hub, self.account = hub, account
        self.history = History(folder, files)
        self.only: str | None = "staging"
        self._folder, self._shared = folder, shared
        self._runs = 100
        (folder / "kept").mkdir()

    # What people do.

    def open_pull(self, number: int, files: Files, *, fork: bool = False) -> None:
        base = self.history.main
        self.hub.open_pull(number, self.history.branch(number, files), base, fork=fork)

    def push(self, number: int, files: Files) -> None:
        self.hub.push(number, self.history.branch(number, files))

    def merge(self, number: int, how: str = "squash") -> None:
        self.hub.merge(number, self.history.merged(number, how))

    def comments(self, number: int = 1) -> list[str]:
        end = f"/issues/{number}"
        return [c["body"] for c in self.hub.comments if c["issue_url"].endswith(end)]

    def status(self, number: int = 1) -> str:
        """The status of the one comment on a pull request."""
        (comment,) = self.comments(number)
        (found,) = STATUS.findall(comment)
        return str(found).strip()

    # What GitHub does.

    def plan(self, number: int, workflow: str = "plan", *, event: str = "pull_request") -> Ended:
        merge = self.history.tried(number)
        ref = f"refs/pull/{number}/merge"
        pull = number if event == "pull_request" else None
        return self._run(workflow, event, ref, merge, pull=pull)

    def apply(self) -> Ended:
        return self._run("apply", "push", "refs/heads/main", self.history.main)

    def scheduled(self, workflow: str) -> Ended:
        return self._run(workflow, "schedule", "refs/heads/main", self.history.main)

    def dispatched(self, workflow: str, **inputs: str) -> Ended:
        main = self.history.main
        return self._run(workflow, "workflow_dispatch", "refs/heads/main", main, inputs=inputs)

    def _run(
        self,
        workflow: str,
        event: str,
        ref: str,
        commit: str,
        *,
        pull: int | None = None,
        inputs: dict[str, str] | None = None,
    ) -> Ended:
        self._runs += 1
        space = self._folder / f"run-{self._runs}"
        space.mkdir()
        # Which workflow it is must be known before it is known how much it checks out.
        where = self.history.checked_out(ref, 0, space / "work")
        path = where / f".github/workflows/{workflow}.yml"
        if depth(path):
            text = path.read_text()
            where = self.history.checked_out(ref, depth(path), space / "work")
            assert path.read_text() == text
        head = self.hub.pulls[pull]["head"] if pull else None
        foreign = bool(head and head["repo"]["fork"])
        token = self._token(path, read_only=foreign)
        variables = self.hub.environ(
            space, event, commit=commit, pull=pull, token=token, run=self._runs
        )
        payload = Path(variables.pop("GITHUB_EVENT_PATH"))
        if inputs is not None:
            payload.write_text(json.dumps({**json.loads(payload.read_text()), "inputs": inputs}))
        secrets = {"GITHUB_TOKEN": variables.pop("GITHUB_TOKEN")}
        if not foreign:
            secrets["FIREWORKS_API_KEY"] = KEY
        if self.account:
            variables["FIREWORKS_BASE_URL"] = self.account.url
        variables |= {
            "GITHUB_REF": ref,
            "DPO_OPS_EMULATOR_ENGINE": "stand-in",
            "STAGE_CACHE": str(self._folder / "kept"),
            "STAGE_HEAD": head["sha"] if head else commit,
            "STAGE_HEAD_REPOSITORY": head["repo"]["full_name"] if head else self.hub.repository,
        }
        return act(
            event,
            path,
            payload,
            where=where,
            space=space,
            shared=self._shared,
            variables=variables,
            secrets=secrets,
            only=self._only(workflow),
        )

    def _only(self, workflow: str) -> tuple[str, ...]:
        if self.only is None:
            return ()
        if workflow in ("apply", "reconcile"):
            return ("-j", self.only)
        return ("--matrix", f"environment:{self.only}")

    def _token(self, workflow: Path, *, read_only: bool) -> str:
        """A token that may do what the workflow asks for; on a fork's pull request only read."""
        asked: dict[str, Any] = permissions(workflow)
        if read_only:
            asked = dict.fromkeys(asked, "read")
        secret = f"ghs_run{self._runs}"
        self.hub.tokens[secret] = Token(permissions=asked)
        return secret
