"""Which commit a pull request is compared with, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.ci.base import base, base_of
from dpo_ops.cli.options import Specs
from dpo_ops.cli.screen import Screen
from dpo_ops.errors import DpoOpsError, Severity
from dpo_ops.forge.contract import Pull
from dpo_ops.loader.repository import Repository
from dpo_ops.resource import Address
from tests.history import Repo, repo, rows, specs

if TYPE_CHECKING:
    from collections.abc import Iterator

SCREEN = Screen(None, None, None, {})
SPECS = Specs((Path("specs"),), ())
JOB = Address("DPOJob", "tutor-tune")


@pytest.fixture
def made(folder: Path) -> Repo:
    made = repo(folder)
    made.commit("first", specs__a_yaml=specs(), specs__tutor_jsonl=rows())
    return made


@pytest.fixture
def git(made: Repo) -> Iterator[Repository]:
    with Repository(made.root) as opened:
        yield opened


def branch(made: Repo, epochs: object = 2) -> tuple[str, str]:
    """Make a branch with one commit, and one on main since; return both commits."""
    made.git("checkout", "-q", "-b", "topic")
    head = made.commit("more epochs", specs__a_yaml=specs(epochs))
    made.git("checkout", "-q", "main")
    return head, made.commit("more data", specs__tutor_jsonl=rows(5))


def merged(made: Repo, head: str) -> str:
    """Check out what GitHub does: the branch merged into its base, on no branch."""
    made.git("checkout", "-q", "--detach")
    made.git("merge", "-q", "--no-ff", "-m", "merge", head)
    return made.git("rev-parse", "HEAD")


def clone(made: Repo, name: str, *options: str) -> Path:
    made.git("clone", "-q", *options, f"file://{made.root}", name)
    return made.root / name


def test_of_a_merge_it_is_the_other_side(made: Repo, git: Repository) -> None:
    head, main = branch(made)
    merged(made, head)
    # What the event says is older: main went on since the pull request was opened.
    pull = Pull(7, head, made.git("rev-parse", "main~1"))
    assert base_of(git, pull) == main
    found = base(SCREEN, git, pull, SPECS)
    assert found.findings == ()
    assert found.commit
    assert found.commit.id == main
    assert found.loaded
    assert found.loaded.state[JOB].body["trainingConfig"]["epochs"] == 1
    assert [one.content.rows for one in found.loaded.state.values() if one.content] == [5]


def test_of_a_merge_the_other_way_round_as_well(made: Repo, git: Repository) -> None:
    head, main = branch(made)
    made.git("checkout", "-q", head)
    made.git("merge", "-q", "--no-ff", "-m", "merge", "main")
    assert base_of(git, Pull(7, head, "")) == main


def test_of_the_branch_itself_it_is_where_it_left(made: Repo, git: Repository) -> None:
    head, main = branch(made)
    made.git("checkout", "-q", head)
    left = made.git("rev-parse", "main~1")
    assert base_of(git, Pull(7, head, main)) == left
    # A merge on the branch is not the forge's: main is in it, but it is the head itself.
    made.git("merge", "-q", "--no-ff", "-m", "main into topic", "main")
    head = made.git("rev-parse", "HEAD")
    assert base_of(git, Pull(7, head, main)) == main


def test_histories_that_have_nothing_in_common_are_compared_as_they_are(
    made: Repo, git: Repository
) -> None:
    main = made.git("rev-parse", "HEAD")
    made.git("checkout", "-q", "--orphan", "new")
    head = made.commit("from nothing", specs__a_yaml=specs(2))
    assert base_of(git, Pull(7, head, main)) == main


@pytest.mark.parametrize("pull", [None, Pull(7, "1" * 40)])
def test_without_a_pull_request_or_its_base_there_is_none(
    git: Repository, pull: Pull | None
) -> None:
    assert base_of(git, pull) == ""
    found = base(SCREEN, git, pull, SPECS)
    assert (found.commit, found.loaded) == (None, None)
    assert [one.what for one in found.findings] == ["there is no base to compare with"]


@pytest.mark.parametrize(("depth", "fix"), [(1, "fetch-depth: 2 for actions/checkout"), (2, None)])
def test_a_shallow_clone_says_how_deep_it_must_be(made: Repo, depth: int, fix: str | None) -> None:
    head, main = branch(made)
    merge = merged(made, head)
    made.git("branch", "merge", merge)
    root = clone(made, "cut", f"--depth={depth}", "--branch=merge")
    with Repository(root) as git:
        assert git.shallow
        found = base(SCREEN, git, Pull(7, head, main), Specs((root / "specs",), ()))
    if fix is None:
        assert found.loaded
        assert found.findings == ()
        return
    assert found.loaded is None
    [finding] = found.findings
    assert finding.severity is Severity.WARNING
    assert f"the base, {main[:12]}, is not in this clone" in finding.what
    assert finding.fix.endswith(fix)


def test_a_shallow_clone_of_the_branch_needs_its_history(made: Repo) -> None:
    head, main = branch(made)
    root = clone(made, "cut", "--depth=1", "--branch=topic")
    with Repository(root) as git:
        [finding] = base(SCREEN, git, Pull(7, head, main), Specs((root / "specs",), ())).findings
    assert "fetch-depth: 0" in finding.fix


def test_a_base_that_never_was_is_said(git: Repository) -> None:
    for name in ("1" * 40, "--output=x", "no such\nthing"):
        found = base(SCREEN, git, Pull(7, "2" * 40, name), SPECS)
        assert found.loaded is None
        assert "can't be read" in found.findings[0].what


def test_specs_that_were_broken_are_a_warning(made: Repo, git: Repository) -> None:
    broken = made.commit("broken", specs__a_yaml=specs("many"), specs__b_yaml="kind: [")
    head = made.commit("mended", specs__a_yaml=specs(2), specs__b_yaml=None)
    found = base(SCREEN, git, Pull(7, head, broken), SPECS)
    assert found.loaded is None
    assert found.commit
    assert found.commit.id == broken
    [finding] = found.findings
    assert finding.severity is Severity.WARNING
    assert f"the specs of the base, {broken[:12]}, can't be used" in finding.what
    assert f"{broken[:7]}:specs/a.yaml:11:" in finding.why
    assert finding.why.endswith("more")


def test_no_specs_before_is_an_empty_base(made: Repo, git: Repository) -> None:
    before = made.commit("none", specs__a_yaml=None)
    head = made.commit("again", specs__a_yaml=specs())
    found = base(SCREEN, git, Pull(7, head, before), SPECS)
    assert found.loaded
    assert len(found.loaded.state) == 0
    assert found.findings == ()


def test_values_are_those_of_the_base(made: Repo, git: Repository) -> None:
    text = specs("{{ values.epochs }}").replace("{{", '"{{').replace("}}", '}}"')
    before = made.commit("values", specs__a_yaml=text, v_yaml="epochs: 2")
    head = made.commit("more", v_yaml="epochs: 3")
    found = base(SCREEN, git, Pull(7, head, before), Specs(SPECS.paths, (Path("v.yaml"),)))
    assert found.loaded
    assert found.loaded.state[JOB].body["trainingConfig"]["epochs"] == 2


def test_a_clone_without_its_files_is_a_warning(made: Repo) -> None:
    before = made.git("rev-parse", "HEAD")
    head = made.commit("data", specs__tutor_jsonl=rows(4))
    made.git("config", "uploadpack.allowFilter", "true")
    root = clone(made, "partial", "--filter=blob:none")
    with Repository(root) as git:
        [finding] = base(SCREEN, git, Pull(7, head, before), Specs((root / "specs",), ())).findings
    assert "can't be read" in finding.what
    assert "not in this clone" in finding.why


def test_before_the_first_commit_nothing_is_said_to_be_the_base(folder: Path) -> None:
    made = repo(folder)
    with Repository(made.root) as git:
        [finding] = base(SCREEN, git, Pull(7, "1" * 40, "2" * 40), SPECS).findings
        assert finding.what == "the base can't be found"
        with pytest.raises(DpoOpsError, match="no commit"):
            git.parents("HEAD")


def test_parents_are_those_that_the_commit_names(made: Repo, git: Repository) -> None:
    first = made.git("rev-parse", "HEAD")
    head, main = branch(made)
    merge = merged(made, head)
    assert git.parents(merge) == (main, head)
    assert git.parents(first) == ()
    # What a message says is no header.
    odd = made.commit(f"odd\n\nparent {'3' * 40}")
    assert git.parents(odd) == (merge,)
    assert git.merge_base(head, main) == first
