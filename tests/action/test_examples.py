"""What users copy is what this repository runs itself, but for the differences named here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OWN, SHOWN = ROOT / ".github/workflows", ROOT / "examples/github"
SHA = re.compile(r"dpo-ops/dpo-ops/\.github/actions/dpo-ops@([0-9a-f]{40}) # v")
KEY = {"FIREWORKS_API_KEY": "${{ secrets.FIREWORKS_API_KEY }}"}
# What keeps the account that the emulator plays; the real service keeps its own.
EMULATED = ("Fetch the emulated account", "Keep the emulated account")
READING = {"name": "${{ matrix.environment }}-plan", "deployment": False}


def pins() -> set[str]:
    return {sha for path in SHOWN.glob("*.yml") for sha in SHA.findall(path.read_text())}


def for_users(workflow: dict[str, Any], sha: str) -> dict[str, Any]:
    """Our own workflow as a user of the real service would have it."""
    for job in workflow["jobs"].values():
        job["steps"] = [s for s in job["steps"] if s["name"] not in EMULATED]
        for step in job["steps"]:
            if step["uses"] == "$/.github/actions/dpo-ops":
                step["uses"] = f"dpo-ops/dpo-ops/.github/actions/dpo-ops@{sha}"
                assert step["with"].pop("emulator") == "true"
                step["env"] = KEY
        # Only those who release have an environment here, for the emulator needs no key.
        job.setdefault("environment", READING)
    return workflow


@pytest.mark.parametrize("name", ["plan", "apply", "reconcile", "drift"])
def test_an_example_is_our_own_workflow_with_the_real_service(name: str):
    (sha,) = pins()
    own = yaml.safe_load((OWN / f"{name}.yml").read_text())
    shown = yaml.safe_load((SHOWN / f"{name}.yml").read_text())
    assert shown == for_users(own, sha)


def test_the_action_that_the_examples_name_is_one_of_ours():
    (sha,) = pins()
    if not (ROOT / ".git").exists():
        pytest.skip("there is no history here")
    known = subprocess.run(
        ["git", "cat-file", "-e", sha], cwd=ROOT, check=False, capture_output=True
    )
    if known.returncode:
        pytest.skip("this clone does not go back so far")
    found = subprocess.run(
        ["git", "merge-base", "--is-ancestor", sha, "HEAD"], cwd=ROOT, check=False
    )
    assert found.returncode == 0
    path = f"{sha}:.github/actions/dpo-ops/action.yml"
    subprocess.run(["git", "cat-file", "-e", path], cwd=ROOT, check=True)


def test_what_the_plan_on_gitlab_keeps_is_what_apply_looks_for():
    folder = ROOT / "examples/gitlab"
    template = yaml.safe_load((folder / "dpo-ops.gitlab-ci.yml").read_text())
    used = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())
    # The names that dpo_ops.forge looks for.
    kept = "dpo-ops-plan-$DPO_OPS_ENVIRONMENT.json"
    plan = template[".dpo-ops-plan"]
    assert plan["variables"]["DPO_OPS_OUT"] == kept
    assert plan["artifacts"]["paths"] == [kept]
    assert used["dpo-ops-plan"]["extends"] == ".dpo-ops-plan"
    jobs = {n: j for n, j in used.items() if isinstance(j, dict)}
    assert {j["extends"] for j in jobs.values()} <= set(template)
    assert {j["stage"] for j in jobs.values()} <= set(used["stages"])
