"""`history`, `lineage` and `card` over a real repository and the embedded emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FAST, Run
from tests.cli.test_carry_on import admin
from tests.cli.test_gc import writes
from tests.history import Repo, repo, rows
from tests.history import specs as written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(folder: Path) -> Repo:
    """Return a repository with A, B and A again."""
    made = repo(folder)
    made.put(".gitignore", ".dpo-ops\n")
    for epochs in (1, 2, 1):
        made.commit(
            f"epochs {epochs}", specs__a_yaml=written(epochs), specs__tutor_jsonl=rows(2 + epochs)
        )
    return made


@pytest.fixture
def applied(made: Repo, run: Run) -> Repo:
    assert run("apply", *FAST, "--auto-approve").code == 0
    return made


def test_offline_git_alone_tells_which_commit_made_which_model(made: Repo, run: Run):
    assert made
    found = run("history", "--offline", "--format", "json").document("history")
    assert found["account"] is None
    assert found["offline"] == "--offline"
    how = [[model["how"] for model in commit["models"]] for commit in found["commits"]]
    assert how == [["again"], ["new"], ["new"]]
    models = [commit["models"][0] for commit in found["commits"]]
    assert models[0]["model"] == models[2]["model"] != models[1]["model"]
    assert {model["state"] for model in models} == {None}
    limited = run("history", "--offline", "--limit", "1", "--format", "json").document("history")
    assert len(limited["commits"]) == 1


def test_without_a_key_it_says_so_and_goes_on(made: Repo, run: Run):
    assert made
    found = run("history")
    assert found.code == 0
    assert found.out.startswith(made.git("rev-parse", "--short", "HEAD"))
    assert "the account was not asked: " in found.out
    assert "FIREWORKS_API_KEY" in found.out


def test_the_account_tells_what_is_ready_and_what_serves(applied: Repo, run: Run, folder: Path):
    assert applied
    writes(folder)
    found = run("history", *FAST, "--format", "json").document("history")
    again, other, first = (commit["models"][0] for commit in found["commits"])
    assert (again["state"], other["state"], first["state"]) == ("ready", "gone", "ready")
    assert len(again["servedBy"]) == 1
    assert other["servedBy"] == []
    text = run("history", *FAST).out
    assert f"served by {again['servedBy'][0]}" in text.replace("\n              ", " ")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert run("history", *FAST, "--format", "markdown").out.startswith("### dpo-ops history")
    assert writes(folder) == []


def test_a_commit_that_cannot_be_used_is_shown_and_is_no_failure(made: Repo, run: Run):
    made.commit("broken", specs__a_yaml=written("many"))
    made.commit("mended", specs__a_yaml=written(1, 2))
    shown = run("history", "--offline")
    assert shown.code == 0
    short = made.git("rev-parse", "--short", "HEAD~1")
    assert f"its specs can't be used: {short}:specs/a.yaml:11:" in shown.out
    found = run("history", "--offline", "--format", "json").document("history")
    assert [commit["usable"] for commit in found["commits"]] == [True, False, True, True, True]
    assert found["findings"][0]["where"].startswith(f"{short}:specs/a.yaml:11:")


def test_a_shallow_clone_is_said_to_be_one(made: Repo, run: Run, folder: Path):
    made.git("clone", "-q", "--depth=1", f"file://{folder}", "shallow")
    shown = run("history", "shallow/specs", "--offline")
    assert shown.code == 0
    assert "earlier commits are not in this clone" in shown.err
    assert "fetch-depth: 0" in shown.err


def test_lineage_goes_both_ways(applied: Repo, run: Run):
    def edges(name: str) -> set[tuple[str, str]]:
        found = run("lineage", name, *FAST, "--format", "json").document("lineage")
        return {
            (edge["of"].partition("/")[0], edge["from"].partition("/")[0])
            for edge in found["edges"]
        }

    down = {
        ("deployments", "models"),
        ("models", "dpoJobs"),
        ("dpoJobs", "datasets"),
        ("datasets", "commits"),
    }
    for name in (
        "Deployment/tutor",
        "Dataset/tutor",
        "DPOJob/tutor-tune",
        applied.git("rev-parse", "--short", "HEAD~2"),
    ):
        assert edges(name) >= down, name
    text = run("lineage", "Deployment/tutor", *FAST).out
    order = ("deployments/", "models/", "dpoJobs/", "datasets/", "commit ")
    first = [
        text.index(f"{'' if number == 0 else '─ '}{part}") for number, part in enumerate(order)
    ]
    assert first == sorted(first)
    assert run("lineage", "Dataset/tutor", *FAST, "--format", "markdown").code == 0
    assert run("lineage", "Deployment/tutor", "--offline").code == 0


def test_a_name_that_is_not_known_or_is_of_several_things(made: Repo, run: Run):
    assert made
    missing = run("lineage", "DPOJob/tutor-tun", "--offline")
    assert missing.code == 1
    assert "did you mean DPOJob/tutor-tune?" in missing.err
    several = run("lineage", "tutor", "--offline")
    assert several.code == 1
    assert "name one of: datasets/tutor-" in several.err


def test_a_card_of_what_is_trained(applied: Repo, run: Run, folder: Path):
    out = folder / "card.md"
    written = run("card", "DPOJob/tutor-tune", *FAST, "--out", str(out))
    assert written.code == 0, written.err
    assert written.out == ""
    card = out.read_text()
    for part in (
        f"| commit | `{applied.git('rev-parse', 'HEAD~2')}` 2026-11-01 Ada Lovelace: epochs 1 |",
        "| pairs | 3 |",
        "| `trainingConfig.epochs` | `1` | the specs |",
        "| estimated cost | under \\$0.01: about ",
        "| served by | `tutor-",
        "dpo-ops apply specs",
    ):
        assert part in card, part
    shown = run("card", "DPOJob/tutor-tune", *FAST, "--format", "json").document("card")
    assert shown["data"]["rows"] == 3
    assert shown["commit"]["subject"] == "epochs 1"
    by_id = run("card", shown["model"], *FAST, "--format", "json").document("card")
    by_job = run("card", f"{shown['model']}-a1", *FAST, "--format", "json").document("card")
    assert shown == by_id == by_job
    offline = run("card", shown["model"], "--offline", "--format", "json").document("card")
    assert (offline["account"], offline["created"]) == (None, None)
    assert offline["settings"] == [one for one in shown["settings"] if one["sent"]]


def test_a_card_of_what_is_still_trained_says_so_once(made: Repo, run: Run):
    assert made
    held = "JOB_STATE_RUNNING"
    assert run("status", *FAST).code == 0  # So that there is an account.
    admin("settings", {"jobOverrides": [{"state": held, "at": held}]})
    assert run("apply", *FAST, "--auto-approve", "--wait-budget", "4s").code == 3
    made_card = run("card", "DPOJob/tutor-tune", *FAST)
    [state] = [line for line in made_card.out.splitlines() if line.startswith("| state |")]
    assert state.count("training") == 1, state


def test_a_card_of_what_is_no_model(made: Repo, run: Run):
    assert made
    refused = run("card", "Dataset/tutor", "--offline")
    assert refused.code == 1
    assert "is no model" in refused.err


def test_a_card_of_a_model_that_no_commit_wants(applied: Repo, run: Run, folder: Path):
    shown = run("card", "DPOJob/tutor-tune", *FAST, "--format", "json").document("card")
    applied.git("checkout", "-q", "--orphan", "fresh")
    applied.commit("other", specs__a_yaml=written(7), specs__tutor_jsonl=rows(5))
    bare = run("card", shown["model"], *FAST, "--format", "json").document("card")
    assert bare["commit"] is None
    assert bare["baseModel"] == shown["baseModel"]
    assert {one["sent"] for one in bare["settings"]} == {None}
    assert run("card", shown["model"], *FAST).code == 0
    assert folder


def test_a_card_without_its_file_at_hand(made: Repo, run: Run):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'5' * 64}\nsize 12\n"
    made.commit("lfs", specs__tutor_jsonl=pointer)
    found = run("card", "DPOJob/tutor-tune", "--offline", "--format", "json").document("card")
    assert found["data"] == {
        "sha256": "5" * 64,
        "path": "specs/tutor.jsonl",
        "bytes": 12,
        "rows": None,
        "tokens": None,
        "duplicates": None,
    }
    assert found["cost"] is None


def test_apply_writes_a_card_for_each_model_that_it_made(made: Repo, run: Run, folder: Path):
    assert run("apply", *FAST, "--auto-approve", "--cards", "cards/new").code == 0
    (card,) = (folder / "cards" / "new").iterdir()
    assert card.name.startswith("tutor-tune-")
    assert f"| commit | `{made.git('rev-parse', 'HEAD~2')}`" in card.read_text()
    card.write_text("mine")
    again = run("apply", *FAST, "--cards", "cards/new")
    assert (again.code, card.read_text()) == (0, "mine")  # It is there already.
    card.unlink()
    assert run("reconcile", *FAST, "--cards", "cards/new").code == 0
    assert f"| commit | `{made.git('rev-parse', 'HEAD~2')}`" in card.read_text()


SLOW = ("--emulator", "--emulator-speed", "1")


@pytest.mark.parametrize(
    "command",
    [
        ("reconcile", "--cards", "cards"),
        ("ci", "reconcile", "--approve", "specs", "--cards", "cards"),
        ("ci", "apply", "--approve", "specs", "--cards", "cards"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_a_model_that_another_run_began_gets_its_card_from_the_run_that_sees_it_ready(
    made: Repo, run: Run, folder: Path, command: tuple[str, ...]
):
    assert run("apply", *SLOW, "--auto-approve", "--no-wait", "--cards", "cards").code == 3
    assert not (folder / "cards").exists()
    assert run(*command, *FAST).code == 0
    (card,) = (folder / "cards").iterdir()
    assert f"| commit | `{made.git('rev-parse', 'HEAD~2')}`" in card.read_text()


@pytest.mark.usefixtures("made")
def test_the_word_for_a_failure_stands_once(run: Run):
    lost = {"job": "*-a1", "state": "JOB_STATE_FAILED", "status": {"message": "a node was lost"}}
    assert run("status", *FAST).code == 0
    admin("settings", {"jobOverrides": [lost]})
    assert run("apply", *FAST, "--auto-approve").code == 1
    card = run("card", "DPOJob/tutor-tune", *FAST).out
    assert "| state | failed: a node was lost" in card
    assert "failed: failed" not in run("history", *FAST).out


@pytest.mark.usefixtures("made")
def test_a_loop_writes_a_card_once_and_says_once_why_it_can_not(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    assert run("apply", *FAST, "--auto-approve").code == 0
    monkeypatch.setattr("dpo_ops.cli.rounds.sleep_unless", lambda *_: None)
    (folder / "taken").write_text("no folder")
    for cards, said in (("made/cards", "written: "), ("taken/cards", "warning: no model card")):
        asked = iter(range(40))
        monkeypatch.setattr("dpo_ops.cli.stopping.Stop.__call__", lambda _, n=asked: next(n) > 30)
        done = run("reconcile", *FAST, "--every", "1s", "--cards", cards, "--format", "json")
        assert done.code == 0, done.err
        assert len(done.out.splitlines()) > 1
        assert done.err.count(said) == 1, done.err
    (card,) = (folder / "made" / "cards").iterdir()
    assert card.name.startswith("tutor-tune-")


def test_a_card_that_cannot_be_written_fails_no_apply(specs: Path, run: Run):
    assert specs
    done = run("apply", *FAST, "--auto-approve", "--cards", "cards")
    assert done.code == 0
    assert "warning: no model card was written: " in done.err
    assert run("plan", *FAST, "--out", "plan.json").code == 0
    for how in (("apply",), ("reconcile",), ("reconcile", "--every", "1m")):
        refused = run(how[0], "plan.json", *how[1:], *FAST, "--cards", "cards")
        assert refused.code == 1
        assert "--cards can't be given with a saved plan; nothing was sent" in refused.err


@pytest.mark.parametrize("name", ["history", "lineage", "card"])
def test_each_has_a_schema(run: Run, name: str):
    assert json.loads(run("schema", name).out)["title"] == f"dpo-ops {name}"
