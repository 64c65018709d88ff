"""The action, the workflows and the examples, as the linters see them and by rules of our own."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.test_project import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/dpo-ops/action.yml"
OWN = sorted((ROOT / ".github/workflows").glob("*.yml"))
SHOWN = sorted((ROOT / "examples/github").glob("*.yml"))
WORKFLOWS = [*OWN, *SHOWN]
GITLAB = [ROOT / "examples/gitlab" / name for name in ("dpo-ops.gitlab-ci.yml", ".gitlab-ci.yml")]
PIN = re.compile(r"uses: (?P<what>[\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# Its place in this repository, of which it takes the commit that runs.
SELF = "uses: $/.github/actions/dpo-ops"

named = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: str(p.relative_to(ROOT)))


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--persona=pedantic", "--offline", "--no-progress", ACTION, *WORKFLOWS),
        ("check-jsonschema", "--builtin-schema=vendor.github-workflows", *WORKFLOWS),
        ("check-jsonschema", "--builtin-schema=vendor.github-actions", ACTION),
        ("check-jsonschema", "--builtin-schema=vendor.gitlab-ci", *GITLAB),
        ("actionlint", *WORKFLOWS),
        ("shellcheck", ACTION.with_name("install.sh"), ROOT / ".ci/run"),
    ],
    ids=lambda command: " ".join(str(part) for part in command[:2] if part != ACTION),
)
def test_the_linters_find_nothing(command: tuple[str | Path, ...]):
    name, *arguments = command
    # actionlint hands scripts to shellcheck, if it finds that.
    path = str(Path(tool("shellcheck")).parent)
    done = subprocess.run(
        [tool(str(name)), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{path}:/usr/bin:/bin", "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_workflows_are_there_for_users():
    assert [p.name for p in OWN] == [
        "apply.yml", "checks.yml", "drift.yml", "plan.yml", "reconcile.yml",
    ]  # fmt: skip
    assert [p.name for p in SHOWN] == [
        "apply.yml", "drift.yml", "plan.yml", "reconcile.yml", "validate.yml",
    ]  # fmt: skip


@named
def test_what_others_wrote_is_pinned(path: Path):
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines()]
    uses = [line for line in lines if line.startswith("uses:")]
    assert uses
    for line in uses:
        assert line == SELF or PIN.fullmatch(line), line


def test_one_version_of_each_action_is_used():
    text = "\n".join(p.read_text() for p in [ACTION, *WORKFLOWS])
    pins = {m.group(0) for m in PIN.finditer(text)}
    # The three actions of actions/cache are one repository.
    of = Counter("/".join(pin.split("@")[0].split("/")[:2]) for pin in pins)
    versions = {(p.split("@")[1], "/".join(p.split("@")[0].split("/")[:2])) for p in pins}
    assert len(versions) == len(of), sorted(pins)


def scripts(value: Any) -> Iterator[str]:
    """Every `run:` in a workflow or an action, however deep."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "run" and isinstance(part, str):
                yield part
            else:
                yield from scripts(part)
    elif isinstance(value, list):
        for part in value:
            yield from scripts(part)


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_expression_becomes_part_of_a_script(path: Path):
    assert "pull_request_target" not in path.read_text()
    assert [s for s in scripts(yaml.safe_load(path.read_text())) if "${{" in s] == []


@named
def test_a_job_has_a_limit_and_no_more_rights_than_it_names(path: Path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        assert job["permissions"]["contents"] == "read", name
        checkout = next(s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout"))
        assert checkout["with"]["persist-credentials"] is False


def test_the_action_has_one_command_and_says_all_it_takes_and_gives():
    action = yaml.safe_load(ACTION.read_text())
    *_, last = action["runs"]["steps"]
    assert last["run"] == 'exec "$DPO_OPS" ci "$DPO_OPS_COMMAND"'
    for name, given in action["inputs"].items():
        assert given.get("required") or "Default: " in given["description"], name
        shown = given["description"].rpartition("Default: ")[2]
        if given.get("default") in ("true", "false", "default", "specs", "reviewed"):
            assert shown == given["default"], name
    outputs = action["outputs"]
    assert {n: o["value"] for n, o in outputs.items()} == {
        n: f"${{{{ steps.run.outputs.{n} }}}}" for n in outputs
    }
