"""A real Git repository in a folder, with authors and times that are always the same."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SPECS = """\
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {{name: tutor}}
spec: {{source: tutor.jsonl}}
---
apiVersion: dpo-ops/v1
kind: DPOJob
metadata: {{name: tutor-tune}}
spec:
  dataset: tutor
  trainingConfig: {{baseModel: accounts/fireworks/models/llama-v3p1-8b-instruct, epochs: {epochs}}}
---
apiVersion: dpo-ops/v1
kind: Deployment
metadata: {{name: tutor}}
spec: {{model: {{dpoJob: tutor-tune}}, maxReplicaCount: {replicas}}}
"""


def specs(epochs: object = 1, replicas: object = 1) -> str:
    return SPECS.format(epochs=epochs, replicas=replicas)


def rows(count: int = 3, word: str = "Right") -> str:
    return "".join(
        json.dumps(
            {
                "input": {"messages": [{"role": "user", "content": f"Question {n}?"}]},
                "preferred_output": [{"role": "assistant", "content": f"{word}, {n}."}],
                "non_preferred_output": [{"role": "assistant", "content": f"Wrong, {n}."}],
            }
        )
        + "\n"
        for n in range(count)
    )


@dataclass
class Repo:
    """A repository; each commit is made an hour after the one before."""

    root: Path
    hours: int = 0

    def git(self, *arguments: str) -> str:
        at = f"2026-11-01T{self.hours % 24:02}:00:00+00:00"
        names = {"AUTHOR": "Ada Lovelace", "COMMITTER": "Somebody Else"}
        identity = {
            **{f"GIT_{who}_NAME": name for who, name in names.items()},
            **{f"GIT_{who}_EMAIL": "ada@example.org" for who in names},
            **{f"GIT_{who}_DATE": at for who in names},
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **identity},
        )
        return done.stdout.strip()

    def write(self, **files: str | None) -> None:
        """Write files by name, where `__` stands for a slash and `_` before the ending for a dot.

        None removes one.
        """
        for key, text in files.items():
            stem, _, ending = key.replace("__", "/").rpartition("_")
            self.put(f"{stem}.{ending}", text)

    def put(self, name: str, text: str | None) -> None:
        path = self.root / name
        if text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, subject: str, **files: str | None) -> str:
        """Write files, commit all there is, and return the commit's hash."""
        self.write(**files)
        self.hours += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def repo(root: Path) -> Repo:
    made = Repo(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / ".git").rmdir() if (root / ".git").is_dir() else None
    made.git("init", "--quiet", "--initial-branch", "main")
    return made
