"""How files of pairs differ from those of the base: each dataset's, and only what changed."""

from __future__ import annotations

import hashlib
import tempfile
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.ci.data import data_changes
from dpo_ops.loader import load
from dpo_ops.loader.at_revision import load_at
from dpo_ops.loader.repository import Repository
from dpo_ops.pairs.diff import Fate
from tests.history import Repo, repo, rows

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.reporters.pull.subject import DataChange

DATASET = """\
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {{name: {name}}}
spec: {{source: {source}}}
---
"""


def spec(**sources: str) -> str:
    return "".join(DATASET.format(name=name, source=source) for name, source in sources.items())


@pytest.fixture
def made(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    made = repo(folder)
    made.put(".gitignore", "scratch\n")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return made


def changes(made: Repo, *, samples: int = 3, **limits: int) -> dict[str, DataChange]:
    """Compare what was committed last with what lies there now."""
    with Repository(made.root) as git:
        before = load_at(git, git.find("HEAD"), [made.root / "specs"]).state
        after = load([made.root / "specs"]).state
        found = data_changes(git, before, after, samples=samples, **limits)
    assert list((made.root / "scratch").iterdir()) == []
    assert [change.address for change in found] == sorted(change.address for change in found)
    return {change.address.name: change for change in found}


def test_what_changed_is_compared(made: Repo) -> None:
    made.commit("1", specs__a_yaml=spec(a="a.jsonl", b="b.jsonl"))
    made.put("specs/a.jsonl", rows(3))
    made.put("specs/b.jsonl", rows(4))
    made.commit("2")
    made.put("specs/a.jsonl", rows(5))
    found = changes(made)
    assert list(found) == ["a"]
    change = found["a"]
    assert (change.before, change.after) == ("specs/a.jsonl", "specs/a.jsonl")
    assert (change.rows, change.note) == (5, "")
    assert change.comparison
    assert change.comparison.counts[Fate.ADDED] == 2
    assert [sample.fate for sample in change.comparison.samples] == [Fate.ADDED, Fate.ADDED]


def test_no_samples_where_none_are_wanted(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl"))
    made.put("specs/a.jsonl", rows(5))
    comparison = changes(made, samples=0)["a"].comparison
    assert comparison
    assert comparison.samples == ()
    assert comparison.rows_after == 5


def test_what_is_new_and_what_is_gone_has_one_side(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl"))
    made.put("specs/b.jsonl", rows(7))
    made.put("specs/a.yaml", spec(b="b.jsonl"))
    found = changes(made)
    assert {n: (c.before, c.after, c.rows) for n, c in found.items()} == {
        "a": ("specs/a.jsonl", None, 3),
        "b": (None, "specs/b.jsonl", 7),
    }
    assert not any(change.comparison or change.note for change in found.values())


def test_the_same_under_another_name_is_no_change(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.put("specs/b.jsonl", rows(4))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl", b="b.jsonl"))
    (made.root / "specs/a.jsonl").rename(made.root / "specs/moved.jsonl")
    # One file has another name, one dataset has, and one more reads the same file.
    made.put("specs/a.yaml", spec(a="moved.jsonl", renamed="b.jsonl", more="moved.jsonl"))
    assert changes(made) == {}


def test_a_file_that_was_edited_under_another_dataset_is_compared(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl"))
    made.put("specs/a.jsonl", rows(4))
    made.put("specs/a.yaml", spec(b="a.jsonl"))
    found = changes(made)
    assert list(found) == ["b"]
    assert found["b"].comparison
    assert found["b"].comparison.counts[Fate.ADDED] == 1


def test_a_dataset_that_reads_another_file_is_compared_with_the_one_before(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl"))
    made.put("data/other.jsonl", rows(3, "Correct"))
    made.put("specs/a.yaml", spec(a="../data/other.jsonl"))
    change = changes(made)["a"]
    assert (change.before, change.after) == ("specs/a.jsonl", "data/other.jsonl")
    assert change.comparison
    assert change.comparison.edited == 3


@pytest.mark.parametrize("inside", ["", "specs", "data/deep"])
def test_paths_are_from_the_top_wherever_it_is_run(
    made: Repo, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.put("data/deep/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="../data/deep/a.jsonl"))
    made.put("data/deep/a.jsonl", rows(4))
    monkeypatch.chdir(made.root / inside)
    change = changes(made)["a"]
    assert (change.before, change.after) == ("data/deep/a.jsonl", "data/deep/a.jsonl")


def test_above_the_limit_the_largest_are_left_out(made: Repo) -> None:
    names = {"large": 40, "middle": 20, "small": 3}
    for name, count in names.items():
        made.put(f"specs/{name}.jsonl", rows(count))
    made.commit("1", specs__a_yaml=spec(**{name: f"{name}.jsonl" for name in names}))
    sizes = {}
    for name, count in names.items():
        text = rows(count) + rows(1, "New")
        made.put(f"specs/{name}.jsonl", text)
        sizes[name] = len(rows(count)) + len(text)
    found = changes(made, limit_bytes=sizes["small"] + sizes["middle"])
    assert {name: change.comparison is None for name, change in found.items()} == {
        "large": True,
        "middle": False,
        "small": False,
    }
    assert found["large"].note.startswith("not compared: its two versions are 0.0 MiB")
    assert found["large"].rows == 41
    assert all(not change.comparison for change in changes(made, limit_bytes=0).values())


def test_pointers_of_lfs_are_not_compared_with_files(made: Repo) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
    same, old = rows(4), rows(3)
    for name, text in (("same", same), ("a", old)):
        digest = hashlib.sha256(text.encode()).hexdigest()
        made.put(f"specs/{name}.jsonl", pointer.format(digest, len(text)))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl", same="same.jsonl"))
    # As it is where the files of LFS were fetched.
    made.put("specs/same.jsonl", same)
    made.put("specs/a.jsonl", rows(5))
    found = changes(made)
    assert list(found) == ["a"]
    assert found["a"].comparison is None
    assert "Git LFS" in found["a"].note
    assert (found["a"].before, found["a"].rows) == ("specs/a.jsonl", 5)


def test_a_file_that_goes_meanwhile_is_a_note(made: Repo) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl"))
    made.put("specs/a.jsonl", rows(4))
    with Repository(made.root) as git:
        before = load_at(git, git.find("HEAD"), [made.root / "specs"]).state
        after = load([made.root / "specs"]).state
        (made.root / "specs/a.jsonl").unlink()
        [change] = data_changes(git, before, after, samples=3)
    assert change.comparison is None
    assert change.note.startswith("not compared: ")


def test_two_datasets_of_one_file_are_compared_once(
    made: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.put("specs/a.jsonl", rows(3))
    made.commit("1", specs__a_yaml=spec(a="a.jsonl", b="a.jsonl"))
    made.put("specs/a.jsonl", rows(4))
    copied: list[str] = []
    copy = Repository.copy
    monkeypatch.setattr(
        Repository, "copy", lambda self, blob, file: (copied.append(blob), copy(self, blob, file))
    )
    found = changes(made)
    assert list(found) == ["a", "b"]
    assert found["a"].comparison is found["b"].comparison
    assert len(copied) == 1


def test_without_files_before_all_is_new(made: Repo) -> None:
    made.commit("1", other_txt="x")
    made.put("specs/a.jsonl", rows(3))
    made.put("specs/a.yaml", spec(a="a.jsonl"))
    assert [(c.before, c.after) for c in changes(made).values()] == [(None, "specs/a.jsonl")]
