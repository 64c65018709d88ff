"""The files that specs point at: only inside the repository, and each inspected once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops import pairs
from dpo_ops.errors import SpecError
from dpo_ops.loader import load
from dpo_ops.resource import Address
from tests.loader.conftest import PAIRS, Find, Write
from tests.loader.test_broken import DATASET

if TYPE_CHECKING:
    from pathlib import Path


def pointing_at(source: str) -> str:
    return DATASET.replace("pairs.jsonl", source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/etc/passwd", "is not a relative path"),
        ("~/pairs.jsonl", "is not a relative path"),
        ("../../../../../../../../etc/passwd", "leaves the repository"),
        ("../outside.jsonl", "leaves the repository"),
        ("sub/../../outside.jsonl", "leaves the repository"),
        ("linked.jsonl", "leaves the repository"),
        ("linked-folder/outside.jsonl", "leaves the repository"),
        ("to-proc", "leaves the repository"),
        (".git/config", "is git's own"),
        ("sub", "is a folder"),
        (".", "is a folder"),
        ("pipe", "is not a regular file"),
        ("itself", "can't be read"),
        ("pairs.jsonl/x", "can't be read"),
        ("n" * 300, "can't be read"),
        ('"a\\0b"', "holds a NUL character"),
        ("pears.jsonl", "does not exist · . holds"),
        ("gone/x.jsonl", "does not exist · there is no folder gone"),
    ],
)
def test_a_path_that_can_not_be_used(source: str, words: str, write: Write) -> None:
    repository = write({"repo/.git/config": "x", "repo/sub/x.txt": "x"}) / "repo"
    os.chdir(repository)
    (repository / "pairs.jsonl").write_text(PAIRS)
    (repository.parent / "outside.jsonl").write_text(PAIRS)
    (repository / "linked.jsonl").symlink_to(repository.parent / "outside.jsonl")
    (repository / "linked-folder").symlink_to(repository.parent)
    (repository / "to-proc").symlink_to("/proc/self/environ")
    (repository / "itself").symlink_to("itself")
    os.mkfifo(repository / "pipe")
    (repository / "a.yaml").write_text(pointing_at(source))
    with pytest.raises(SpecError) as caught:
        load([repository])
    (finding,) = caught.value.findings
    assert str(finding.where) == "a.yaml:6:11"
    assert words in str(finding)


def test_a_missing_file_may_be_misspelt(find: Find) -> None:
    (finding,) = find({"a.yaml": pointing_at("pears.jsonl")})
    assert finding.fix == "did you mean pairs.jsonl?"


def test_what_lies_beside_or_above_inside_the_repository_will_do(write: Write) -> None:
    folder = write({"specs/deep/a.yaml": pointing_at("../../pairs.jsonl")})
    (folder / "specs" / "link.jsonl").symlink_to("../pairs.jsonl")
    (folder / "specs" / "b.yaml").write_text(pointing_at("link.jsonl").replace("zebra", "yak"))
    state = load([folder / "specs"]).state
    assert {resource.content.path for resource in state.values() if resource.content} == {
        "pairs.jsonl"
    }


def test_without_a_repository_the_folder_named_is_the_limit(write: Write) -> None:
    folder = write({"specs/deep/a.yaml": pointing_at("../pairs.jsonl"), "specs/pairs.jsonl": PAIRS})
    (folder / ".git").rmdir()
    assert len(load([folder / "specs"]).state) == 1
    for named in (folder / "specs" / "deep", folder / "specs" / "deep" / "a.yaml"):
        with pytest.raises(SpecError, match="leaves the repository"):
            load([named])


def test_the_limit_can_be_given(write: Write) -> None:
    folder = write({"specs/a.yaml": pointing_at("../pairs.jsonl")})
    with pytest.raises(SpecError, match="leaves the repository"):
        load([folder / "specs"], root=folder / "specs")
    assert load([folder / "specs"], root=folder).state


def test_each_file_is_inspected_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    inspect = pairs.inspect

    def counting(path: Path, **named: Any) -> pairs.Inspection:
        seen.append(path.name)
        return inspect(path, **named)

    monkeypatch.setattr(pairs, "inspect", counting)
    documents = [DATASET.replace("zebra", name) for name in ("a", "b", "c")]
    state = load([write(specs="---\n".join(documents))]).state
    assert len(state) == 3
    assert seen == ["pairs.jsonl"]
    assert state[Address("Dataset", "a")].id.startswith("a-")


def test_findings_in_the_pairs_join_those_of_the_specs(find: Find) -> None:
    found = find(
        {"a.yaml": pointing_at("bad.jsonl") + "  displayNam: x\n", "bad.jsonl": PAIRS + "{\n"}
    )
    files = [str(finding).split(":")[0] for finding in found]
    assert files[0] == "a.yaml"
    assert "bad.jsonl" in files
