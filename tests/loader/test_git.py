"""What git says about a folder."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dpo_ops.loader import git_facts

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "tag.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, "-c", "commit.gpgsign=false", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


def test_a_clean_commit_on_a_branch(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert git_facts(repository) == {
        "commit": commit,
        "short": commit[:7],
        "branch": "main",
        "dirty": "false",
    }


def test_a_tag_and_changes(repository: Path) -> None:
    git(repository, "tag", "v1.9")
    git(repository, "tag", "v1.10")
    (repository / "new").touch()
    facts = git_facts(repository)
    assert (facts["tag"], facts["dirty"]) == ("v1.10", "true")


def test_away_from_a_branch_there_is_none(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert "branch" not in git_facts(repository)


def test_nothing_outside_a_repository_and_before_its_first_commit(tmp_path: Path) -> None:
    assert git_facts(tmp_path) == {}
    assert git_facts(tmp_path / "gone") == {}
    git(tmp_path, "init", "-q")
    assert git_facts(tmp_path) == {}


def test_nothing_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_facts(repository) == {}


def test_a_program_named_by_the_repository_is_not_started(repository: Path) -> None:
    trap = repository / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o700)
    git(repository, "config", "core.fsmonitor", str(trap))
    git_facts(repository)
    assert not (repository / "sprung").exists()
