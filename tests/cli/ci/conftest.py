"""A repository, the forge that hosts it and an emulated account, and `dpo-ops ci` between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.client import Client, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport
from tests.cli.conftest import FAST, Ran, Run
from tests.history import Repo, repo, rows, specs
from tests.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stage"]
ENV = "production"


@dataclass
class Stage:
    """What a team and its forge do. Pull requests are merged as GitHub would."""

    hub: Hub
    repo: Repo
    run: Run
    folder: Path
    runs: int = 100
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    account: tuple[str, ...] = FAST

    def open_pull(self, number: int, subject: str, *, fork: bool = False, **files: str | None):
        """Branch off, commit, open, and check out the merge that GitHub tries."""
        base = self.repo.git("rev-parse", "main")
        self.repo.git("checkout", "--quiet", "-b", f"change-{number}", "main")
        head = self.repo.commit(subject, **files)
        self.hub.open_pull(number, head, base, fork=fork)
        self._try(number)

    def push(self, number: int, subject: str, **files: str | None) -> None:
        self.repo.git("checkout", "--quiet", f"change-{number}")
        self.hub.push(number, self.repo.commit(subject, **files))
        self._try(number)

    def _try(self, number: int) -> None:
        self.repo.git("checkout", "--quiet", "--detach", "main")
        branch = f"change-{number}"
        self.repo.git("merge", "--quiet", "--no-ff", "-m", f"Merge {number}", branch)

    def squash(self, number: int) -> str:
        self.repo.git("checkout", "--quiet", "main")
        self.repo.git("merge", "--quiet", "--squash", f"change-{number}")
        commit = self.repo.commit(f"Change {number} (#{number})")
        self.hub.merge(number, [commit])
        return commit

    def ci(self, name: str, *args: str, event: str = "push", pull: int | None = None) -> Ran:
        """Run one command as the workflow of `event` would, and keep what it hands on."""
        self.runs += 1
        commit = self.repo.git("rev-parse", "HEAD")
        files = {
            "GITHUB_OUTPUT": self.folder / f"output-{self.runs}",
            "GITHUB_STEP_SUMMARY": self.folder / f"summary-{self.runs}",
        }
        environment = {
            **self.hub.environ(self.folder, event, commit=commit, pull=pull, run=self.runs),
            **{key: str(path) for key, path in files.items()},
            "RUNNER_TEMP": str(self.folder),
            "DPO_OPS_ENVIRONMENT": ENV,
            **self.extra,
        }
        ran = self.run("ci", name, "specs", *self.account, *args, env=environment)
        text = files["GITHUB_OUTPUT"].read_text() if files["GITHUB_OUTPUT"].exists() else ""
        pairs = re.findall(r"^([a-z-]+)<<(\w+)\n(.*?)\n\2$", text, re.MULTILINE | re.DOTALL)
        self.outputs = {key: value for key, _, value in pairs}
        summary = files["GITHUB_STEP_SUMMARY"]
        self.summary = summary.read_text() if summary.exists() else ""
        return ran

    def plan(self, number: int, *args: str, keep: bool = True) -> Ran:
        """Plan a pull request; its workflow keeps the plan as an artifact."""
        ran = self.ci("plan", *args, event="pull_request", pull=number)
        if keep and self.outputs.get("plan-path"):
            content = Path(self.outputs["plan-path"]).read_bytes()
            head = self.hub.pulls[number]["head"]["sha"]
            self.hub.keep(f"dpo-ops-plan-{ENV}", content, head)
        return ran

    def merge_and_apply(self, number: int, *args: str) -> Ran:
        self.squash(number)
        return self.ci("apply", *args)

    def comment(self, number: int) -> str:
        """Return the one comment on a pull request; empty where there is none."""
        path = f"/issues/{number}"
        found = [c for c in self.hub.comments if c["issue_url"].endswith(path)]
        assert len(found) <= 1
        return found[0]["body"] if found else ""

    def status(self, number: int) -> str:
        lines = self.comment(number).splitlines()
        return lines[lines.index("<!-- dpo-ops:status -->") + 2]

    def outside(self, *args: str) -> Ran:
        """Do something to the account from somewhere else."""
        return self.run(*args, *self.account)

    def scale(self, replicas: int) -> None:
        """Let somebody scale every deployment by hand, past the specs."""
        settings = Settings("key", "emulator", "https://emulator.invalid")
        with (
            Emulator(Path(".dpo-ops/emulator"), api_key="key", account="emulator") as account,
            Client(settings, transport=EmulatorTransport(account)) as client,
        ):
            for record in client.list("deployments"):
                client.patch(record["name"], {"maxReplicaCount": replicas})


@pytest.fixture
def stage(folder: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = repo(folder)
    made.put(".gitignore", ".dpo-ops/\nhome/\n")
    made.put("specs/tutor.jsonl", rows())
    made.put("README.md", "Nothing yet.\n")
    made.commit("Before")
    made.put("specs/specs.yaml", specs())
    with Hub() as hub:
        yield Stage(hub, made, run, tmp_path_factory.mktemp("runner"))
