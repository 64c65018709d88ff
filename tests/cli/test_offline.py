"""What needs no account: validate, schema, init, help, version, and how all of it fails."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import jsonschema
import pytest

from dpo_ops import __version__
from dpo_ops.cli.app import COMMANDS
from dpo_ops.reporters.schemas import SCHEMAS
from tests.cli.conftest import command, environment, spawned

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_the_specs_of_init_are_valid(run: Run, folder: Path):
    made = run("init")
    assert made.code == 0
    assert made.out == "wrote specs/assistant.yaml\nwrote specs/assistant.jsonl\n"
    assert "dpo-ops plan --emulator" in made.err
    assert run("validate").out == "Valid: 3 resources in 1 file.\n"
    assert sorted(p.name for p in (folder / "specs").iterdir()) == [
        "assistant.jsonl",
        "assistant.yaml",
    ]


def test_init_overwrites_nothing_and_writes_all_or_nothing(run: Run, folder: Path):
    (folder / "here").mkdir()
    (folder / "here" / "assistant.jsonl").write_text("mine")
    made = run("init", "here")
    assert made.code == 1
    assert "error: here/assistant.jsonl exists; nothing was written" in made.err
    assert [p.name for p in (folder / "here").iterdir()] == ["assistant.jsonl"]
    assert (folder / "here" / "assistant.jsonl").read_text() == "mine"


def test_validate_shows_every_finding_with_its_place(run: Run, specs: Path):
    file = specs / "assistant.yaml"
    file.write_text(file.read_text().replace("epochs: 1", "epochs: -1").replace("beta", "bet"))
    made = run("validate")
    assert made.code == 1
    assert made.out.count("specs/assistant.yaml:") == 2
    assert made.out.endswith("Not valid: 2 errors.\n")
    assert not made.err


def test_findings_as_json(run: Run, specs: Path):
    assert run("validate", "--format", "json").document("findings")["findings"] == []
    (specs / "assistant.jsonl").unlink()
    made = run("validate", "--format", "json")
    assert made.code == 1
    [finding] = made.document("findings")["findings"]
    assert finding["place"]["file"] == "specs/assistant.yaml"


def test_findings_for_github_are_a_summary_and_annotations(run: Run, specs: Path):
    (specs / "assistant.jsonl").unlink()
    made = run("validate", "--format", "github")
    assert made.out.startswith("### dpo-ops validate\n\n**Not valid: 1 error.**")
    assert made.err.startswith("::error file=specs/assistant.yaml,line=")
    assert run("validate", "--format", "markdown").err == ""


def test_no_specs_is_an_error_not_an_empty_wish(run: Run):
    made = run("plan", "--emulator")
    assert made.code == 1
    assert "specs" in made.err
    assert not made.out


def test_an_error_is_one_json_document_too(run: Run):
    made = run("plan", "--emulator", "--format", "json")
    assert made.code == 1
    assert made.document("error")["error"]["type"] == "SpecError"
    assert "error: 1 error in the specs" in made.err


@pytest.mark.parametrize(
    "args",
    [
        ("plan", "--nonsense"),
        ("nonsense",),
        ("plan", "--format", "yaml"),
        ("apply", "--wait-budget", "soon"),
        ("schema", "nonsense"),
    ],
)
def test_a_wrong_command_line_is_an_error_and_never_means_changes(run: Run, args: tuple[str, ...]):
    made = run(*args)
    assert made.code == 1
    assert made.err.startswith("error: ")
    assert not made.out


def test_a_command_that_is_nearly_right_is_answered_with_the_right_one(run: Run):
    assert "there is no command 'aply'; did you mean apply?" in run("aply").err
    assert "did you mean" not in run("nonsense").err
    assert "no such option" in run("--plan").err.lower()


def test_a_wrong_command_line_obeys_the_format(run: Run):
    for said in (("--format", "json"), ("--format=json",)):
        made = run("plan", *said, "--nonsense")
        assert made.document("error")["error"]["type"] == "UsageError"


def test_without_a_command_the_help_is_shown(run: Run):
    made = run()
    assert made.code == 1
    assert "Usage: dpo-ops" in made.err


@pytest.mark.parametrize("name", [*COMMANDS, "emulator serve"])
def test_every_command_has_a_help_page(run: Run, name: str):
    made = run(*name.split(), "--help")
    assert made.code == 0
    assert made.out.startswith(f"Usage: dpo-ops {name}")
    assert all(len(line) <= 80 for line in made.out.splitlines())
    # Only what a command offers is explained by it.
    assert "|github" in made.out or "`github`" not in made.out


def test_the_list_of_commands_says_what_their_help_says(run: Run):
    assert all(f"  {name} " in run("--help").out for name in COMMANDS)


def test_no_key_is_an_error_that_says_what_to_set(run: Run, specs: Path):
    assert specs.exists()
    made = run("plan")
    assert made.code == 1
    assert "FIREWORKS_API_KEY" in made.err


def test_schemas_are_schemas(run: Run):
    names = [line.split()[0] for line in run("schema").out.splitlines()]
    own = ["spec", "plan", "report", "round", "status", "drift", "metrics", "outputs", "history"]
    own += ["lineage", "card", "import", "fmt", "findings", "error"]
    assert [name for name in names if not name.startswith("pairs-")] == own
    assert [name for name in names if name != "spec"] == list(SCHEMAS)
    for name in names:
        schema = json.loads(run("schema", name).out)
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_version_is_answered_without_loading_anything():
    loaded = "import sys; sys.argv[1:] = ['--version']; from dpo_ops.__main__ import main; main();"
    check = "print([m for m in ('click', 'pydantic', 'httpx', 'rich', 'yaml') if m in sys.modules])"
    said = subprocess.run(
        [*command()[:1], "-c", loaded + check], capture_output=True, env=environment(), check=True
    )
    assert said.stdout.decode() == f"dpo-ops {__version__}\n[]\n"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_loads_no_stage(name: str):
    loaded = f"import sys; sys.argv[1:] = {[*name.split(), '--help']}\n"
    loaded += "try:\n  from dpo_ops.__main__ import main\n"
    check = "  main()\nexcept SystemExit: pass\nprint([m for m in sys.modules if m in "
    heavy = "('pydantic', 'httpx', 'rich', 'yaml', 'dpo_ops.kinds', 'dpo_ops.reporters')])"
    said = subprocess.run(
        [*command()[:1], "-c", loaded + check + heavy],
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert said.stdout.decode().endswith("\n[]\n")


def test_the_version_is_quick():
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert spawned("--version").code == 0
        took.append(time.perf_counter() - began)
    assert min(took) < 0.25  # Usually a tenth of it; a busy machine is no failure.


@pytest.mark.usefixtures("specs")
def test_a_locale_without_utf_8_is_no_crash():
    made = spawned("plan", "--emulator", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert made.code == 2
    assert "→" in made.out


@pytest.mark.usefixtures("specs")
def test_a_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            command("validate"),
            stdout=closed,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_defect_is_said_in_words_and_with_a_traceback_on_request(
    run: Run, specs: Path, monkeypatch: pytest.MonkeyPatch
):
    assert specs.exists()
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw-secret-123")
    monkeypatch.setattr("dpo_ops.loader.load", broken)
    made = run("validate")
    assert made.code == 1
    assert "error: KeyError: 'fw-secret-123'" not in made.err
    assert "error: KeyError: '***'" in made.err
    assert "DPO_OPS_TRACEBACK=1" in made.err
    assert "Traceback" not in made.err
    monkeypatch.setenv("DPO_OPS_TRACEBACK", "1")
    again = run("validate")
    assert "Traceback" in again.err
    assert "fw-secret" not in again.err


def test_an_interrupt_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dpo_ops.loader.load", interrupt)
    made = run("validate")
    assert made.code == 1
    assert "error: interrupted" in made.err


def broken(*_: object, **__: object) -> None:
    raise KeyError("fw-secret-123")
