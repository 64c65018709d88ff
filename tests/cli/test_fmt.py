"""`dpo-ops fmt`: what it writes, what it only says, and how it ends."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.starter import FILES
from tests.cli.conftest import spawned

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TIDY = FILES["assistant.yaml"]
UNTIDY = TIDY.replace("metadata:\n  name", "metadata:\n    name").replace("\n---", "\n\n---")


@pytest.fixture
def file(specs: Path) -> Path:
    path = specs / "assistant.yaml"
    path.write_text(UNTIDY)
    return path


def test_it_writes_what_it_says(run: Run, file: Path):
    made = run("fmt")
    assert (made.code, made.err) == (0, "")
    assert made.out == "formatted specs/assistant.yaml\n1 file formatted.\n"
    assert file.read_text() == TIDY
    again = run("fmt")
    assert (again.code, again.out) == (0, "1 file formatted already.\n")


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_asked_to_write_nothing_it_says_what_would_change_by_its_exit_code(
    run: Run, file: Path, option: str
):
    before = file.stat()
    made = run("fmt", option)
    assert made.code == 2
    assert made.out.endswith("1 file would be formatted.\n")
    assert (file.read_text(), file.stat().st_mtime_ns) == (UNTIDY, before.st_mtime_ns)
    file.write_text(TIDY)
    assert run("fmt", option).code == 0


def test_the_diff_is_one_that_git_applies(run: Run, folder: Path, file: Path):
    (folder / ".git").rmdir()
    subprocess.run(["git", "init", "-q"], check=True)
    patch = run("fmt", "--diff").out.rpartition("\n1 file")[0] + "\n"
    assert patch.startswith("--- a/specs/assistant.yaml\n+++ b/specs/assistant.yaml\n@@ ")
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    assert file.read_text() == TIDY


def test_a_diff_shows_what_can_not_be_seen_and_moves_no_cursor(run: Run, file: Path):
    file.write_bytes(TIDY.replace("\n", "\r\n").encode() + "# \u202e end".encode())
    out = run("fmt", "--diff").out
    assert "-kind: Dataset\\r\n" in out
    assert "+# \\u202e end\n" in out
    assert "\\ No newline at end of file\n" in out
    assert "\r" not in out


def test_a_file_that_is_formatted_is_not_touched(run: Run, file: Path):
    file.write_text(TIDY)
    before = file.stat()
    run("fmt")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_rights_of_a_file_stay_and_nothing_is_left_beside_it(run: Run, file: Path):
    file.chmod(0o640)
    mask = os.umask(0o077)
    try:
        run("fmt")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "assistant.jsonl",
        "assistant.yaml",
    ]


def test_a_link_stays_a_link(run: Run, folder: Path, file: Path):
    link = folder / "link.yaml"
    link.symlink_to(file)
    assert run("fmt", "link.yaml").code == 0
    assert link.is_symlink()
    assert file.read_text() == TIDY


def test_what_is_not_yaml_is_an_error_with_its_place_and_the_rest_is_formatted(
    run: Run, file: Path
):
    broken = file.with_name("broken.yaml")
    broken.write_text("apiVersion: dpo-ops/v1\nkind: {{ x }}\n")
    made = run("fmt", "--check")
    assert made.code == 1
    assert made.out.startswith("specs/broken.yaml:2:7: error: ")
    made = run("fmt")
    assert made.code == 1
    assert made.out.endswith("1 file formatted, 1 error.\n")
    assert broken.read_text() == "apiVersion: dpo-ops/v1\nkind: {{ x }}\n"
    assert file.read_text() == TIDY


def test_a_file_that_can_not_be_written_is_an_error(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    made = run("fmt")
    assert made.code == 1
    assert "can't be written" in made.err
    assert "No space left on device" in made.err
    assert file.read_text() == UNTIDY
    assert len(list(file.parent.iterdir())) == 2


def test_files_of_others_are_passed_over(run: Run, folder: Path):
    (folder / "workflow.yaml").write_text("on:   push\n")
    made = run("fmt", "--check", "workflow.yaml")
    assert (made.code, made.out) == (0, "No spec files.\n")


def test_values_that_lie_elsewhere_are_named(run: Run, folder: Path, file: Path):
    assert file.exists()
    (folder / "values.yaml").write_text("a:   1\n")
    assert run("fmt", "--values", "values.yaml").code == 0
    assert (folder / "values.yaml").read_text() == "a: 1\n"


def test_a_path_that_is_not_there_is_an_error(run: Run):
    made = run("fmt", "nowhere.yaml")
    assert made.code == 1
    assert "nowhere.yaml: error: can't be read" in made.out


def test_as_json(run: Run, file: Path):
    assert file.exists()
    found = run("fmt", "--check", "--format", "json").document("fmt")
    expected = {"file": "specs/assistant.yaml", "changes": True, "diff": ""}
    assert (found["files"], found["written"], found["findings"]) == ([expected], False, [])
    diff = run("fmt", "--diff", "--format", "json").document("fmt")["files"][0]["diff"]
    assert diff.startswith("--- a/specs/assistant.yaml\n")
    assert run("fmt", "--format", "json").document("fmt")["written"] is True


def test_for_github_each_file_is_an_annotation(run: Run, file: Path):
    file.with_name("broken.yaml").write_text("apiVersion: dpo-ops/v1\nkind: {{ x }}\n")
    made = run("fmt", "--check", "--format", "github")
    assert made.out.startswith("### dpo-ops fmt\n\n**1 file would be formatted, 1 error.**\n")
    assert "- `specs/assistant.yaml`\n" in made.out
    errors, warnings = made.err.splitlines()
    assert errors.startswith("::error file=specs/broken.yaml,line=2,col=7,")
    assert warnings.startswith("::warning file=specs/assistant.yaml,line=")
    assert "::warning" not in run("fmt", "--format", "github").err


def test_markdown_keeps_a_diff_in_its_fence(run: Run, file: Path):
    file.write_text(TIDY + "# ```\n# </details> @all\n\n\n\n# end\n")
    out = run("fmt", "--diff", "--format", "markdown").out
    assert "````diff\n" in out
    assert out.index("</details> @all") < out.index("\n````\n")


def test_a_secret_of_the_environment_is_in_no_diff(file: Path):
    file.write_text(UNTIDY + "# fw_0123456789abcdef\n\n\n")
    made = spawned("fmt", "--diff", FIREWORKS_API_KEY="fw_0123456789abcdef")
    assert made.code == 2
    assert "fw_0123456789abcdef" not in made.out
