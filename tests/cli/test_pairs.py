"""The `pairs` commands as people run them: offline, without a key, in every format."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dpo_ops.pairs import RULES
from dpo_ops.reporters.schemas import SCHEMAS
from tests.cli.conftest import Ran, Run, spawned
from tests.pairs.edits import as_row, write_edited

GOOD = [as_row(f"question {n}", f"answer {n}", "dunno") for n in range(5)]
BROKEN = as_row("Why is the sky blue?", "Because.", "Dunno.") | {
    "non_preferred_output": [{"role": "asistant", "content": "Dunno."}]
}


def write(name: str, *rows: object) -> str:
    text = "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in rows)
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_good_file_is_good(run: Run) -> None:
    ran = run("pairs", "check", write("prefs.jsonl", *GOOD))
    assert ran.code == 0
    assert ran.out.endswith("Good: 5 rows in 1 file.\n")
    assert ran.err == ""


def test_the_mark_stands_below_what_is_wrong(run: Run) -> None:
    ran = run("pairs", "check", write("prefs.jsonl", *GOOD, BROKEN), "--no-color")
    assert ran.code == 1
    lines = ran.out.splitlines()
    mark = next(n for n, line in enumerate(lines) if line.strip() == "^")
    assert lines[mark - 1][lines[mark].index("^") :].startswith('"asistant"')
    assert lines[0].startswith("prefs.jsonl:6:")
    assert lines[-1] == "Not good: 1 error; 6 rows in 1 file."
    assert all(len(line) <= 80 for line in lines)


def test_all_files_are_checked_and_one_that_is_missing_is_a_finding(run: Run) -> None:
    ran = run("pairs", "check", write("a.jsonl", *GOOD), "gone.jsonl", "--format", "json")
    assert ran.code == 1
    found = ran.document("pairs-check")
    assert [file["rows"] for file in found["files"]] == [5, 0]
    assert found["files"][1]["sha256"] is None
    assert found["findings"][0]["place"]["file"] == "gone.jsonl"


# What code scanning needs of SARIF 2.1.0, taken from the standard's own schema.
def test_sarif_has_what_a_reader_of_it_needs(run: Run) -> None:
    ran = run("pairs", "check", write("a b.jsonl", *GOOD, BROKEN, "{\n"), "--format", "sarif")
    assert ran.code == 1
    log = json.loads(ran.out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    [one] = log["runs"]
    driver = one["tool"]["driver"]
    assert driver["name"] == "dpo-ops"
    assert one["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids) == 2
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    assert len(one["results"]) == 2
    for result in one["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert ids[result["ruleIndex"]] == result["ruleId"]
        [location] = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "a%20b.jsonl"
        assert physical["region"]["startLine"] >= 6
        assert physical["region"]["startColumn"] >= 1


def test_sarif_of_a_good_file_has_no_results(run: Run) -> None:
    log = json.loads(run("pairs", "check", write("a.jsonl", *GOOD), "--format", "sarif").out)
    assert log["runs"][0]["results"] == []


def test_annotations_are_capped_and_count_the_rest(run: Run) -> None:
    rows = [{**BROKEN, "input": {"messages": []}} for _ in range(9)]
    ran = run("pairs", "check", write("prefs.jsonl", *rows), "--format", "github")
    assert ran.code == 1
    commands = [line for line in ran.err.splitlines() if line.startswith("::")]
    assert sum(line.startswith("::error file=prefs.jsonl,line=") for line in commands) == 10
    assert "more" in commands[-1]
    assert commands[-1].startswith("::notice")
    assert "| file | rows | sha256 |" in ran.out


def test_the_terminal_is_safe_from_what_a_row_holds(run: Run) -> None:
    evil = as_row("q", "\x1b[31mred\x9b2J", "\u202ereversed")
    ran = run("pairs", "diff", write("a", evil), write("b", as_row("q", "x", "y")))
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    broken = json.dumps(BROKEN, ensure_ascii=False).replace("Because", "\x9b2J\u202e")
    ran = run("pairs", "check", write("c", broken + "\n"))
    assert "\x9b" not in ran.out


def test_statistics(run: Run) -> None:
    name = write("prefs.jsonl", *GOOD, GOOD[0], "{\n")
    ran = run("pairs", "stats", name)
    assert ran.code == 0
    assert ran.out.startswith("6 pairs\n1 line left out: no pair")
    assert "duplicates:      1 of 6 rows (16.7%)" in ran.out
    assert "estimated, within about 3% for English" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert "| prompt |" in run("pairs", "stats", name, "--format", "markdown").out
    found = run("pairs", "stats", name, "--format", "json").document("pairs-stats")
    assert (found["rows"], found["duplicates"], found["tokenizer"]) == (6, 1, None)


def test_a_comparison_of_two_files(run: Run, folder: Path) -> None:
    write_edited(folder / "a.jsonl", folder / "b.jsonl", 500)
    ran = run("pairs", "diff", "a.jsonl", "b.jsonl", "--samples", "1")
    assert ran.code == 0
    assert "  ! flipped  a.jsonl:1 → b.jsonl:1\n" in ran.out
    assert "  !   6 flipped: the sides are swapped\n" in ran.out
    assert "tokens of an epoch: +" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    found = run("pairs", "diff", "a.jsonl", "b.jsonl", "--format", "json").document("pairs-diff")
    assert found["counts"]["flipped"] == 6
    assert not found["equal"]
    assert (
        "| `!` | 6 | flipped"
        in run("pairs", "diff", "a.jsonl", "b.jsonl", "--format", "markdown").out
    )


def test_a_comparison_can_decide_the_exit_code(run: Run) -> None:
    one, other = write("a", *GOOD), write("b", *GOOD[::-1])
    assert run("pairs", "diff", one, one, "--exit-code").code == 0
    assert run("pairs", "diff", one, other, "--exit-code").code == 2
    assert run("pairs", "diff", one, other).code == 0


@pytest.fixture
def repository(folder: Path) -> Path:
    """Return a repository in which `prefs.jsonl` was edited after its first commit."""
    (folder / ".git").rmdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    write("prefs.jsonl", *GOOD)
    write("pointer.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True, cwd=folder)
    write("prefs.jsonl", *GOOD[1:], as_row("new", "a", "b"))
    return folder


@pytest.mark.usefixtures("repository")
def test_a_revision_in_git_can_be_compared(run: Run) -> None:
    ran = run("pairs", "diff", "HEAD:prefs.jsonl", "prefs.jsonl", "--format", "json")
    counts = ran.document("pairs-diff")["counts"]
    assert (counts["added"], counts["removed"], counts["same"]) == (1, 1, 4)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("HEAD:gone.jsonl", "there is no file HEAD:gone.jsonl, and git has none"),
        ("nowhere:prefs.jsonl", "there is no file nowhere:prefs.jsonl"),
        ("HEAD:pointer.jsonl", "is a pointer of Git LFS"),
        ("HEAD:", "there is no file HEAD:"),
        ("gone.jsonl", "gone.jsonl can't be read"),
    ],
)
def test_what_is_nowhere_is_said_to_be(run: Run, name: str, why: str) -> None:
    ran = run("pairs", "diff", name, "prefs.jsonl")
    assert ran.code == 1
    assert why in " ".join(ran.err.split())


@pytest.mark.usefixtures("repository")
def test_no_option_reaches_git_through_a_name(run: Run) -> None:
    ran = run("pairs", "diff", "--", "--output=x:prefs.jsonl", "prefs.jsonl")
    assert ran.code == 1
    assert "names no revision" in ran.err


def test_cost(run: Run) -> None:
    name = write("prefs.jsonl", *GOOD)
    ran = run("pairs", "cost", name)
    assert ran.code == 0
    assert "up to 16B" in ran.out
    assert "https://fireworks.ai/pricing, as of 2026-10-08" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    one = run("pairs", "cost", name, "--format", "json").document("pairs-cost")
    three = ("--base-model", "accounts/fireworks/models/qwen3-14b", "--epochs", "3")
    asked = run("pairs", "cost", name, *three, "--format", "json").document("pairs-cost")
    assert len(one["quotes"]) == 8
    assert [quote["tunes"] for quote in asked["quotes"]] == ["lora", "all"]
    assert asked["quotes"][0]["high"] == pytest.approx(one["tokens"]["billable"] * 3.9e-6, abs=1e-4)
    unknown = run("pairs", "cost", name, "--base-model", "deepseek-v3", "--format", "json")
    found = unknown.document("pairs-cost")
    assert found["quotes"] == []
    assert "how large" in found["unpriced"]
    assert "cost: not known" in run("pairs", "cost", name, "--base-model", "deepseek-v3").out


def test_a_tokenizer_that_is_none_is_refused(run: Run) -> None:
    pytest.importorskip("tokenizers")
    ran = run("pairs", "cost", write("p.jsonl", *GOOD), "--tokenizer", "p.jsonl")
    assert ran.code == 1
    assert "is not a tokenizer" in ran.err


def test_every_rule_can_be_explained(run: Run) -> None:
    listed = run("pairs", "explain").out.splitlines()
    for name, rule in RULES.items():
        assert any(line.startswith(f"{rule.id}  {name} ") for line in listed)
    for rule in RULES:
        ran = run("pairs", "explain", rule)
        assert ran.code == 0
        assert ran.out.startswith(f"{RULES[rule].id} {rule} ")
        assert run("pairs", "explain", RULES[rule].id.lower()).out == ran.out
        # A row that is an example is not broken over lines.
        assert all(len(line) <= 80 for line in ran.out.splitlines() if not line.startswith(" "))
    assert run("pairs", "explain", "DPO000").code == 1


def test_import_and_split_write_whole_files(run: Run, folder: Path) -> None:
    rows = [{"prompt": f"q{n}", "chosen": "good", "rejected": "bad"} for n in range(50)]
    ran = run("pairs", "import", write("trl.jsonl", *rows), "-o", "prefs.jsonl")
    assert (ran.code, ran.out) == (0, "wrote 50 pairs to prefs.jsonl\n")
    targets = ("--training", "train.jsonl", "--held-out", "held.jsonl")
    ran = run("pairs", "split", "prefs.jsonl", *targets, "--share", "20%")
    assert ran.code == 0
    sides = [(folder / name).read_text().splitlines() for name in ("train.jsonl", "held.jsonl")]
    assert sum(map(len, sides)) == 50
    assert all(sides)
    again = run("pairs", "split", "prefs.jsonl", *targets)
    assert again.code == 1
    assert "exists; nothing was written" in again.err
    assert run("pairs", "split", "prefs.jsonl", *targets, "--force").code == 0


@pytest.mark.parametrize("share", ["0", "1", "100%", "half", "-3%", "nan"])
def test_a_share_is_a_part(run: Run, share: str) -> None:
    targets = ("--training", "t", "--held-out", "h")
    ran = run("pairs", "split", write("p.jsonl", *GOOD), *targets, f"--share={share}")
    assert ran.code == 1
    assert "is no part of a whole" in ran.err


def test_each_row_that_cannot_be_imported_is_named(run: Run) -> None:
    source = write("trl.jsonl", {"prompt": "q", "chosen": "a", "rejected": "b"}, {"text": "x"})
    ran = run("pairs", "import", source, "-o", "out.jsonl")
    assert ran.code == 1
    assert "trl.jsonl:2:1: error: has no chosen and rejected, but text" in ran.err
    assert not Path("out.jsonl").exists()
    ran = run("pairs", "import", source, "-o", "out.jsonl", "--skip-bad")
    assert (ran.code, ran.out) == (0, "wrote 1 pair to out.jsonl, 1 left out\n")


def test_in_a_pipe_there_is_no_colour_and_no_key_is_needed() -> None:
    write("prefs.jsonl", *GOOD, BROKEN)
    for command in (["check", "prefs.jsonl"], ["stats", "prefs.jsonl"], ["cost", "prefs.jsonl"]):
        ran = spawned("pairs", *command)
        assert ran.code in (0, 1)
        assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize("name", ["check", "stats", "diff", "cost", "explain", "import", "split"])
def test_each_command_has_a_help_page(run: Run, name: str) -> None:
    ran = run("pairs", name, "--help")
    assert ran.code == 0
    assert ran.out.startswith("Usage: ")


def test_a_held_out_file_must_not_ask_what_was_answered(run: Run) -> None:
    training = write("train.jsonl", *GOOD)
    held_out = write("held.jsonl", *[as_row(f"other {n}", "a", "b") for n in range(3)], GOOD[2])
    ran = run("pairs", "check", training, "--held-out", held_out)
    assert ran.code == 1
    assert "held.jsonl:4:1: error: the same input as in line 3 of train.jsonl" in " ".join(
        ran.out.split()
    )
    assert ran.out.endswith("9 rows in 2 files.\n")
    apart = run("pairs", "check", training, "--held-out", write("h.jsonl", *rows_of("x", 3)))
    assert apart.code == 0


def rows_of(prompt: str, number: int) -> list[dict[str, object]]:
    return [as_row(f"{prompt} {n}", "a", "b") for n in range(number)]


@pytest.mark.parametrize(
    ("level", "code", "shown"), [("off", 0, False), ("warning", 0, True), ("error", 1, True)]
)
def test_a_project_decides_how_bad_a_rule_is(run: Run, level: str, code: int, shown: bool) -> None:
    name = write("prefs.jsonl", *GOOD, BROKEN)
    for rule in ("answer-role", RULES["answer-role"].id):
        ran = run("pairs", "check", name, "--severity", f"{rule}={level}")
        assert (ran.code, "[answer-role]" in ran.out) == (code, shown)


@pytest.mark.parametrize("level", ["answer-role", "answer-role=bad", "=off"])
def test_a_level_that_is_none_is_refused(run: Run, level: str) -> None:
    ran = run("pairs", "check", write("p.jsonl", *GOOD), "--severity", level)
    assert ran.code == 1
    assert "write RULE=LEVEL" in ran.err


def test_a_deep_look_finds_what_is_too_long(run: Run) -> None:
    pytest.importorskip("rensa")
    name = write("prefs.jsonl", *GOOD, as_row("why?", "because " * 200, "no"))
    assert run("pairs", "check", name, "--deep").code == 0
    ran = run("pairs", "check", name, "--deep", "--max-context", "100", "--format", "json")
    [finding] = [f for f in ran.document("pairs-check")["findings"] if f["rule"] == "over-context"]
    assert finding["place"]["line"] == 6


@pytest.mark.parametrize("command", ["stats", "check", "diff"])
def test_a_page_is_whole(run: Run, command: str) -> None:
    files = [write("p.jsonl", *GOOD)] * (2 if command == "diff" else 1)
    ran = run("pairs", command, *files, "--format", "html")
    assert ran.code == 0
    assert ran.out.startswith("<!doctype html>")
    assert ran.out.endswith("</html>\n")
    assert run("pairs", "cost", "p.jsonl", "--format", "html").code == 1


def _told(ran: Ran, schema: str) -> dict[str, Any]:
    assert ran.code == 0
    document: dict[str, Any] = json.loads(ran.out)
    Draft202012Validator(SCHEMAS[schema]).validate(document)
    return document


def test_what_is_written_and_what_rules_ask_is_told_as_json(run: Run) -> None:
    source = write("trl.jsonl", {"prompt": "q", "chosen": "a", "rejected": "b"}, {"text": "x"})
    asked = ("--skip-bad", "--format", "json")
    imported = _told(run("pairs", "import", source, "-o", "out.jsonl", *asked), "pairs-import")
    assert imported == {"version": 1, "output": "out.jsonl", "rows": 1, "refused": 1}
    targets = ("--training", "t.jsonl", "--held-out", "h.jsonl")
    split = _told(run("pairs", "split", "out.jsonl", *targets, *asked), "pairs-split")
    assert split["training"]["rows"] + split["heldOut"]["rows"] == 1
    told = _told(run("pairs", "explain", "dpo101", "--format", "json"), "pairs-explain")
    assert [rule["id"] for rule in told["rules"]] == ["DPO101"]
    every = _told(run("pairs", "explain", "--format", "json"), "pairs-explain")
    assert len(every["rules"]) == len(RULES)
