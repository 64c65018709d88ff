"""Which files are read, and what is said of those that can't be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import SpecError
from dpo_ops.loader import load, repository_root
from dpo_ops.loader.source import show
from tests.loader.test_broken import DATASET

if TYPE_CHECKING:
    from tests.loader.conftest import Find, Write


def named(name: str) -> str:
    return DATASET.replace("zebra", name).replace("pairs", "../pairs")


def test_folders_are_read_whole_but_for_what_is_hidden(write: Write) -> None:
    folder = write(
        {
            "s/b.yml": named("a"),
            "s/a.yaml": named("b"),
            "s/deep/er/c.YAML": named("c").replace("../", "../../../"),
            "s/.hidden.yaml": "x",
            "s/.hidden/x.yaml": "x",
            "s/notes.txt": "x",
            "s/x.yaml.bak": "x",
        }
    )
    assert load([folder / "s"]).files == ("s/a.yaml", "s/b.yml", "s/deep/er/c.YAML")


def test_a_hidden_file_that_is_named_is_read(write: Write) -> None:
    folder = write({".specs/.a.yaml": named("a")})
    assert load([folder / ".specs" / ".a.yaml"]).files == (".specs/.a.yaml",)


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"a: \xff\n", "a.yaml:1:4: is not UTF-8: the byte 0xff"),
        (b"a: 1\nb: \xc3\xa9\x80\n", "a.yaml:2:5: is not UTF-8: the byte 0x80"),
        ("a: é\n".encode("utf-16"), "a.yaml:1:1: is not UTF-8"),
        (b"a: b\0c\n", "a.yaml:1:5: holds the character U+0000"),
        (b"a: b\n\x07", "a.yaml:2:1: holds the character U+0007"),
        (b"a:\n\tb: 1\n", "a.yaml:2:1: is not YAML"),
        (b"%TAG ! x\n---\n", "a.yaml:1:1: declares tags"),
    ],
)
def test_a_file_that_is_no_clean_text(data: bytes, finding: str, find: Find) -> None:
    assert finding in str(find({"a.yaml": data})[0])


def test_a_byte_order_mark_is_no_matter(write: Write) -> None:
    folder = write({"a.yaml": b"\xef\xbb\xbf" + DATASET.encode()})
    assert str(next(iter(load([folder]).state.values())).place) == "a.yaml:1:1"


def test_things_that_are_no_files(write: Write) -> None:
    folder = write({"good.yaml": DATASET})
    os.mkfifo(folder / "pipe.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "dangling.yaml").symlink_to("nowhere.yaml")
    (folder / "folder.yaml").mkdir()
    (folder / "outside.yaml").symlink_to("/etc/passwd")
    (folder / "null.yaml").symlink_to("/dev/null")
    with pytest.raises(SpecError) as caught:
        load([folder])
    said = {str(f).split(":")[0]: f.what for f in caught.value.findings}
    assert said == {
        "pipe.yaml": "is not a regular file",
        "loop.yaml": "can't be read: too many levels of symbolic links",
        "dangling.yaml": "can't be read: no such file or directory",
        "outside.yaml": "is a symlink that leaves the repository",
        "null.yaml": "is a symlink that leaves the repository",
    }


@pytest.mark.parametrize("path", ["gone", "gone/a.yaml", "good.yaml/x", "/dev/null", "n" * 300])
def test_a_path_that_is_named_must_be_there(path: str, write: Write) -> None:
    write({"good.yaml": DATASET})
    with pytest.raises(SpecError) as caught:
        load([Path("good.yaml"), Path(path)])
    (finding,) = caught.value.findings
    assert path in str(finding.where)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_a_finding(write: Write) -> None:
    folder = write({"good.yaml": DATASET, "shut.yaml": "x", "closed/a.yaml": "x"})
    (folder / "shut.yaml").chmod(0)
    (folder / "closed").chmod(0)
    with pytest.raises(SpecError) as caught:
        load([folder])
    (folder / "closed").chmod(0o700)
    assert len(caught.value.findings) == 2


def test_data_given_as_specs_is_told_where_it_belongs(write: Write) -> None:
    folder = write({"a.yaml": DATASET, "zebra.jsonl": "{}"})
    with pytest.raises(SpecError, match="named by a Dataset's `source` · give the folder of specs"):
        load([folder / "zebra.jsonl"])


def test_where_there_are_no_specs_the_way_to_begin_is_told(write: Write) -> None:
    folder = write({"notes.txt": "x"})
    for path in (folder, folder / "specs"):
        with pytest.raises(SpecError, match="begin with `dpo-ops init`"):
            load([path])
    with pytest.raises(SpecError, match="no such file or directory · check the path") as caught:
        load([folder / "gone.yaml"])
    assert "init" not in str(caught.value)


def test_links_between_folders_are_read_once(write: Write) -> None:
    folder = write({"a/x.yaml": named("x")})
    (folder / "b").symlink_to("a")
    (folder / "a" / "loop").symlink_to("..")
    (folder / "a" / "self").symlink_to("self")
    (folder / "c").symlink_to("/")
    loaded = load([folder])
    assert loaded.files == ("a/x.yaml",)
    assert [str(finding.where) for finding in loaded.warnings] == ["a/loop:1:1"]


def test_the_repository_is_the_nearest_folder_with_a_git(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    deep = tmp_path / "repo" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "x.yaml").touch()
    assert repository_root(deep) == repository_root(deep / "x.yaml") == tmp_path / "repo"
    (tmp_path / "repo" / ".git").rmdir()
    (tmp_path / "repo" / "a" / ".git").write_text("gitdir: elsewhere")
    assert repository_root(deep) == tmp_path / "repo" / "a"
    (tmp_path / "repo" / "a" / ".git").unlink()
    assert repository_root(deep) == repository_root(deep / "x.yaml") == deep


def test_files_are_shown_from_here_and_can_not_speak_for_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert show(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert show("a/../b.yaml") == "b.yaml"
    assert show("../b.yaml") == str(tmp_path.parent / "b.yaml")
    assert show("a\n::error::\x1b[1m") == "a\\n::error::\\x1b[1m"
    assert show(os.fsdecode(b"\xff.yaml")) == "\\udcff.yaml"
