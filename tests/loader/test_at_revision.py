"""The desired state as it was at a commit: right, quick, and without a program being started."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import DpoOpsError, SpecError
from dpo_ops.loader import Loaded, load
from dpo_ops.loader.at_revision import load_at, releases
from dpo_ops.loader.repository import Repository
from dpo_ops.resource import Address, State
from tests.history import Repo, repo, rows, specs

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = {"specs__a_yaml": specs(), "specs__tutor_jsonl": rows()}
DATA, JOB = Address("Dataset", "tutor"), Address("DPOJob", "tutor-tune")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.chdir(tmp_path)
    return repo(tmp_path)


@pytest.fixture
def git(made: Repo) -> Iterator[Repository]:
    with Repository(made.root) as opened:
        yield opened


SPECS = [Path("specs")]


def at(git: Repository, revision: str = "HEAD", **options: list[Path]) -> Loaded:
    return load_at(git, git.find(revision), SPECS, **options)


def ids(state: State) -> dict[str, str]:
    return {str(address): resource.id for address, resource in state.items()}


def test_an_earlier_commit_is_what_the_working_tree_was(made: Repo, git: Repository) -> None:
    first = made.commit("first", **FIRST)
    before = load(SPECS)
    made.commit("second", specs__a_yaml=specs(2), specs__tutor_jsonl=rows(4))
    after = load(SPECS)
    made.put("specs/a.yaml", "not: {yaml")
    assert ids(at(git, first).state) == ids(before.state)
    assert ids(at(git).state) == ids(after.state)
    assert (made.root / "specs/a.yaml").read_text() == "not: {yaml"
    assert made.git("status", "--porcelain") == "M specs/a.yaml"


def test_content_and_places_name_the_revision(made: Repo, git: Repository) -> None:
    made.commit("first", **FIRST)
    loaded = at(git)
    short = git.find("HEAD").short
    content = loaded.state[DATA].content
    assert content is not None
    assert content.path == f"{short}:specs/tutor.jsonl"
    assert content.digest == hashlib.sha256(rows().encode()).hexdigest()
    assert (content.size, content.rows) == (len(rows()), 3)
    assert str(loaded.state[JOB].place).startswith(f"{short}:specs/a.yaml:")
    assert loaded.files == (f"{short}:specs/a.yaml",)


def test_what_is_wrong_names_file_and_revision(made: Repo, git: Repository) -> None:
    made.commit("bad", specs__a_yaml=specs("many"), specs__b_yaml=specs(2))
    with pytest.raises(SpecError) as caught:
        at(git)
    short = git.find("HEAD").short
    said = str(caught.value)
    assert f"{short}:specs/a.yaml:11:" in said
    assert f"first at {short}:specs/a.yaml:3:" in said
    assert "tmp" not in said.replace(str(made.root), "")
    assert "source 'tutor.jsonl' does not exist" in said


def test_commits_are_followed_through_specs_data_and_values(made: Repo, git: Repository) -> None:
    made.commit("1 specs", **FIRST)
    made.commit("2 other", README_md="hello")
    made.commit("3 data", specs__tutor_jsonl=rows(4))
    made.commit("4 moved", specs__a_yaml=specs().replace("tutor.jsonl", "../d/t.jsonl"))
    made.put("d/t.jsonl", rows(5))
    made.commit("5 data elsewhere")
    made.commit("6 data elsewhere", d__t_jsonl=rows(6))
    made.commit("7 values", v__x_yaml="a: 1")
    made.commit("8 other", README_md="bye")
    found = releases(git, SPECS, values=[Path("v/x.yaml")])
    told = [(r.commit.subject, r.desired is not None) for r in found]
    assert told == [
        ("7 values", True),
        ("6 data elsewhere", True),
        ("5 data elsewhere", True),
        ("4 moved", False),
        ("3 data", True),
        ("1 specs", True),
    ]
    assert found[0].commit.author == "Ada Lovelace"
    assert found[0].commit.date == "2026-11-01T07:00:00+00:00"
    assert [r.commit.subject for r in releases(git, SPECS, limit=2)] == [
        "6 data elsewhere",
        "5 data elsewhere",
    ]


def test_a_merge_counts_once(made: Repo, git: Repository) -> None:
    made.commit("1", **FIRST)
    made.git("checkout", "-q", "-b", "side")
    for epochs in (2, 3):
        made.commit(f"side {epochs}", specs__a_yaml=specs(epochs))
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    assert [r.commit.subject for r in releases(git, SPECS)] == ["merged", "1"]


def test_no_specs_yet_and_no_specs_any_more_want_nothing(made: Repo, git: Repository) -> None:
    made.commit("0", other_txt="")
    made.commit("1", **FIRST)
    made.commit("2", specs__a_yaml=None)
    made.commit("3", specs__tutor_jsonl=None)
    found = releases(git, SPECS)
    assert [len(r.desired or ()) for r in found] == [0, 0, 3]
    assert at(git, "HEAD~3").state == State({})


def test_before_the_first_commit_there_is_nothing(git: Repository) -> None:
    assert releases(git, SPECS) == ()
    assert git.branch == "main"


def test_values_are_those_of_the_commit_and_else_those_at_hand(made: Repo, git: Repository) -> None:
    text = specs("'{{ values.epochs }}'").replace("'{{", '"{{').replace("}}'", '}}"')
    made.commit("1", specs__a_yaml=text, specs__tutor_jsonl=rows(), v_yaml="epochs: 1")
    made.commit("2", v_yaml="epochs: 2")
    made.put(".git/info/exclude", "own.yaml")
    made.put("own.yaml", "epochs: 3")

    def epochs(revision: str, name: str) -> object:
        loaded = at(git, revision, values=[Path(name)])
        return loaded.state[JOB].body["trainingConfig"]["epochs"]

    assert [epochs(r, "v.yaml") for r in ("HEAD~1", "HEAD")] == [1, 2]
    assert [epochs(r, "own.yaml") for r in ("HEAD~1", "HEAD")] == [3, 3]
    made.commit("3", w_yaml="epochs: 4")
    with pytest.raises(SpecError, match="epochs"):
        epochs("HEAD~1", "w.yaml")


def test_templates_see_the_commit(made: Repo, git: Repository) -> None:
    text = specs().replace(
        "maxReplicaCount: 1", 'description: "{{ git.short }} {{ git.tag }} {{ git.dirty }}"'
    )
    made.commit("1", specs__a_yaml=text, specs__tutor_jsonl=rows())
    made.git("tag", "v1")
    made.commit("2", specs__tutor_jsonl=rows(4))
    first = made.git("rev-parse", "HEAD~1")
    body = at(git, first).state[Address("Deployment", "tutor")].body
    assert body["description"] == f"{first[:7]} v1 false"


def test_a_pointer_of_lfs_is_what_it_names(made: Repo, git: Repository) -> None:
    digest = "5" * 64
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 123\n"
    made.commit("1", specs__a_yaml=specs(), specs__tutor_jsonl=pointer)
    content = at(git).state[DATA].content
    assert content is not None
    assert (content.digest, content.size) == (digest, 123)


def test_links_lead_to_files_of_the_commit_and_nowhere_else(made: Repo, git: Repository) -> None:
    made.put("data/t.jsonl", rows())
    made.put("specs/a.yaml", specs())
    (made.root / "specs/tutor.jsonl").symlink_to("../data/t.jsonl")
    made.commit("1")
    assert at(git).state[DATA].content
    outside = made.root.parent / f"{made.root.name}-outside.jsonl"
    outside.write_text(rows())
    for target in (str(outside), "../../../../../../../../../../etc/hostname", "../gone"):
        (made.root / "specs/tutor.jsonl").unlink()
        (made.root / "specs/tutor.jsonl").symlink_to(target)
        made.commit(target)
        with pytest.raises(SpecError, match=r"leaves the repository|does not exist"):
            at(git)
    outside.unlink()


def test_a_folder_of_specs_that_is_a_link_outwards_is_not_followed(
    made: Repo, git: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = tmp_path_factory.mktemp("away")
    (away / "a.yaml").write_text(specs())
    (made.root / "specs").symlink_to(away)
    made.commit("1")
    assert at(git).state == State({})


def test_nothing_that_the_repository_names_is_started(made: Repo) -> None:
    trap = made.root / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{made.root}/sprung'\ncat\n")
    trap.chmod(0o700)
    made.put(".gitattributes", "* filter=trap diff=trap export-subst\n")
    made.commit("1", **FIRST)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        made.put(f".git/hooks/{name}", trap.read_text())
        (made.root / f".git/hooks/{name}").chmod(0o700)
    keys = ("fsmonitor", "pager", "sshCommand", "editor", "askPass", "alternateRefsCommand")
    for key in (*(f"core.{key}" for key in keys), "gpg.program", "uploadpack.packObjectsHook"):
        made.git("config", key, str(trap))
    for key in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv"):
        made.git("config", key, str(trap))
    made.git("config", "log.showSignature", "true")
    (made.root / "sprung").unlink(missing_ok=True)
    with Repository(made.root) as git:
        assert len(releases(git, SPECS)) == 1
    assert not (made.root / "sprung").exists()


def test_of_a_partial_clone_nothing_is_fetched(made: Repo, tmp_path: Path) -> None:
    made.commit("1", **FIRST)
    made.commit("2", specs__tutor_jsonl=rows(4))
    made.git("config", "uploadpack.allowFilter", "true")
    made.git("clone", "-q", "--filter=blob:none", f"file://{tmp_path}", "partial")
    with Repository(tmp_path / "partial") as git:
        assert len(git.commits(["specs"])) == 2
        with pytest.raises(DpoOpsError, match="not in this clone"):
            releases(git, [tmp_path / "partial/specs"])


def test_a_shallow_clone_says_so(made: Repo, git: Repository, tmp_path: Path) -> None:
    made.commit("1", **FIRST)
    made.commit("2", specs__tutor_jsonl=rows(4))
    made.git("clone", "-q", "--depth=1", f"file://{tmp_path}", "shallow")
    assert not git.shallow
    with Repository(tmp_path / "shallow") as cut:
        assert cut.shallow
        assert len(releases(cut, [tmp_path / "shallow/specs"])) == 1


def test_paths_outside_and_folders_without_git_are_refused(made: Repo, git: Repository) -> None:
    made.commit("1", **FIRST)
    with pytest.raises(DpoOpsError, match="outside of the repository"):
        releases(git, [Path("/etc")])
    with pytest.raises(DpoOpsError, match="no commit"):
        git.find("nothing")
    for revision in ("-h", "--output=x"):
        with pytest.raises(DpoOpsError, match="names no revision"):
            git.find(revision)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(DpoOpsError, match="git can't say"):
        Repository(tmp_path)


def test_a_tree_with_names_that_lead_elsewhere_writes_nothing_there(
    made: Repo, git: Repository, tmp_path: Path
) -> None:
    made.commit("1", **FIRST)
    made.put("evil.yaml", specs())
    blob = made.git("hash-object", "-w", "evil.yaml")
    raw = b"100644 ../../evil.yaml\0" + bytes.fromhex(blob)
    (tmp_path / "raw").write_bytes(raw)
    tree = made.git("hash-object", "-t", "tree", "-w", "--literally", "raw")
    specs_tree = made.git("rev-parse", "HEAD:specs")
    (tmp_path / "raw").write_bytes(
        b"40000 specs\0" + bytes.fromhex(tree) + b"40000 x\0" + bytes.fromhex(specs_tree)
    )
    top = made.git("hash-object", "-t", "tree", "-w", "--literally", "raw")
    commit = made.git("commit-tree", top, "-m", "evil")
    assert at(git, commit).state == State({})
    assert "specs/../../evil.yaml" not in git.tree(commit)


def test_each_blob_is_read_once(
    made: Repo, git: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    look = Repository._look
    monkeypatch.setattr(Repository, "_look", lambda self, b: asked.append(b) or look(self, b))
    for epochs in range(1, 9):
        made.commit(f"{epochs}", specs__a_yaml=specs(epochs), specs__tutor_jsonl=rows())
    assert len(releases(git, SPECS)) == 8
    assert len(asked) == 1


def test_a_file_of_pairs_of_many_chunks_is_counted_right(made: Repo, git: Repository) -> None:
    text = "x" * 1_048_575 + "\n\n" + "y" * 2_097_000 + "\n \r\n" + "z"
    made.commit("1", **{**FIRST, "specs__tutor_jsonl": text})
    content = at(git).state[DATA].content
    assert content is not None
    assert (content.rows, content.size) == (3, len(text))
    assert content.digest == hashlib.sha256(text.encode()).hexdigest()


def test_many_commits_are_quick(made: Repo, git: Repository) -> None:
    for number in range(30):
        made.commit(f"{number}", specs__a_yaml=specs(number + 1), specs__tutor_jsonl=rows())
    began = time.perf_counter()
    assert len(releases(git, SPECS)) == 30
    assert time.perf_counter() - began < 30  # It takes about half a second.


def test_another_locale_and_a_strange_subject_change_nothing(
    made: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "LC_ALL", "de_DE")
    made.git("config", "i18n.logOutputEncoding", "latin1")
    made.commit("Größer\x1b[31m | `x` \u2028 y", **FIRST)
    with Repository(made.root) as git:
        assert git.find("HEAD").subject == "Größer\x1b[31m | `x` \u2028 y"


def test_a_repository_can_be_opened_from_any_folder_of_it(made: Repo) -> None:
    made.commit("1", **FIRST)
    with Repository(made.root / "specs") as git:
        assert git.root == made.root
        assert [len(r.desired or ()) for r in releases(git, SPECS)] == [3]


def test_a_repository_that_hashes_with_sha256(tmp_path: Path) -> None:
    made = Repo(tmp_path / "r")
    made.root.mkdir()
    made.git("init", "--quiet", "--object-format=sha256")
    commit = made.commit("1", **FIRST)
    assert len(commit) == 64
    with Repository(made.root) as git:
        assert [len(r.desired or ()) for r in releases(git, [made.root / "specs"])] == [3]


def test_a_commit_has_the_files_that_git_lists(made: Repo, git: Repository) -> None:
    made.put("ünï/a b\tc", "x")
    made.put("run", "x")
    (made.root / "run").chmod(0o700)
    (made.root / "link").symlink_to("run")
    made.commit("1", **FIRST)
    listed = [row.split("\t", 1) for row in made.git("ls-tree", "-rz", "HEAD").split("\0") if row]
    wanted = {path: (head.split()[0], head.split()[2]) for head, path in listed}
    assert {path: (e.mode, e.blob) for path, e in git.tree("HEAD").items()} == wanted


def test_a_blob_that_was_not_read_to_its_end_spoils_no_other(made: Repo, git: Repository) -> None:
    made.commit("1", **FIRST, big_txt="x" * 5_000_000)
    tree = git.tree("HEAD")
    chunks = git._chunks(tree["big.txt"].blob)
    next(chunks)
    chunks.close()
    assert git.read(tree["specs/a.yaml"].blob, 10_000).decode() == specs()
    assert len(git.read(tree["big.txt"].blob, 100)) == 101
    with pytest.raises(DpoOpsError, match="not in this clone"):
        git.read("0" * 40, 1)
    assert git.read(tree["specs/a.yaml"].blob, 10_000).decode() == specs()
