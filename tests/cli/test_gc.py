"""`gc` over a real repository and the embedded emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from dpo_ops.emulator import Emulator, EmulatorTransport
from tests.cli.conftest import FAST, Run
from tests.history import Repo, repo, rows
from tests.history import specs as written

if TYPE_CHECKING:
    from pathlib import Path

STACK = "apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: default}\n"
ANY_AGE = ("gc", *FAST, "--older-than", "0")


def writes(folder: Path) -> list[str]:
    data = folder / ".dpo-ops" / "emulator"
    with (
        Emulator(data) as emulator,
        httpx.Client(transport=EmulatorTransport(emulator), base_url="http://x") as http,
    ):
        asked = http.get("/_emulator/requests").json()["requests"]
        http.delete("/_emulator/requests")
    return [f"{r['method']} {r['path'].rpartition('/accounts/')[2]}" for r in asked if _is(r)]


def _is(request: dict[str, str]) -> bool:
    reading = request["path"].endswith((":match", "/chat/completions"))
    return request["method"] != "GET" and not reading and "_emulator" not in request["path"]


@pytest.fixture
def made(folder: Path, run: Run) -> Repo:
    """Return a repository with three releases, all of them applied."""
    made = repo(folder)
    made.put(".gitignore", ".dpo-ops\n")
    made.put("specs/stack.yaml", STACK)
    for epochs in (1, 2, 3):
        made.commit(
            f"epochs {epochs}",
            specs__a_yaml=written(epochs),
            specs__tutor_jsonl=rows(3, f"Right {epochs}"),
        )
        assert run("apply", *FAST, "--auto-approve").code == 0
    writes(folder)
    return made


def advance(folder: Path, days: int) -> None:
    with (
        Emulator(folder / ".dpo-ops" / "emulator") as emulator,
        httpx.Client(transport=EmulatorTransport(emulator), base_url="http://x") as http,
    ):
        http.post("/_emulator/clock", json={"advance": days * 86400}).raise_for_status()


def test_without_approval_it_only_shows(made: Repo, run: Run, folder: Path):
    assert made
    advance(folder, 400)  # Deleted deployments can't be brought back any more.
    found = run(*ANY_AGE, "--keep-last", "1", "--format", "json")
    plan = found.document("plan")
    assert found.code == 2
    assert plan["summary"]["delete"] == 4
    assert writes(folder) == []
    text = run(*ANY_AGE, "--keep-last", "1")
    assert text.code == 2
    assert "no kept commit and no deployment refers to it" in text.out
    assert "kept: the working tree refers to it" in text.out
    assert "give --auto-approve, and --at-most 6: that is above 50%" in text.err
    assert all(len(line) <= 80 for line in text.out.splitlines())
    assert run(*ANY_AGE, "--keep-last", "1", "--format", "markdown").code == 2
    assert writes(folder) == []


def test_it_deletes_what_nothing_refers_to_and_then_is_done(made: Repo, run: Run, folder: Path):
    assert made
    advance(folder, 400)
    refused = run(*ANY_AGE, "--keep-last", "1", "--auto-approve")
    assert refused.code == 1
    assert "6 of 9 resources would go; nothing was sent" in refused.err
    assert writes(folder) == []
    done = run(*ANY_AGE, "--keep-last", "1", "--auto-approve", "--at-most", "6")
    assert done.code == 0, done.err
    assert done.out.endswith("Removed: 4, 2 unchanged.\n")
    sent = writes(folder)
    assert {line.split()[0] for line in sent} == {"DELETE"}
    assert len(sent) == 6
    kinds = [line.split("/")[1] for line in sent]
    assert kinds.index("models") < kinds.index("dpoJobs") < kinds.index("datasets")
    again = run(*ANY_AGE, "--keep-last", "1", "--yes", "--format", "json")
    assert again.document("report")["exitCode"] == 0
    assert writes(folder) == []
    # The deployment was not asked anything for seven days; data and model are in place.
    assert "1 to create" in (plan := run("plan", *FAST).out)
    assert "2 unchanged" in plan


def test_what_the_last_commits_refer_to_stays_and_a_revert_trains_nothing(
    made: Repo, run: Run, folder: Path
):
    advance(folder, 400)
    assert run(*ANY_AGE, "--keep-last", "2", "--yes").code == 0
    assert len(writes(folder)) == 3
    made.commit("back", specs__a_yaml=written(2), specs__tutor_jsonl=rows(3, "Right 2"))
    assert run("apply", *FAST, "--auto-approve").code == 0
    assert not [w for w in writes(folder) if "dpoJobs" in w or "datasets" in w]


def test_what_a_deployment_could_come_back_with_stays(made: Repo, run: Run, folder: Path):
    assert made
    shown = run(*ANY_AGE, "--keep-last", "1")
    assert shown.code == 0
    assert "kept: deployments/tutor-" in shown.out
    assert writes(folder) == []


def test_by_default_what_is_recent_stays(made: Repo, run: Run, folder: Path):
    assert made
    shown = run("gc", *FAST, "--keep-last", "1")
    assert shown.code == 0
    assert writes(folder) == []


def test_uncommitted_specs_keep_what_they_refer_to(made: Repo, run: Run, folder: Path):
    advance(folder, 400)
    made.put("specs/a.yaml", written(1))
    made.put("specs/tutor.jsonl", rows(3, "Right 1"))
    assert run(*ANY_AGE, "--keep-last", "1", "--yes").code == 0
    assert len(writes(folder)) == 3


def test_it_refuses_where_the_past_is_not_known(made: Repo, run: Run, folder: Path):
    made.commit("broken", specs__a_yaml=written("many"))
    made.commit("mended", specs__a_yaml=written(3))
    refused = run(*ANY_AGE, "--keep-last", "2", "--yes")
    assert refused.code == 1
    short = made.git("rev-parse", "--short", "HEAD~1")
    assert f"{short}:specs/a.yaml:11:" in refused.err
    assert run(*ANY_AGE, "--keep-last", "1").code in (0, 2)
    made.git("clone", "-q", "--depth=1", f"file://{folder}", "shallow")
    data = ("--emulator-data", str(folder / ".dpo-ops" / "emulator"))
    refused = run("gc", "shallow/specs", *FAST, *data, "--yes")
    assert refused.code == 1
    assert "fetch-depth: 0" in refused.err
    assert writes(folder) == []


def test_to_show_and_to_delete_contradict_each_other(made: Repo, run: Run, folder: Path):
    assert made
    advance(folder, 400)
    refused = run(*ANY_AGE, "--keep-last", "1", "--dry-run", "--yes", "--at-most", "99")
    assert refused.code == 1
    assert "--auto-approve can't be given with --dry-run; nothing was sent" in refused.err
    assert run(*ANY_AGE, "--keep-last", "1", "--dry-run").code == 2
    assert writes(folder) == []


def test_outside_of_a_repository_it_refuses(specs: Path, run: Run):
    (specs / "stack.yaml").write_text(STACK)
    refused = run(*ANY_AGE, "--yes")
    assert refused.code == 1
    assert "git can't say" in refused.err


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1w", "9999999d", ""])
def test_what_is_no_age_is_refused(run: Run, age: str):
    assert "Invalid value" in run("gc", "--older-than", age).err
