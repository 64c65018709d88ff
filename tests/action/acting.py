"""Workflows run for real by nektos/act, without containers, and what came of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
STANDINS = Path(__file__).parent / "standins"
TOOL = "dpo-ops/dpo-ops"
# What act's own schema doesn't know yet.
UNKNOWN = (("      queue: max\n", ""), ("      deployment: false\n", ""), ("uses: $/", "uses: ./"))


def found() -> str | None:
    beside = Path(sys.executable).with_name("act")
    return str(beside) if beside.exists() else shutil.which("act")


@dataclass(frozen=True)
class Ended:
    """How a run of a workflow ended; `says` are the lines of act's log as JSON."""

    code: int
    says: list[dict[str, Any]]
    rest: str

    @property
    def log(self) -> str:
        return "".join(str(line.get("msg", "")).rstrip("\n") + "\n" for line in self.says)

    @property
    def output(self) -> str:
        """What the steps themselves printed."""
        return "".join(str(line["msg"]) for line in self.says if line.get("raw_output"))

    @property
    def jobs(self) -> dict[str, str]:
        return {line["job"].partition("/")[2]: r for line in self.says if (r := result(line))}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of all steps, later ones over earlier ones."""
        told = self._commands("set-output")
        return {line["name"]: line.get("arg", "") for line in told}

    @property
    def summary(self) -> str:
        return "".join(line["content"] for line in self._commands("summary"))

    @property
    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """Each as its level, its place and title, and its text."""
        levels = ("error", "warning", "notice")
        told = [line for level in levels for line in self._commands(level)]
        return [(line["command"], line.get("kvPairs") or {}, line.get("arg", "")) for line in told]

    def _commands(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.says if line.get("command") == name]


def result(line: dict[str, Any]) -> str:
    return str(line.get("jobResult", ""))


def act(  # noqa: PLR0913 -- each says one thing about a run
    event: str,
    workflow: Path,
    payload: Path,
    *,
    where: Path,
    space: Path,
    shared: Path,
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    only: tuple[str, ...] = (),
) -> Ended:
    """Run a workflow on `where`, a checkout as actions/checkout would leave it.

    `space` is for this run alone and `shared` for all of a session: act has its tool cache in
    `shared/act`, and `shared/tool` is what stands for the tool's repository. `only` are more of
    act's options, such as `-j JOB`.
    """
    program = found()
    assert program
    space.mkdir(parents=True, exist_ok=True)
    text = workflow.read_text()
    for unknown, known in UNKNOWN:
        text = text.replace(unknown, known)
    runnable = space / workflow.name
    runnable.write_text(text)
    arguments = [
        *("--json", "-W", runnable, "-e", payload, "-P", "ubuntu-latest=-self-hosted"),
        *("--action-cache-path", shared / "act", "--no-cache-server", "--pull=false"),
        *(o for name, value in variables.items() for o in ("--env", f"{name}={value}")),
        *(o for name, value in secrets.items() for o in ("-s", f"{name}={value}")),
        *(o for place in replaced(text, shared) for o in ("--local-repository", place)),
        *only,
    ]
    done = subprocess.run(
        [program, event, *map(str, arguments)],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        # Neither a key nor a setting of this machine may reach the jobs.
        env={"PATH": searched(), "HOME": str(space), "XDG_CACHE_HOME": str(space / "cache")},
    )
    lines = done.stdout.splitlines()
    says = [json.loads(line) for line in lines if line.startswith("{")]
    return Ended(done.returncode, says, done.stderr)


def searched() -> str:
    """A PATH with the Python that the tests run under."""
    return f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"


def replaced(text: str, shared: Path) -> list[str]:
    """Where act finds the actions that a workflow and our own action name, instead of GitHub."""
    action = (ROOT / ".github/actions/dpo-ops/action.yml").read_text()
    made = set()
    for repository, path, ref in re.findall(
        r"uses: ([\w-]+/([\w-]+))[\w./-]*@(\w+)", text + action
    ):
        if repository == TOOL:
            made.add(f"{repository}@{ref}={shared / 'tool'}")
        elif path != "checkout":
            assert (STANDINS / path).is_dir(), f"{repository} has no stand-in"
            made.add(f"{repository}@{ref}={STANDINS / path}")
    return sorted(made)


def permissions(workflow: Path) -> dict[str, str]:
    """What the jobs of a workflow ask for, together."""
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    asked: dict[str, str] = {}
    for job in jobs:
        asked |= job["permissions"]
    return asked


def depth(workflow: Path) -> int:
    """How much history the workflow's jobs check out; 0 is all of it."""
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    depths = {
        step.get("with", {}).get("fetch-depth", 1)
        for job in jobs
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout")
    }
    (one,) = depths
    return int(one)
