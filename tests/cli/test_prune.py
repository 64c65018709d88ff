"""`--prune` on the command line: what the commit before protected stays."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.resource import digest
from tests.cli.conftest import FAST

if TYPE_CHECKING:
    from tests.cli.conftest import Run

STACK = "apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: ours}\n"
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *WHO, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture
def repository(folder: Path, specs: Path) -> Path:
    (folder / ".git").rmdir()
    git(folder, "init", "-q")
    # Not beside the others, so that it can go by itself.
    whole = (specs / "pipeline.yaml") if (specs / "pipeline.yaml").exists() else None
    path = whole or next(specs.glob("*.yaml"))
    parts = path.read_text().split("\n---\n")
    served = next(part for part in parts if "kind: Deployment" in part)
    path.write_text("\n---\n".join(part for part in parts if part is not served))
    (specs / "serving.yaml").write_text(served)
    (specs / "stack.yaml").write_text(STACK)
    (folder / ".gitignore").write_text(".dpo-ops/\n")
    commit(folder, "first")
    return folder


@pytest.mark.usefixtures("repository")
def test_without_a_spec_it_is_pruned(specs: Path, run: Run) -> None:
    assert run("apply", str(specs), *FAST, "--auto-approve").code == 0
    (specs / "serving.yaml").unlink()
    assert run("plan", str(specs), *FAST).code == 0
    assert run("plan", str(specs), *FAST, "--prune").code == 2
    assert run("apply", str(specs), *FAST, "--prune", "--auto-approve").code == 0
    assert run("plan", str(specs), *FAST, "--prune").code == 0


@pytest.mark.parametrize("committed", [False, True], ids=["not-committed", "committed"])
def test_what_the_commit_before_protected_stays(
    committed: bool, repository: Path, specs: Path, run: Run
) -> None:
    assert run("apply", str(specs), *FAST, "--auto-approve").code == 0
    # Protected in a commit that is never applied, so that the deployment does not say so itself.
    path = specs / "serving.yaml"
    path.write_text(path.read_text().rstrip() + "\n  protect: true\n")
    commit(repository, "protect it")
    path.unlink()
    if committed:
        commit(repository, "take it away")
    kept = run("apply", str(specs), *FAST, "--prune", "--auto-approve")
    assert kept.code == 1
    assert "is protected" in kept.out


@pytest.mark.parametrize("committed", [False, True], ids=["not-committed", "committed"])
def test_what_the_stack_of_the_commit_before_protected_stays(
    committed: bool, repository: Path, specs: Path, run: Run
) -> None:
    assert run("apply", str(specs), *FAST, "--auto-approve").code == 0
    stack = specs / "stack.yaml"
    stack.write_text(STACK + "spec: {protected: [Deployment/assist*]}\n")
    commit(repository, "protect it")
    stack.write_text(STACK)
    (specs / "serving.yaml").unlink()
    if committed:
        commit(repository, "take both away at once")
    kept = run("apply", str(specs), *FAST, "--prune", "--auto-approve")
    assert kept.code == 1
    assert "is protected" in kept.out
    assert "the commit before protects it" in " ".join(kept.out.split())
    if not committed:
        commit(repository, "take both away at once")
    # Once that was a commit of its own, a later one may.
    stack.write_text(STACK + "# nothing is protected\n")
    commit(repository, "later")
    assert run("plan", str(specs), *FAST, "--prune").code == 2


UNNAMED = {
    "without-a-stack": None,
    "with-one-that-has-no-name": "apiVersion: dpo-ops/v1\nkind: Stack\n",
}


@pytest.mark.parametrize("stack", UNNAMED.values(), ids=UNNAMED.keys())
def test_without_a_name_of_the_stack_what_has_no_spec_may_be_somebody_elses(
    stack: str | None, repository: Path, specs: Path, run: Run
) -> None:
    if stack:
        (specs / "stack.yaml").write_text(stack)
    else:
        (specs / "stack.yaml").unlink()
    assert run("apply", str(specs), *FAST, "--auto-approve").code == 0
    (specs / "serving.yaml").unlink()
    commit(repository, "without it")
    shown = run("plan", str(specs), *FAST)
    assert shown.code == 0
    said = " ".join(shown.out.split())
    assert "may be that of another repository without a named Stack" in said
    assert "--prune" not in said
    drifted = run("drift", str(specs), *FAST)
    assert drifted.code == 0
    assert "may have one in another repository" in " ".join(drifted.out.split())
    assert "1 perhaps not of these specs" in drifted.out
    for command in (
        ("plan", "--prune"),
        ("apply", "--prune", "--auto-approve"),
        ("ci", "plan", "--prune"),
        ("ci", "apply", "--prune", "--approve", "specs"),
        ("ci", "reconcile", "--prune", "--approve", "specs"),
        ("gc",),
        ("gc", "--older-than", "0", "--auto-approve"),
    ):
        refused = run(*command, str(specs), *FAST)
        assert refused.code == 1, command
        # That a document of the name `default` is meant, is what is to be said.
        said = " ".join(refused.err.split())
        assert "needs a stack with a name; nothing was sent" in said
        document = "{apiVersion: dpo-ops/v1, kind: Stack, metadata: {name: default}}"
        assert document in said
        assert "nothing was deleted" not in said
    (specs / "stack.yaml").write_text(document)
    assert run("plan", str(specs), *FAST, "--prune").code == 2
    assert "remove it with --prune" in " ".join(run("plan", str(specs), *FAST).out.split())
    assert run("drift", str(specs), *FAST).code == 2
    assert run("gc", str(specs), *FAST).code == 0


@pytest.mark.usefixtures("repository")
def test_that_the_stack_has_a_name_is_in_a_saved_plan(specs: Path, run: Run) -> None:
    assert run("apply", str(specs), *FAST, "--auto-approve").code == 0
    (specs / "serving.yaml").unlink()
    assert run("plan", str(specs), *FAST, "--prune", "--out", "saved.json").code == 2
    said = json.loads(Path("saved.json").read_text())
    said["desired"]["named"] = False
    del said["checksum"]
    Path("other.json").write_text(json.dumps({**said, "checksum": f"sha256:{digest(said)}"}))
    for command in (("apply",), ("reconcile",)):
        refused = run(*command, "other.json", *FAST)
        assert refused.code == 1
        assert "needs a stack with a name; nothing was sent" in " ".join(refused.err.split())
    assert run("apply", "saved.json", *FAST).code == 0
    assert run("plan", str(specs), *FAST, "--prune").code == 0


def test_in_a_shallow_clone_nothing_is_pruned(
    repository: Path,
    specs: Path,
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (specs / "serving.yaml").unlink()
    commit(repository, "second")
    clone = tmp_path_factory.mktemp("shallow") / "clone"
    git(repository, "clone", "-q", "--depth", "1", f"file://{repository}", str(clone))
    monkeypatch.chdir(clone)
    done = run("plan", specs.name, *FAST, "--prune")
    assert done.code == 1
    assert "fetch" in done.err
