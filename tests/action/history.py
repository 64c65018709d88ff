"""A repository on GitHub as git sees it: branches, pull requests, merges of each sort."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


class History:
    """`origin` as the forge has it, and a desk at which people change it."""

    def __init__(self, folder: Path, files: dict[str, str | bytes]) -> None:
        self.origin, self.desk = folder / "origin.git", folder / "desk"
        self._day = 0
        self._run(folder, "init", "-q", "--bare", "-b", "main", str(self.origin))
        self._run(folder, "init", "-q", "-b", "main", str(self.desk))
        self._git("remote", "add", "origin", str(self.origin))
        self.write(files)
        self.commit("Begin")
        self._git("push", "-q", "origin", "main")

    @property
    def main(self) -> str:
        return self._git("rev-parse", "main")

    def last(self, path: str) -> str:
        """The commit of main that changed a file last."""
        return self._git("log", "-1", "--first-parent", "--format=%H", "main", "--", path)

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.desk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> str:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)
        return self._git("rev-parse", "HEAD")

    def branch(self, number: int, files: dict[str, str | bytes]) -> str:
        """A commit on the branch of a pull request, which is begun from main if it is new."""
        name = f"change-{number}"
        known = self._git("branch", "--list", name)
        self._git("checkout", "-q", *([name] if known else ["-b", name, "main"]))
        self.write(files)
        head = self.commit(f"Change {number}")
        self._git("push", "-q", "-f", "origin", name)
        return head

    def tried(self, number: int) -> str:
        """The merge that GitHub tries while a pull request is open, and workflows check out."""
        self._git("checkout", "-q", "--detach", "main")
        self._git("merge", "-q", "--no-ff", "-m", "Try", f"change-{number}")
        self._git("push", "-q", "-f", "origin", f"HEAD:refs/pull/{number}/merge")
        return self._git("rev-parse", "HEAD")

    def merged(self, number: int, how: str) -> list[str]:
        """The pull request comes to main by `squash`, `rebase` or `merge`: the new commits."""
        before, name = self.main, f"change-{number}"
        if how == "rebase":
            self._git("checkout", "-q", name)
            self._git("rebase", "-q", "--no-ff", "main")
            self._git("checkout", "-q", "main")
            self._git("reset", "-q", "--hard", name)
        else:
            self._git("checkout", "-q", "main")
            flags = ["--squash"] if how == "squash" else ["--no-ff", "-m", f"Merge #{number}"]
            self._git("merge", "-q", *flags, name)
            if how == "squash":
                self._git("commit", "-q", "-m", f"Change {number} (#{number})")
        self._git("push", "-q", "origin", "main")
        return self._git("rev-list", "--reverse", f"{before}..main").split()

    def checked_out(self, ref: str, depth: int, into: Path) -> Path:
        """A folder as actions/checkout leaves it: one commit, and so much history."""
        shutil.rmtree(into, ignore_errors=True)
        self._run(into.parent, "init", "-q", str(into))
        self._run(into, "remote", "add", "origin", self.origin.as_uri())
        much = [f"--depth={depth}"] if depth else []
        self._run(
            into, "fetch", "-q", "--no-tags", *much, "origin", f"+{ref}:refs/remotes/{ref[5:]}"
        )
        self._run(into, "checkout", "-q", "--detach", f"refs/remotes/{ref[5:]}")
        return into

    def _git(self, *arguments: str) -> str:
        return self._run(self.desk, *arguments)

    def _run(self, where: Path, *arguments: str) -> str:
        # Each commit has a minute of its own, so that a rebase makes new ones.
        self._day += 1
        date = f"2026-11-23T{self._day // 60 % 24:02}:{self._day % 60:02}:00Z"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", *arguments],
            cwd=where,
            env={"PATH": os.environ["PATH"], **WHO, **dates},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()
