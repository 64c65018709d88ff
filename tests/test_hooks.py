"""The hooks for pre-commit: the manifest is one, and each hook does what it says.

`pre-commit try-repo` would install this repository from the package index, so here each `entry`
is started as pre-commit starts it: in the repository's root, with the staged files as arguments.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dpo_ops.cli.starter import FILES

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text())}
YAML = (".yaml", ".yml")


def started(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIREWORKS_")}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with specs, and with YAML that is somebody else's, all staged."""
    (tmp_path / "specs").mkdir()
    for name, text in FILES.items():
        (tmp_path / "specs" / name).write_text(text)
    (tmp_path / "chart.yaml").write_text("a:   {{ .Values.a }}\n")
    (tmp_path / "workflow.yml").write_text("on:   push\n")
    started("git", "init", "-q", cwd=tmp_path)
    started("git", "add", ".", cwd=tmp_path)
    return tmp_path


def run(hook: dict[str, Any], repository: Path) -> subprocess.CompletedProcess[str]:
    name, *words = shlex.split(hook["entry"])
    assert name == "dpo-ops"
    staged = started("git", "diff", "--cached", "--name-only", cwd=repository).stdout.split()
    chosen = [file for file in staged if re.search(hook.get("files", ""), file)]
    if hook.get("types") == ["yaml"]:
        chosen = [file for file in chosen if file.endswith(YAML)]
    assert chosen
    files = chosen if hook.get("pass_filenames", True) else []
    arguments = [*words, *hook.get("args", []), *files]
    return started(sys.executable, "-m", "dpo_ops", *arguments, cwd=repository)


def test_the_manifest_is_one() -> None:
    pytest.importorskip("pre_commit")
    done = started(sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_three() -> None:
    assert list(HOOKS) == ["dpo-ops-validate", "dpo-ops-fmt", "dpo-ops-schema"]
    assert all(hook["language"] == "python" for hook in HOOKS.values())


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_passes_where_all_is_well_and_changes_nothing(name: str, repository: Path) -> None:
    done = run(HOOKS[name], repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not started("git", "diff", "--name-only", cwd=repository).stdout


def test_validate_looks_at_the_data_too(repository: Path) -> None:
    (repository / "specs" / "assistant.jsonl").write_text("{}\n")
    done = run(HOOKS["dpo-ops-validate"], repository)
    assert done.returncode == 1
    assert "specs/assistant.jsonl:1" in done.stdout


def test_fmt_mends_what_is_staged_and_nothing_else(repository: Path) -> None:
    file = repository / "specs" / "assistant.yaml"
    file.write_text(FILES["assistant.yaml"].replace("\n---", "\n\n---"))
    started("git", "add", ".", cwd=repository)
    done = run(HOOKS["dpo-ops-fmt"], repository)
    # Files that a hook changes are what pre-commit fails for.
    assert done.returncode == 0
    assert file.read_text() == FILES["assistant.yaml"]
    changed = started("git", "diff", "--name-only", cwd=repository).stdout.split()
    assert changed == ["specs/assistant.yaml"]


def test_schema_needs_no_data_and_names_the_place(repository: Path) -> None:
    (repository / "specs" / "assistant.jsonl").unlink()
    assert run(HOOKS["dpo-ops-schema"], repository).returncode == 0
    file = repository / "specs" / "assistant.yaml"
    file.write_text(file.read_text().replace("epochs: 1", "epochs: one"))
    done = run(HOOKS["dpo-ops-schema"], repository)
    assert done.returncode == 1
    assert re.match(r"specs/assistant\.yaml:\d+:\d+: error: ", done.stdout)
